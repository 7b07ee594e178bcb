//! Finds the signed slice of a synchronous answer without touching a byte of it.
//!
//! Alipay signs the text of one value inside the JSON, with its escapes, key order and blanks
//! (`payments.md` B3). A parser that rebuilds the value cannot check that, and a brace counter
//! that ignores quotes can be led astray; so this walks the bytes, quotes and escapes included.

use std::collections::BTreeMap;

/// The deepest nesting we follow.
const DEPTH_MAX: usize = 64;

/// The most members the outermost object may have: the node, `sign`, `alipay_cert_sn` and room.
const MEMBERS_MAX: usize = 16;

/// The outermost object of an answer, taken apart but not interpreted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Root<'a> {
    /// The bytes of the answer's node: exactly what was signed.
    pub node: &'a [u8],
    /// True if the node stands under `error_response` instead of the method's name.
    pub is_error: bool,
    /// The signature, if there is one.
    pub sign: Option<String>,
    /// The certificate the signature names, in certificate mode.
    pub cert_sn: Option<String>,
}

/// The bytes are not one answer to this method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScanError {
    /// Not a single JSON object, cut off, or followed by something.
    #[error("the answer is not one whole JSON object")]
    NotAnObject,
    /// A member of the outermost object stands twice: nobody can say which one was signed.
    #[error("a member of the answer stands twice")]
    Repeated,
    /// No node for this method, or more than one.
    #[error("the answer does not have exactly one node")]
    NotOneNode,
    /// Nested deeper, or with more members, than any real answer.
    #[error("the answer is larger than any real one")]
    TooLarge,
}

/// Takes an answer to `method` (dots, as in the request) apart.
///
/// Invariant: exactly one node may answer, counting `error_response`, and names are compared
/// after their escapes (`an_answer_with_two_nodes_is_refused`).
pub(super) fn scan<'a>(body: &'a [u8], method: &str) -> Result<Root<'a>, ScanError> {
    let members = members(body)?;
    let named = format!("{}_response", method.replace('.', "_"));
    let mut nodes = members.iter().filter(|(name, _)| name.ends_with("_response"));
    let (name, node) = match (nodes.next(), nodes.next()) {
        (Some(node), None) => node,
        _ => return Err(ScanError::NotOneNode),
    };
    let is_error = name == "error_response";
    if !is_error && *name != named {
        return Err(ScanError::NotOneNode);
    }
    let text = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(raw) => serde_json::from_slice(raw).map(Some).map_err(|_| ScanError::NotAnObject),
    };
    Ok(Root { node, is_error, sign: text("sign")?, cert_sn: text("alipay_cert_sn")? })
}

fn members(body: &[u8]) -> Result<BTreeMap<String, &[u8]>, ScanError> {
    let mut cursor = Cursor { bytes: body, at: 0 };
    let mut members = BTreeMap::new();
    cursor.skip_blanks();
    cursor.expect(b'{')?;
    cursor.skip_blanks();
    if cursor.peek() == Some(b'}') {
        cursor.at += 1;
    } else {
        loop {
            cursor.skip_blanks();
            let name: String =
                serde_json::from_slice(cursor.string()?).map_err(|_| ScanError::NotAnObject)?;
            cursor.skip_blanks();
            cursor.expect(b':')?;
            cursor.skip_blanks();
            if members.insert(name, cursor.value()?).is_some() {
                return Err(ScanError::Repeated);
            }
            if members.len() > MEMBERS_MAX {
                return Err(ScanError::TooLarge);
            }
            cursor.skip_blanks();
            match cursor.next()? {
                b',' => {}
                b'}' => break,
                _ => return Err(ScanError::NotAnObject),
            }
        }
    }
    cursor.skip_blanks();
    if cursor.peek().is_some() { Err(ScanError::NotAnObject) } else { Ok(members) }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, ScanError> {
        let byte = self.peek().ok_or(ScanError::NotAnObject)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.next()? == byte { Ok(()) } else { Err(ScanError::NotAnObject) }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'a [u8], ScanError> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Ok(&self.bytes[start..self.at]),
                b'\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    /// Any value, from its first byte to its last.
    fn value(&mut self) -> Result<&'a [u8], ScanError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => self.nested()?,
            _ => {
                while !matches!(
                    self.peek(),
                    None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
                ) {
                    self.at += 1;
                }
            }
        }
        if self.at == start { Err(ScanError::NotAnObject) } else { Ok(&self.bytes[start..self.at]) }
    }

    /// An object or array up to the bracket that closes it.
    fn nested(&mut self) -> Result<(), ScanError> {
        let mut closers = Vec::new();
        loop {
            match self.peek().ok_or(ScanError::NotAnObject)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' => closers.push(b'}'),
                b'[' => closers.push(b']'),
                byte @ (b'}' | b']') => {
                    let closer = closers.pop().filter(|closer| *closer == byte);
                    closer.map(drop).ok_or(ScanError::NotAnObject)?;
                }
                _ => {}
            }
            self.at += 1;
            if closers.is_empty() {
                return Ok(());
            }
            if closers.len() > DEPTH_MAX {
                return Err(ScanError::TooLarge);
            }
        }
    }
}

#[cfg(test)]
mod tests;
