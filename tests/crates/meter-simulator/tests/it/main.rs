//! The simulator over real sockets.

#![cfg(test)]

mod knobs;
mod populations;
mod wire;
