//! The tables as sea-orm sees them, one file each, in the order of the migrations.
//!
//! The columns, their checks and their keys are described where they are made: `migrations`.
//! Invariant: entities and migrated schema name the same columns; proved by
//! `every_entity_reads_the_migrated_schema`.

// Every public name here is a column or what sea-orm derives from one.
#![allow(missing_docs)]

pub mod account;
pub mod alarm;
pub mod attempt;
pub mod attempt_locator;
pub mod bill_line;
pub mod billing_cursor;
pub mod binding;
pub mod binding_code;
pub mod binding_request;
pub mod frame_log;
pub mod gateway;
pub mod gateway_interval;
pub mod hold;
pub mod holiday_list;
pub mod home;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod invitation;
pub mod job;
pub mod kiosk;
pub mod kiosk_card;
pub mod kiosk_challenge;
pub mod kiosk_command;
pub mod kiosk_content;
pub mod kiosk_event;
pub mod kiosk_file;
pub mod kiosk_file_part;
pub mod kiosk_interval;
pub mod kiosk_locator;
pub mod kiosk_pairing;
pub mod kiosk_play;
pub mod kiosk_print;
pub mod kiosk_pulse;
pub mod kiosk_received;
pub mod kiosk_session;
pub mod kiosk_shown;
pub mod kiosk_upload;
pub mod kiosk_voucher;
pub mod landlord;
pub mod ledger_rollup;
pub mod ledger_transaction;
pub mod merchant;
pub mod meter;
pub mod meter_epoch;
pub mod meter_tag;
pub mod notice;
pub mod notice_choice;
pub mod notice_delivery;
pub mod notice_quiet;
pub mod operation_log;
pub mod operator;
pub mod operator_role;
pub mod operator_session;
pub mod order_event;
pub mod order_kiosk;
pub mod order_locator;
pub mod order_tenant;
pub mod orders;
pub mod person;
pub mod person_session;
pub mod posting;
pub mod project;
pub mod provider_fact;
pub mod purse;
pub mod rate;
pub mod reading_day;
pub mod reading_gap;
pub mod reading_latest;
pub mod reading_quarantine;
pub mod reading_today;
pub mod receipt_locator;
pub mod relay_command;
pub mod room;
pub mod setting;
pub mod shipping;
pub mod sign_in_ticket;
pub mod sms_challenge;
pub mod stream_ticket;
pub mod subscription_quota;
pub mod supply;
pub mod tariff;
pub mod vend;
pub mod work_item;
