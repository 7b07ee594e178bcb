//! DL/T 645-1997, reading only (facts A.8).

use crate::bcd::{byte, put};
use crate::dlt645::Frame;
use crate::meter::Meter;
use crate::meter_2007::{ERR_NO_DATA, ERR_PASSWORD, address, keeps_money};

/// The meter's answer; control codes of 2007 are met with silence.
pub(crate) fn answer(meter: &mut Meter, frame: &Frame) -> Option<Frame> {
    let result = match frame.control {
        0x01 => match frame.data.get(..2) {
            Some(di) => read(meter, u16::from_le_bytes([di[0], di[1]])).ok_or(ERR_NO_DATA),
            None => Err(ERR_NO_DATA),
        },
        0x02 | 0x03 => Err(ERR_NO_DATA),
        0x04 | 0x0a | 0x0c | 0x0f | 0x10 => Err(ERR_PASSWORD),
        _ => return None,
    };
    let address = address(meter);
    Some(match result {
        Ok(data) => Frame { address, control: frame.control | 0x80, data },
        Err(err) => Frame { address, control: frame.control | 0xc0, data: vec![err] },
    })
}

fn read(meter: &Meter, di: u16) -> Option<Vec<u8>> {
    let now = meter.calendar();
    let watts = meter.load_now();
    let value = match di {
        0x9010..=0x9014 => put(meter.usage.all()[usize::from(di & 0x0f)] / 10, 4),
        0x901f => meter.usage.all().iter().flat_map(|wh| put(wh / 10, 4)).collect(),
        0x9020..=0x9024 => put(0, 4),
        0x902f => put(0, 20),
        0xb611 => put(meter.config.voltage_dv / 10, 2),
        0xb612 | 0xb613 => vec![0xff; 2],
        0xb621 => put(watts * 1_000 / meter.config.voltage_dv.max(1), 2),
        0xb622 | 0xb623 => vec![0xff; 2],
        0xb630 | 0xb631 => put(watts * 10, 3),
        0xb632 | 0xb633 => vec![0xff; 3],
        0xb650 | 0xb651 => put(1_000, 2),
        0xc010 => vec![byte(now.weekday()), byte(now.day), byte(now.month), byte(now.yy())],
        0xc011 => vec![byte(now.second), byte(now.minute), byte(now.hour)],
        0xc020 => vec![u8::from(!meter.relay.closed)],
        0xc032 => address(meter).to_vec(),
        0xc9b0 if keeps_money(meter) => put(meter.purse.remaining_fen, 4),
        _ => return None,
    };
    Some([di.to_le_bytes().to_vec(), value].concat())
}
