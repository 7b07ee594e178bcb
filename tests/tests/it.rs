//! The one integration test binary: the product in process, simulators on real sockets, and the
//! rules of the house.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod it {
    mod arrears;
    mod billing;
    mod callback;
    mod campaign;
    mod delivery;
    mod fault_rows;
    mod fault_tables;
    mod gap;
    mod home;
    mod killed;
    mod kiosk;
    mod kiosk_card;
    mod kiosk_channel;
    mod kiosk_sale;
    mod merchant;
    mod notice;
    mod payment;
    mod person;
    mod placed;
    mod postgres;
    mod replace;
    mod rows;
    mod shipping;
    mod switching;
    mod tenant;
    mod tidy;
    mod top_up;
    mod trip;
    mod vend;
    mod worker;
}
