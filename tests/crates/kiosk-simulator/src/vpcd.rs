//! The card on the virtual reader of vsmartcard: a client of its TCP port. A message is two bytes
//! of length, high byte first, and so many bytes; one byte alone is a control code.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::card::Card;

/// What a contactless MIFARE Classic 1K shows (PC/SC part 3, section 3.1.3.2.3).
const ATR: [u8; 20] = [
    0x3b, 0x8f, 0x80, 0x01, 0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x6a,
];

/// A card lying on the virtual reader; it is taken off when this is dropped.
#[derive(Debug)]
pub struct Laid {
    stream: TcpStream,
}

/// Lays a card on the reader that listens there.
pub fn lay(reader: SocketAddr, card: &Arc<Mutex<Card>>) -> io::Result<Laid> {
    let stream = TcpStream::connect(reader)?;
    stream.set_nodelay(true)?;
    let (laid, card) = (Laid { stream: stream.try_clone()? }, Arc::clone(card));
    thread::spawn(move || {
        // A reader that hangs up has ended this lying; the test sees what became of the card.
        let _ = serve(&stream, &card);
        let _ = stream.shutdown(Shutdown::Both);
    });
    Ok(laid)
}

impl Drop for Laid {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn serve(mut stream: &TcpStream, card: &Mutex<Card>) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let mut card = card.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let reply = match message[..] {
            [4] => Some(ATR.to_vec()),
            [0..=2] => {
                card.reset();
                None
            }
            _ => match card.command(&message) {
                Some(reply) => Some(reply),
                None => return Ok(()),
            },
        };
        let there = card.is_there();
        drop(card);
        if let Some(reply) = reply {
            let length = u16::try_from(reply.len()).unwrap_or(u16::MAX).to_be_bytes();
            stream.write_all(&[&length, reply.as_slice()].concat())?;
        }
        if !there {
            return Ok(());
        }
    }
}
