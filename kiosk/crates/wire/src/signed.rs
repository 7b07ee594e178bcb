//! The bytes that are signed: every field with its length before it, so that no two different
//! messages have the same bytes, under a name that keeps one kind of message from standing in for
//! another.

/// Bytes to be signed, being put together.
#[derive(Clone, Debug)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Starts with the name of what is signed.
    pub fn named(name: &str) -> Bytes {
        Bytes(Vec::new()).and(name.as_bytes())
    }

    /// Adds a field: its length as four bytes, big end first, and its bytes.
    #[must_use]
    pub fn and(mut self, field: &[u8]) -> Bytes {
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// What is signed.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_messages_share_their_bytes() {
        let table = [
            Bytes::named("a").and(b"bc").finish(),
            Bytes::named("ab").and(b"c").finish(),
            Bytes::named("a").and(b"b").and(b"c").finish(),
            Bytes::named("a").and(b"bc").and(b"").finish(),
        ];
        for (i, one) in table.iter().enumerate() {
            for other in &table[i + 1..] {
                assert_ne!(one, other);
            }
        }
        assert_eq!(table[0], [0, 0, 0, 1, b'a', 0, 0, 0, 2, b'b', b'c']);
    }
}
