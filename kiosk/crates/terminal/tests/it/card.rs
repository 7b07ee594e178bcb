//! Writing a card that is torn away at every byte and at every command. What is valid on it is
//! decided here by a MAC of the test's own: the kiosk knows none.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kiosk_simulator::card::{Card, Tear};
use kiosk_wire::{
    card::{Block, CardKeys, Voucher, VoucherOutcome, VoucherReport},
    card_format::{COPIES, Copy, Purchase, hex},
};
use terminal::card::{CardReader, Desk, ReaderError, Seen, YufuM1};
use uuid::Uuid;

pub(crate) const UID: [u8; 4] = [0x04, 0xa1, 0xb2, 0xc3];
pub(crate) const KEY: [u8; 6] = [1, 2, 3, 4, 5, 6];

pub(crate) fn uid() -> String {
    hex(&UID)
}

pub(crate) fn keys() -> CardKeys {
    CardKeys { key_a: hex(&KEY), copies: COPIES }
}

/// Stands in for the server's MAC.
fn mac(signed: &[u8]) -> [u8; 8] {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    signed.iter().fold(0xcbf2_9ce4_8422_2325, fold).to_be_bytes()
}

fn made(seq: u32) -> Copy {
    let purchase = Purchase {
        card_no: 77,
        meter_no: "112233445566".to_owned(),
        seq,
        amount_fen: 5_000 + seq,
        tariff_version: 3,
        server_time: 0x6560_0000 + seq,
    };
    let signed = purchase.to_sign().unwrap();
    Copy { signed, mac: mac(&signed) }
}

pub(crate) fn voucher(seq: u32, copy: u8) -> Voucher {
    Voucher {
        id: Uuid::from_u128(u128::from(seq)),
        seq,
        copy,
        blocks: made(seq).blocks(copy),
        on_card: false,
        expires_in_ms: 120_000,
    }
}

/// A card whose copies A and B carry these purchases.
pub(crate) fn card(a: u32, b: u32) -> Arc<Mutex<Card>> {
    let mut card = Card::new(UID, KEY);
    for (copy, seq) in [(0, a), (1, b)] {
        for block in made(seq).blocks(copy) {
            let bytes = kiosk_wire::card_format::unhex(&block.bytes).unwrap();
            card.blocks[usize::from(block.number)].copy_from_slice(&bytes);
        }
    }
    Arc::new(Mutex::new(card))
}

/// The sequence numbers of the copies that are valid.
pub(crate) fn valid(card: &Mutex<Card>) -> Vec<u32> {
    let card = card.lock().unwrap();
    let block = |n: u8| Block { number: n, bytes: hex(&card.blocks[usize::from(n)]) };
    let blocks: Vec<Block> = (4..11).map(block).collect();
    (0..2)
        .filter_map(|copy| Copy::read(&blocks, copy))
        .filter(|copy| copy.mac == mac(&copy.signed))
        .filter_map(|copy| Some(Purchase::from_signed(&copy.signed)?.seq))
        .collect()
}

/// A reader on a bench: no thread, no wire.
struct Bench {
    card: Arc<Mutex<Card>>,
    /// A torn command comes back as success with nothing in it, as was measured on one reader.
    empty: bool,
    there: bool,
}

impl CardReader for Bench {
    fn wait_card(&mut self, _: Duration) -> Result<bool, ReaderError> {
        self.there = self.card.lock().unwrap().is_there();
        Ok(self.there)
    }

    fn wait_gone(&mut self, _: Duration) -> Result<bool, ReaderError> {
        Ok(!self.card.lock().unwrap().is_there())
    }

    fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let mut card = self.card.lock().unwrap();
        let was_there = card.is_there();
        match card.command(apdu) {
            Some(reply) => Ok(reply),
            None if was_there && self.empty => Ok(Vec::new()),
            None => Err(ReaderError::Gone),
        }
    }

    fn release(&mut self) {
        self.card.lock().unwrap().reset();
    }
}

fn desk(card: &Arc<Mutex<Card>>, empty: bool) -> Desk {
    let bench = Bench { card: Arc::clone(card), empty, there: false };
    Desk::start(Box::new(bench), Box::new(YufuM1)).unwrap()
}

async fn written(desk: &Desk, voucher: &Voucher) -> VoucherReport {
    match desk.write(uid(), keys(), voucher.clone()).await {
        Seen::Wrote(report) => report,
        other => panic!("{other:?}"),
    }
}

/// Every way to be torn off.
fn tears() -> Vec<Tear> {
    let mut all = Vec::new();
    for scrambled in [false, true] {
        let byte = |at| Tear { after_bytes: Some(at), scrambled, ..Tear::default() };
        all.extend((0..48).map(byte));
    }
    for reply_lost in [false, true] {
        let command = |at| Tear { after_commands: Some(at), reply_lost, ..Tear::default() };
        all.extend((1..=24).map(command));
    }
    all
}

#[tokio::test]
async fn wherever_a_write_is_torn_a_valid_copy_remains_and_the_next_one_ends_it() {
    let mut torn = 0;
    for (tear, empty) in tears().into_iter().flat_map(|tear| [(tear.clone(), false), (tear, true)])
    {
        let card = card(5, 6);
        card.lock().unwrap().tear = tear.clone();
        let desk = desk(&card, empty);
        let report = written(&desk, &voucher(7, 0)).await;
        let left = valid(&card);
        assert!(left.contains(&6), "the newer copy stands: {left:?} {tear:?}");
        match report.outcome {
            VoucherOutcome::Written => assert!(left.contains(&7), "{tear:?}"),
            VoucherOutcome::NotWritten => assert!(!left.contains(&7), "{tear:?}"),
            VoucherOutcome::Unknown => torn += 1,
        }
        // The same card again, the same voucher again.
        card.lock().unwrap().lay();
        assert_eq!(written(&desk, &voucher(7, 0)).await.outcome, VoucherOutcome::Written);
        assert_eq!(valid(&card), [7, 6], "{tear:?}");
    }
    assert!(torn > 100, "{torn} of the tears were felt");
}

#[tokio::test]
async fn what_a_reading_shows_settles_a_torn_write_without_writing() {
    for at in 0..=48 {
        let card = card(5, 6);
        card.lock().unwrap().tear = Tear { after_bytes: Some(at), ..Tear::default() };
        let desk = desk(&card, false);
        written(&desk, &voucher(7, 0)).await;
        card.lock().unwrap().lay();
        let Seen::Read(lookup) = desk.read(uid(), keys()).await else { panic!("at {at}") };
        assert_eq!((lookup.format.as_str(), lookup.blocks.len()), ("yufu-m1", 6));
        let same = Copy::read(&lookup.blocks, 0).is_some_and(|copy| copy.mac == made(7).mac);
        assert_eq!(same, valid(&card).contains(&7), "the server can tell: {at}");
    }
}

#[tokio::test]
async fn an_empty_reply_to_a_write_proves_nothing() {
    // Carried out and unanswered: the reading finds it. Answered and not carried out: it does too.
    let mute = Tear { mute_writes: true, ..Tear::default() };
    let worn = |block| Tear { worn_block: Some(block), ..Tear::default() };
    let rows = [
        (mute, VoucherOutcome::Written, vec![7, 6]),
        (worn(4), VoucherOutcome::NotWritten, vec![6]),
        (worn(6), VoucherOutcome::NotWritten, vec![6]),
    ];
    for (tear, want, left) in rows {
        let card = card(5, 6);
        card.lock().unwrap().tear = tear.clone();
        let report = written(&desk(&card, true), &voucher(7, 0)).await;
        assert_eq!((report.outcome, valid(&card)), (want, left), "{tear:?}");
        assert_eq!(report.blocks.len(), 6, "what was read goes to the server");
    }
}

#[tokio::test]
async fn nothing_is_written_to_another_card_or_where_the_plan_is_not_sound() {
    let reserved = |mut voucher: Voucher, number| {
        voucher.blocks[0].number = number;
        voucher
    };
    let mut short = voucher(7, 0);
    short.blocks.pop();
    let mut turned = voucher(7, 0);
    turned.blocks.reverse();
    let mut broken = voucher(7, 0);
    broken.blocks[1].bytes = "00".to_owned();
    let mut empty = voucher(7, 0);
    empty.blocks.clear();
    let foreign = Voucher { copy: 1, ..voucher(7, 0) };
    let none = Voucher { copy: 2, ..voucher(7, 0) };
    let bad = [
        short,
        turned,
        broken,
        empty,
        foreign,
        none,
        reserved(voucher(7, 0), 0),
        reserved(voucher(7, 0), 7),
        reserved(voucher(7, 0), 8),
    ];
    for voucher in bad {
        let card = card(5, 6);
        let report = written(&desk(&card, false), &voucher).await;
        assert_ne!(report.outcome, VoucherOutcome::Written, "{voucher:?}");
        assert_eq!(valid(&card), [5, 6]);
    }
    let card = card(5, 6);
    let before = card.lock().unwrap().blocks;
    let desk = desk(&card, false);
    let others = [("0badcafe", keys()), (&uid(), CardKeys { key_a: "ff".repeat(6), ..keys() })];
    for (uid, keys) in others {
        let Seen::Wrote(report) = desk.write(uid.to_owned(), keys, voucher(7, 0)).await else {
            panic!("a write answers with a report")
        };
        assert_eq!(report.outcome, VoucherOutcome::Unknown);
    }
    assert_eq!(card.lock().unwrap().blocks, before);
}

#[tokio::test]
async fn a_new_card_is_written_and_a_second_purchase_goes_to_the_other_copy() {
    let card = Arc::new(Mutex::new(Card::new(UID, KEY)));
    let desk = desk(&card, false);
    for (seq, copy, left) in [(1, 0, vec![1]), (2, 1, vec![1, 2]), (3, 0, vec![3, 2])] {
        assert_eq!(written(&desk, &voucher(seq, copy)).await.outcome, VoucherOutcome::Written);
        assert_eq!(valid(&card), left);
    }
    // Asked for once more it is found there, and nothing is written.
    card.lock().unwrap().tear = Tear { after_bytes: Some(0), ..Tear::default() };
    assert_eq!(written(&desk, &voucher(3, 0)).await.outcome, VoucherOutcome::Written);
}

#[tokio::test]
async fn the_reader_forgets_the_key_when_the_card_is_done() {
    let card = card(5, 6);
    let desk = desk(&card, false);
    written(&desk, &voucher(7, 0)).await;
    assert_eq!(card.lock().unwrap().key_in_reader(), [0; 6]);
    desk.read(uid(), keys()).await;
    assert_eq!(card.lock().unwrap().key_in_reader(), [0; 6]);
}

#[tokio::test]
async fn a_card_is_told_of_and_one_sent_away_only_after_it_was_taken_off() {
    let card = card(5, 6);
    let desk = desk(&card, false);
    assert_eq!(desk.wait(None).await, Seen::Laid { uid: uid() });
    assert_eq!(desk.state(), "card");
    let again = tokio::spawn({
        let desk = desk.clone();
        async move { desk.wait(Some(uid())).await }
    });
    tokio::task::yield_now().await;
    card.lock().unwrap().tear = Tear { after_commands: Some(1), ..Tear::default() };
    while desk.state() != "ready" {
        tokio::task::yield_now().await;
    }
    assert!(!again.is_finished());
    card.lock().unwrap().lay();
    assert_eq!(again.await.unwrap(), Seen::Laid { uid: uid() });
    assert_eq!(desk.read("00000000".to_owned(), keys()).await, Seen::Gone);
    let foreign = CardKeys { key_a: "00".repeat(6), ..keys() };
    assert_eq!(desk.read(uid(), foreign).await, Seen::Unreadable);
    let misshapen = CardKeys { key_a: "zz".to_owned(), ..keys() };
    assert_eq!(desk.read(uid(), misshapen).await, Seen::Unreadable);
}
