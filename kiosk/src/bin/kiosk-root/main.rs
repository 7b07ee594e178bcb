//! What only root may do at a kiosk, and nothing else. systemd starts it for one connection of the
//! socket that only the kiosk's user may open; one line comes in, one goes out.
//!
//! Nothing that comes in is a command, a path or a number: an action is a word of a list, a release
//! is named by its digest and carried out only if the maker has signed it.

#[cfg(unix)]
mod asked;
#[cfg(test)]
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod proof;
#[cfg(unix)]
mod release;
#[cfg(unix)]
mod trial;
#[cfg(unix)]
mod unpack;

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    asked::run()
}

#[cfg(not(unix))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("there is no systemd here that could be asked for anything")
}
