//! Bills (对账单, A13).
