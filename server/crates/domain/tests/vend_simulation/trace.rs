//! What happened in a life: kept as text for a failing one, as a hash for all others.

use std::fmt::Write;

pub struct Trace {
    text: Option<String>,
    hash: u64,
    line: String,
}

impl Trace {
    pub fn hashed() -> Self {
        // The offset basis of FNV-1a.
        Trace { text: None, hash: 0xcbf2_9ce4_8422_2325, line: String::new() }
    }

    pub fn kept() -> Self {
        Trace { text: Some(String::new()), ..Trace::hashed() }
    }

    pub fn line(&mut self, now_ms: i64, what: std::fmt::Arguments<'_>) {
        self.line.clear();
        let (seconds, millis) = (now_ms / 1000, now_ms % 1000);
        // Writing to a string cannot fail.
        let _ = writeln!(self.line, "{seconds:>6}.{millis:03} {what}");
        for byte in self.line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        if let Some(text) = &mut self.text {
            text.push_str(&self.line);
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}
