//! What is asked of the window from outside its page.

use std::{
    io::BufRead,
    path::PathBuf,
    sync::mpsc::{self, Sender},
    thread,
};

use anyhow::Result;
use serde_json::Value;

/// One order.
pub enum Order {
    /// A picture of the screen, with what belongs to a person painted over.
    Picture {
        /// Whole size instead of half.
        full: bool,
        /// Where the JPEG goes.
        answer: Sender<Result<Vec<u8>>>,
    },
    /// A script in the page, in a rehearsal only.
    Script(String),
    /// A view to draw in place of the terminal's, in a rehearsal only; `null` ends that.
    Show(Value),
    /// Look whether the idle screen stands still, as is done by itself now and then, and as if that
    /// time had passed.
    Look,
    /// The end.
    Quit,
}

/// Reads orders of a rehearsal line by line: `picture PATH`, `show VIEW`, `look`, `hang`, `quit`.
/// The end of the input ends nothing.
pub fn listen(orders: Sender<Order>) {
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let (word, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
            match word {
                "picture" => keep(&orders, PathBuf::from(rest)),
                "hang" => send(&orders, Order::Script("for(;;){}".to_owned())),
                "show" => match serde_json::from_str(rest) {
                    Ok(view) => send(&orders, Order::Show(view)),
                    Err(fault) => tracing::warn!(%fault, "order.unreadable"),
                },
                "look" => send(&orders, Order::Look),
                "quit" => send(&orders, Order::Quit),
                _ => tracing::warn!(word, "order.unknown"),
            }
        }
    });
}

fn send(orders: &Sender<Order>, order: Order) {
    if orders.send(order).is_err() {
        tracing::warn!("order.unheard");
    }
}

/// Takes a picture and keeps it in a file.
fn keep(orders: &Sender<Order>, path: PathBuf) {
    let (answer, seen) = mpsc::channel();
    send(orders, Order::Picture { full: true, answer });
    let kept = match seen.recv() {
        Ok(Ok(bytes)) => std::fs::write(&path, &bytes).map(|()| bytes.len()).map_err(Into::into),
        Ok(Err(fault)) => Err(fault),
        Err(fault) => Err(fault.into()),
    };
    match kept {
        Ok(bytes) => tracing::info!(bytes, "picture.kept"),
        Err(fault) => tracing::warn!(%fault, "picture.lost"),
    }
}
