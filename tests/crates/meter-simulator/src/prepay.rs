//! 03H: opening, recharge, wallet initialisation and status query (facts A.6).

use crate::config::Firmware;
use crate::meter::{Meter, Mood};
use crate::meter_2007::{ERR_NO_DATA, keeps_money};
use crate::purse::{Refusal, TopUp};

const AUTHENTICATE: u32 = 0x0700_00ff;
const OPEN: u32 = 0x0701_01ff;
const RECHARGE: u32 = 0x0701_02ff;
const INITIALISE: u32 = 0x0701_03ff;
const STATUS: u32 = 0x0781_02ff;

/// Length of the data of a recharge or opening.
const TOP_UP_LEN: usize = 30;

/// Length of the data of a wallet initialisation.
const INITIALISE_LEN: usize = 24;

/// Answers 03H with data or error bytes.
pub(crate) fn answer(meter: &mut Meter, data: &[u8], mood: Mood) -> Result<Vec<u8>, Vec<u8>> {
    let di = data.get(..4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let Some(di) = di.filter(|_| keeps_money(meter)) else { return Err(vec![ERR_NO_DATA]) };
    match di {
        OPEN | RECHARGE => top_up(meter, di, data, mood),
        INITIALISE => initialise(meter, data),
        STATUS => Ok(status(meter)),
        AUTHENTICATE => {
            let mut out = di.to_le_bytes().to_vec();
            out.extend_from_slice(&[0x11, 0x22, 0x33, 0x44]);
            out.extend_from_slice(&[0; 2]);
            out.extend_from_slice(&meter.meter_no);
            Ok(out)
        }
        _ => Err(vec![ERR_NO_DATA]),
    }
}

/// DI4, operator 4, amount 4, count 4, MAC 4, customer 6, MAC 4.
fn top_up(meter: &mut Meter, di: u32, data: &[u8], mood: Mood) -> Result<Vec<u8>, Vec<u8>> {
    let firmware = meter.config.firmware;
    let refuse = |refusal: Refusal| refusal.bytes(firmware);
    let Some(top_up) = read_top_up(data) else { return Err(refuse(Refusal::Other)) };
    if firmware == Firmware::C && top_up.count > 0xffff {
        return Err(refuse(Refusal::Other));
    }
    let at = meter.moment();
    let result = match di {
        OPEN => meter.purse.open(top_up, at, mood.partly),
        _ => meter.purse.recharge(firmware, top_up, at, mood.partly),
    };
    // Money may have come in even when the answer is a refusal (fault `partial_apply`).
    meter.after_money();
    result.map_err(refuse)?;
    let mut out = di.to_le_bytes().to_vec();
    if firmware == Firmware::C {
        out.extend_from_slice(&(meter.purse.remaining_fen as u32).to_le_bytes());
        out.extend_from_slice(&meter.purse.count.to_le_bytes());
        out.extend_from_slice(&meter.purse.customer);
    }
    Ok(out)
}

fn read_top_up(data: &[u8]) -> Option<TopUp> {
    if data.len() != TOP_UP_LEN {
        return None;
    }
    let four = |at: usize| [data[at], data[at + 1], data[at + 2], data[at + 3]];
    let mut customer = [0u8; 6];
    customer.copy_from_slice(&data[20..26]);
    Some(TopUp {
        amount_fen: u64::from(u32::from_le_bytes(four(8))),
        count: u32::from_le_bytes(four(12)),
        macs: [four(16), four(26)],
        customer,
    })
}

/// DI4, operator 4, amount 4, MAC 4, count 4 (zero), MAC 4.
fn initialise(meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let firmware = meter.config.firmware;
    if data.len() != INITIALISE_LEN || data[16..20] != [0; 4] {
        return Err(Refusal::Other.bytes(firmware));
    }
    let macs_fit = meter.purse.mac.is_none_or(|mac| data[12..16] == mac && data[20..24] == mac);
    if !macs_fit {
        return Err(Refusal::Mac.bytes(firmware));
    }
    let amount = u32::from_le_bytes([data[8], data[9], data[10], data[11]]);
    meter.purse.initialise(u64::from(amount));
    meter.after_money();
    Ok(INITIALISE.to_le_bytes().to_vec())
}

/// DI4, then remain 4 (binary), MAC 4, count 4, MAC 4, customer 6, key state 4.
fn status(meter: &Meter) -> Vec<u8> {
    let mac = meter.purse.mac.unwrap_or_default();
    let mut out = STATUS.to_le_bytes().to_vec();
    out.extend_from_slice(&(meter.purse.remaining_fen as u32).to_le_bytes());
    out.extend_from_slice(&mac);
    out.extend_from_slice(&meter.purse.count.to_le_bytes());
    out.extend_from_slice(&mac);
    out.extend_from_slice(&meter.purse.customer);
    out.extend_from_slice(&[0; 4]);
    out
}
