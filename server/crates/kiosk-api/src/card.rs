//! Cards: what a card says is believed only under its own key, which never leaves this process.
//!
//! Each card has a key that follows from the site's master, its own number, its number in the
//! register and its meter's (in the manner of NXP AN10922). A purchase on it is signed with that
//! key (CMAC-AES128, RFC 4493), and a dump of an older state is told by its sequence number.

use aws_lc_rs::{cmac, constant_time::verify_slices_are_equal};
use kiosk_wire::{
    account::Matches,
    card::{Block, CardKeys, CardKeysRequest, CardLookup},
    card_format::{
        self, COPIES, Copy, MAC_BYTES, METER_DIGITS, Purchase, SIGNED_BYTES, hex, unhex,
    },
};
use store::{
    kiosk::card::{self, Card},
    meter::{self, Meter},
};
use vending::card::Told;

use crate::{
    call::{Answer, Call, Route},
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
    lookup::{count, matched},
    settings::Wishes,
    voucher,
};

/// The bytes of an AES-128 key.
const KEY_BYTES: usize = 16;
/// The bytes of a sector's key.
const SECTOR_KEY_BYTES: usize = 6;
/// The longest number of a card, in bytes.
const UID_BYTES_MAX: usize = 10;
/// Blocks that are looked at.
const BLOCKS_MAX: usize = 64;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/lookups/card", |call| Box::pin(by_card(call))),
    Route::post("/cards/keys", |call| Box::pin(keys(call))),
];

/// A card's own number as it is kept: lower case, four to ten bytes.
pub fn uid_of(text: &str) -> Result<String> {
    let bytes = unhex(text).filter(|bytes| (4..=UID_BYTES_MAX).contains(&bytes.len()));
    Ok(hex(&bytes.ok_or(Failure::Malformed("uid"))?))
}

/// The number of a meter as cards bear it; `None` for one that does not fit.
pub fn meter_no_of(meter: &Meter) -> Option<String> {
    let digits = meter.meter_no.trim_start_matches('0');
    let fits = digits.len() <= METER_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| format!("{digits:0>METER_DIGITS$}"))
}

fn mac_of(key: &[u8; KEY_BYTES], message: &[u8]) -> Result<[u8; 16]> {
    let failed = |error: aws_lc_rs::error::Unspecified| Failure::internal(&error);
    let key = cmac::Key::new(cmac::AES_128, key).map_err(failed)?;
    let tag = cmac::sign(&key, message).map_err(failed)?;
    tag.as_ref().try_into().map_err(|_| Failure::internal(&"a CMAC of 16 bytes"))
}

/// The key of one card and one meter.
fn key_of(desk: &Desk, card: &Card, meter_no: &str) -> Result<[u8; KEY_BYTES]> {
    let mut master = [0; KEY_BYTES];
    master.copy_from_slice(&desk.keys.card()[..KEY_BYTES]);
    let number = u32::try_from(card.card_no).unwrap_or(u32::MAX).to_be_bytes();
    let uid = unhex(&card.uid).unwrap_or_default();
    let length = u8::try_from(uid.len()).unwrap_or(u8::MAX);
    let digits = unhex(meter_no).unwrap_or_default();
    mac_of(&master, &[&[0x01, length], uid.as_slice(), &number, &digits].concat())
}

/// Signs a purchase for a card.
pub fn signed(desk: &Desk, card: &Card, purchase: &Purchase) -> Result<Copy> {
    let signed = purchase.to_sign().ok_or(Failure::Card("meter"))?;
    let mac = mac_of(&key_of(desk, card, &purchase.meter_no)?, &signed)?;
    let mut short = [0; MAC_BYTES];
    short.copy_from_slice(&mac[..MAC_BYTES]);
    Ok(Copy { signed, mac: short })
}

/// What a card was read to carry: each copy that is the server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Copy A and copy B, where they are valid.
    pub copies: [Option<Purchase>; 2],
    /// True if every block of both copies could be read.
    pub complete: bool,
}

impl Carried {
    /// The valid copy with the highest number.
    pub fn newest(&self) -> Option<&Purchase> {
        self.copies.iter().flatten().max_by_key(|purchase| purchase.seq)
    }

    /// The copy that is written next: one that is not valid, or the older one.
    ///
    /// Invariant: the only valid copy is never the one that is written; proved by
    /// `the_older_copy_is_written_and_never_the_only_valid_one`.
    pub fn spare(&self) -> u8 {
        match &self.copies {
            [None, _] => 0,
            [Some(_), None] => 1,
            [Some(a), Some(b)] => u8::from(b.seq < a.seq),
        }
    }
}

/// Reads what a card carries. A copy that is torn, another card's or nobody's is none.
pub fn carried(desk: &Desk, card: &Card, meter_no: &str, blocks: &[Block]) -> Result<Carried> {
    let blocks = blocks.get(..blocks.len().min(BLOCKS_MAX)).unwrap_or_default();
    let key = key_of(desk, card, meter_no)?;
    let (mut copies, mut complete) = ([None, None], true);
    for (copy, place) in (0u8..).zip(&mut copies) {
        let Some(read) = Copy::read(blocks, copy) else {
            complete = false;
            continue;
        };
        *place = believed(&key, &read)?.filter(|purchase| {
            i64::from(purchase.card_no) == card.card_no && purchase.meter_no == meter_no
        });
    }
    Ok(Carried { copies, complete })
}

fn believed(key: &[u8; KEY_BYTES], copy: &Copy) -> Result<Option<Purchase>> {
    let signed: &[u8; SIGNED_BYTES] = &copy.signed;
    let mac = mac_of(key, signed)?;
    let fits = verify_slices_are_equal(&mac[..MAC_BYTES], &copy.mac).is_ok();
    Ok(if fits { Purchase::from_signed(signed) } else { None })
}

async fn keys(call: Call) -> Result<Answer> {
    let wish: CardKeysRequest = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    serves_cards(caller)?;
    let uid = uid_of(&wish.uid)?;
    count(desk, caller, &["card", &uid]).await?;
    let known = card::by_uid(desk.store().read(), caller.project(), &uid).await?;
    let known = known.ok_or(Failure::NotFound("card"))?;
    if !known.is_active() {
        return Err(Failure::Card("frozen"));
    }
    let mut master = [0; KEY_BYTES];
    master.copy_from_slice(&desk.keys.card()[KEY_BYTES..]);
    let mac = mac_of(&master, &[&[0x02], unhex(&uid).unwrap_or_default().as_slice()].concat())?;
    Answer::ok(&CardKeys { key_a: hex(&mac[..SECTOR_KEY_BYTES]), copies: COPIES })
}

/// Refuses a kiosk that does not serve cards.
pub fn serves_cards(caller: &Caller) -> Result<()> {
    if Wishes::of(&caller.kiosk)?.cards { Ok(()) } else { Err(Failure::Card("not_offered")) }
}

/// Invariant: a card that holds what its meter has not taken, or whose number is not the one the
/// books know, is refused before anything is paid; one that is ahead of the books or behind what
/// was read back from it is stopped (V6, F.7 no. 27); proved by
/// `a_card_is_refused_before_payment_where_its_number_does_not_fit`.
async fn by_card(call: Call) -> Result<Answer> {
    let wish: CardLookup = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    serves_cards(caller)?;
    if wish.format != card_format::NAME {
        return Err(Failure::Card("format"));
    }
    let uid = uid_of(&wish.uid)?;
    count(desk, caller, &["card", &uid]).await?;
    let (db, project) = (desk.store().read(), caller.project());
    let nothing = Matches::default();
    let Some(known) = card::by_uid(db, project, &uid).await? else { return Answer::ok(&nothing) };
    let meter = meter::by_id(db, project, known.meter()).await?;
    let Some(meter) = meter else { return Answer::ok(&nothing) };
    let meter_no = meter_no_of(&meter).ok_or(Failure::Card("meter"))?;
    let read = carried(desk, &known, &meter_no, &wish.blocks)?;
    fits(desk, &known, &read).await?;
    let matches = matched(desk, caller, &meter, false).await?.into_iter().collect();
    Answer::ok(&Matches { matches })
}

/// Refuses a card whose state does not fit the books.
pub async fn fits(desk: &Desk, known: &Card, read: &Carried) -> Result<()> {
    if !known.is_active() {
        return Err(Failure::Card("frozen"));
    }
    let last = card::last_of(desk.store().read(), known).await?;
    let seq = read.newest().map_or(0, |purchase| i64::from(purchase.seq));
    if seq > known.seq {
        return freeze(desk, known, "ahead").await;
    }
    if let Some(last) = last.filter(|row| row.state != "written") {
        if seq != last.seq {
            // What was paid for lies ready and is not on the card for certain.
            return Err(Failure::Card("pending"));
        }
        // Whoever wrote it could not say so; the card says it.
        voucher::ended(desk, &last, Told::Written).await?;
    }
    if seq < known.seq {
        if !read.complete {
            return Err(Failure::Card("unreadable"));
        }
        return freeze(desk, known, "behind").await;
    }
    match read.newest() {
        Some(purchase) if purchase.amount_fen > 0 => Err(Failure::Card("unloaded")),
        _ => Ok(()),
    }
}

/// Stops a card whose number cannot be.
pub async fn freeze(desk: &Desk, known: &Card, why: &'static str) -> Result<()> {
    let (project, uid) = (domain::ProjectId(known.project_id), known.uid.clone());
    let done = desk
        .store()
        .transact(move |tx| Box::pin(async move { card::freeze(tx, project, &uid, why).await }));
    done.await?;
    tracing::warn!(card_no = known.card_no, why, "a card was stopped");
    Err(Failure::Card("frozen"))
}

/// Enters a card for a meter whose money is kept by us.
pub async fn enter(desk: &Desk, meter: &Meter, uid: &str) -> Result<Card> {
    if meter.money_model()? != domain::MoneyModel::PlatformHeld || meter_no_of(meter).is_none() {
        return Err(Failure::Card("meter"));
    }
    let row = Card {
        project_id: meter.project_id,
        card_no: 0,
        uid: uid_of(uid)?,
        meter_id: meter.id,
        seq: 0,
        state: "active".to_owned(),
        reason: None,
        created_at: desk.now(),
        version: 0,
    };
    let entered =
        desk.store().transact(move |tx| Box::pin(async move { card::enter(tx, row).await }));
    match entered.await {
        Err(store::StoreError::Refused(_)) => Err(Failure::Taken),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4493, section 4, example 3.
    #[test]
    fn a_cmac_is_that_of_the_standard() {
        let bytes = |text| unhex(text).unwrap();
        let key = bytes("2b7e151628aed2a6abf7158809cf4f3c");
        let message = bytes(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
        );
        let mac = mac_of(&key.try_into().unwrap(), &message).unwrap();
        assert_eq!(hex(&mac), "dfa66747de9ae63030ca32611497c827");
    }

    #[test]
    fn the_older_copy_is_written_and_never_the_only_valid_one() {
        let purchase = |seq| {
            Some(Purchase {
                card_no: 1,
                meter_no: "000000000001".to_owned(),
                seq,
                amount_fen: 1,
                tariff_version: 1,
                server_time: 1,
            })
        };
        let table = [
            ([None, None], 0),
            ([purchase(3), None], 1),
            ([None, purchase(3)], 0),
            ([purchase(3), purchase(4)], 0),
            ([purchase(5), purchase(4)], 1),
        ];
        for (copies, spare) in table {
            let carried = Carried { copies, complete: true };
            assert_eq!(carried.spare(), spare, "{carried:?}");
        }
    }
}
