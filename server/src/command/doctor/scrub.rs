//! Takes out of a text what nobody outside may see: secrets, and who the tenants are.
//!
//! A support bundle is made of chosen fields in the first place; this is the second fence, for
//! texts that were written freely: log lines and error messages.

use std::collections::HashSet;

/// What stands in the place of what was taken out.
const STARS: &str = "***";
/// Words after which a secret or a person follows.
const TELLING: [&str; 20] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "path_token",
    "authorization",
    "cookie",
    "bearer",
    "basic",
    "totp",
    "openid",
    "payer",
    "private_key",
    "api_key",
    "api_v3_key",
    "signature",
    "phone",
    "name",
    "csrf",
];
/// A word of letters and digits that long is a key and no word.
const OPAQUE_MIN: usize = 24;

/// Knows the persons of a site by name and phone.
#[derive(Debug, Default)]
pub struct Scrub {
    persons: HashSet<String>,
}

impl Scrub {
    /// A scrub that also takes out these names and phones.
    pub fn new(persons: impl IntoIterator<Item = String>) -> Self {
        // One character is no name; it would take every word apart.
        let long = persons.into_iter().filter(|text| text.chars().count() > 1);
        Scrub { persons: long.collect() }
    }

    /// The text without secrets and persons, line by line.
    ///
    /// Invariant: no secret reaches a support bundle; proved by
    /// `a_bundle_holds_no_secret_and_no_person_wherever_they_were_planted`.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut in_key = false;
        for line in text.lines() {
            let begins = line.contains("-----BEGIN");
            if begins || in_key {
                in_key = !line.contains("-----END");
                if begins {
                    out.push_str("*** key or certificate ***\n");
                }
                continue;
            }
            out.push_str(&self.line(line));
            out.push('\n');
        }
        out
    }

    /// One line of it.
    pub fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for person in self.persons.iter().filter(|person| !person.is_ascii()) {
            // Names are written together with what follows; phones and ASCII names are words.
            if line.contains(person.as_str()) {
                line = line.replace(person.as_str(), STARS);
            }
        }
        let mut out = String::with_capacity(line.len());
        let (mut word, mut follows) = (String::new(), false);
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            let inside = is_word(c);
            if inside {
                word.push(c);
            }
            if !inside || rest.peek().is_none() {
                follows = self.put(&mut out, std::mem::take(&mut word), follows);
            }
            if !inside {
                out.push(c);
            }
        }
        out
    }

    /// Puts a word in, or stars; answers whether the next word is to be taken out.
    fn put(&self, out: &mut String, word: String, follows: bool) -> bool {
        if word.is_empty() {
            return follows;
        }
        let lower = word.to_lowercase();
        let telling = TELLING.iter().any(|known| lower == *known || lower.ends_with(*known));
        if telling {
            out.push_str(&word);
            return true;
        }
        // `user:password@host`: whatever stands before the host goes.
        if let Some((_, host)) = word.rsplit_once('@') {
            out.push_str(STARS);
            out.push('@');
            out.push_str(host);
            return false;
        }
        let taken = follows
            || self.persons.contains(&word)
            || is_phone(&word)
            || is_identity(&word)
            || is_opaque(&word);
        out.push_str(if taken { STARS } else { &word });
        false
    }
}

/// Characters that belong to a word a secret may be: those of base64, URLs and addresses.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '@' | '.' | '%' | '~' | '!' | '$' | '*')
}

/// A mobile number of mainland China, with or without its country.
fn is_phone(word: &str) -> bool {
    let digits = word.strip_prefix("+86").unwrap_or(word);
    let second = digits.as_bytes().get(1);
    digits.len() == 11
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.starts_with('1')
        && second.is_some_and(|b| *b >= b'3')
}

/// A resident's identity number.
fn is_identity(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 18
        && bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || matches!(bytes[17], b'X' | b'x'))
}

/// A key, a token, a payer's id: long, and of capitals, small letters and digits mixed. Ids of ours
/// are small letters and digits only.
fn is_opaque(word: &str) -> bool {
    let has = |of: fn(&u8) -> bool| word.as_bytes().iter().any(of);
    word.len() >= OPAQUE_MIN
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_persons_are_taken_out_and_the_rest_stays() {
        let scrub = Scrub::new(["王秀英".to_owned(), "Wang Li".to_owned(), "李".to_owned()]);
        let table = [
            ("meter=0198 error=timeout", "meter=0198 error=timeout"),
            (
                "order_no=YF2611200000000001 amount_fen=5000",
                "order_no=YF2611200000000001 amount_fen=5000",
            ),
            (r#"{"password":"geheim!","x":1}"#, r#"{"password":"***","x":1}"#),
            ("password = geheim", "password = ***"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("set YUFU_DATABASE_PASSWORD=x1", "set YUFU_DATABASE_PASSWORD=***"),
            ("postgres://yufu:se-cret@db/yufu", "postgres://yufu:***@db/yufu"),
            ("租户 王秀英 来电", "租户 *** 来电"),
            ("call 13812340007 or +8613812340007", "call *** or ***"),
            ("meter 000030220101 stays", "meter 000030220101 stays"),
            ("id 110101199003071233 and 11010119900307123X", "id *** and ***"),
            ("openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "openid ***"),
            ("key MIIEvQIBADANBgkqhkiG9w0BAQ", "key ***"),
            ("0193a1b2-0000-7000-8000-000000000001", "0193a1b2-0000-7000-8000-000000000001"),
        ];
        for (line, want) in table {
            assert_eq!(scrub.line(line), want);
        }
        let pem = "a\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nb";
        assert_eq!(scrub.text(pem), "a\n*** key or certificate ***\nb\n");
    }
}
