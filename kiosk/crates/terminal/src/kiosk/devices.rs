//! What hangs on the machine, as the engine asks for it.

use std::{io, path::Path, sync::Arc};

use async_trait::async_trait;
use kiosk_wire::{
    card::{CardKeys, CardLookup, Voucher, VoucherOutcome, VoucherReport},
    heartbeat::Printer,
    receipt::{PrintOutcome, Receipt},
};

use crate::{
    advert::{QUOTA, Store},
    card::{Desk, Seen},
    config::{Config, Reader},
    engine::{CardFault, Cards, Press},
    printer::{self, PressSettings},
    receipt::StoredLogos,
};

/// Where the count of the roll is kept, in the kiosk's folder.
const ROLL_FILE: &str = "roll.json";
/// Where the files of the home screen are, in the kiosk's folder.
pub(super) const FILES: &str = "files";

/// Starts the thread of the printer.
pub(super) fn printer(config: &Config, folder: &Path) -> io::Result<printer::Press> {
    printer::Press::start(PressSettings {
        place: config.printer.clone(),
        form: config.form,
        roll_file: Some(folder.join(ROLL_FILE)),
        logos: Some(Arc::new(StoredLogos::new(Store::open(&folder.join(FILES), QUOTA)?))),
    })
}

/// Starts the thread of the card reader, where there is one.
///
/// # Errors
/// No thread, or a reader this program was built without.
pub(super) fn reader(config: &Config) -> io::Result<Option<Desk>> {
    match &config.reader {
        Reader::None => Ok(None),
        Reader::Pcsc { named } => pcsc(named.clone()).map(Some),
    }
}

#[cfg(feature = "pcsc")]
fn pcsc(named: Option<String>) -> io::Result<Desk> {
    Desk::start(Box::new(crate::card::PcscReader::new(named)), Box::new(crate::card::YufuM1))
}

#[cfg(not(feature = "pcsc"))]
fn pcsc(_: Option<String>) -> io::Result<Desk> {
    Err(io::Error::other("this program was built without PC/SC: leave reader out, or rebuild it"))
}

#[async_trait]
impl Press for printer::Press {
    async fn status(&self) -> Printer {
        printer::Press::status(self).await
    }

    async fn print(&self, receipt: &Receipt, paper_mm: u16) -> (PrintOutcome, u32) {
        printer::Press::print(self, receipt, paper_mm).await
    }
}

#[async_trait]
impl Cards for Desk {
    async fn wait(&self, not: Option<&str>) -> Result<String, CardFault> {
        match Desk::wait(self, not.map(str::to_owned)).await {
            Seen::Laid { uid } => Ok(uid),
            other => Err(fault(&other)),
        }
    }

    async fn read(&self, uid: &str, keys: &CardKeys) -> Result<CardLookup, CardFault> {
        match Desk::read(self, uid.to_owned(), keys.clone()).await {
            Seen::Read(lookup) => Ok(lookup),
            other => Err(fault(&other)),
        }
    }

    async fn write(&self, uid: &str, keys: &CardKeys, voucher: &Voucher) -> VoucherReport {
        match Desk::write(self, uid.to_owned(), keys.clone(), voucher.clone()).await {
            Seen::Wrote(report) => report,
            // Whatever else it says, nothing is proven about the card.
            _ => VoucherReport { outcome: VoucherOutcome::Unknown, blocks: Vec::new() },
        }
    }
}

fn fault(seen: &Seen) -> CardFault {
    match seen {
        Seen::Gone => CardFault::Gone,
        _ => CardFault::Unreadable,
    }
}

/// A kiosk without a reader.
pub(super) struct NoCards;

#[async_trait]
impl Cards for NoCards {
    async fn wait(&self, _: Option<&str>) -> Result<String, CardFault> {
        Err(CardFault::Unreadable)
    }

    async fn read(&self, _: &str, _: &CardKeys) -> Result<CardLookup, CardFault> {
        Err(CardFault::Unreadable)
    }

    async fn write(&self, _: &str, _: &CardKeys, _: &Voucher) -> VoucherReport {
        VoucherReport { outcome: VoucherOutcome::Unknown, blocks: Vec::new() }
    }
}
