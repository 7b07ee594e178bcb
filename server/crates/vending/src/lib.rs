//! vending
