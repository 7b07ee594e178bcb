//! meter-protocol
