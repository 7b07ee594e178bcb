//! The one room that calls the ledger's templates: it turns a business event into a transaction.

use chrono::{DateTime, Utc};
use domain::{AccountId, MerchantId, MeterId, Money, OperatorId, OrderId, Purpose};
use ledger::{LedgerAccount, Transaction, template};

use crate::refusal::Result;
