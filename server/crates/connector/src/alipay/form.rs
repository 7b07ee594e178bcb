//! Takes a form apart, exactly once, into raw bytes.

use std::collections::BTreeMap;

/// Why a body is no form we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    /// A `%` without two hexadecimal digits, or a name that is not plain ASCII.
    #[error("the form is damaged")]
    Damaged,
    /// A parameter stands twice: nobody can say which one was signed.
    #[error("a parameter stands twice")]
    Repeated,
    /// More parameters than any real callback has.
    #[error("the form has too many parameters")]
    TooMany,
}

/// The parameters by name, values as the bytes they were before the form was made.
///
/// Bytes, because the signature covers the text in the *declared* charset, which these are: no
/// decoding and encoding back, so nothing can be lost on the way. `+` is a blank; nothing is
/// decoded twice and no HTML entity is touched.
pub(super) fn params(body: &[u8], max: usize) -> Result<BTreeMap<String, Vec<u8>>, FormError> {
    let mut params = BTreeMap::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        let name = unescaped(name)?;
        let name = String::from_utf8(name).map_err(|_| FormError::Damaged)?;
        if !name.is_ascii() {
            return Err(FormError::Damaged);
        }
        if params.insert(name, unescaped(value)?).is_some() {
            return Err(FormError::Repeated);
        }
        if params.len() > max {
            return Err(FormError::TooMany);
        }
    }
    Ok(params)
}

fn unescaped(text: &[u8]) -> Result<Vec<u8>, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(FormError::Damaged);
                let value = digit(high)? * 16 + digit(low)?;
                bytes.push(u8::try_from(value).map_err(|_| FormError::Damaged)?);
                tail
            }
            (b'%', _) => return Err(FormError::Damaged),
            (b'+', tail) => {
                bytes.push(b' ');
                tail
            }
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, want: Result<&[(&str, &[u8])], FormError>) {
        let got = params(body.as_bytes(), 3);
        let want = want.map(|pairs| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
        });
        assert_eq!(got, want, "{body}");
    }

    #[test]
    fn a_form_is_decoded_exactly_once_and_strictly() {
        check("a=1&b=%2B+%25&c=", Ok(&[("a", b"1"), ("b", b"+ %"), ("c", b"")]));
        // Twice encoded on purpose by the sender stays once encoded for us.
        check("p=a%253D1%2526b%253D2", Ok(&[("p", b"a%3D1%26b%3D2")]));
        check("p=%26quot%3B", Ok(&[("p", b"&quot;")]));
        check("p=a=b", Ok(&[("p", b"a=b")]));
        check("p=%b5%E7", Ok(&[("p", &[0xb5, 0xe7])]));
        check("&a&", Ok(&[("a", b"")]));
        check("a=1&a=1", Err(FormError::Repeated));
        check("a=1&%61=2", Err(FormError::Repeated));
        check("a=%", Err(FormError::Damaged));
        check("a=%4", Err(FormError::Damaged));
        check("a=%zz", Err(FormError::Damaged));
        check("a=%+1", Err(FormError::Damaged));
        check("%ff=1", Err(FormError::Damaged));
        check("a=1&b=2&c=3&d=4", Err(FormError::TooMany));
    }
}
