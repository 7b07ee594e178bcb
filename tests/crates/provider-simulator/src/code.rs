//! Codes that work once: of a mini-program's sign-in, of its phone button, of a page.

use std::collections::BTreeMap;

use crate::chance::Chance;

/// How many codes are remembered; the oldest goes first.
pub(crate) const CODES_MAX: usize = 10_000;

/// What a code was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `wx.login` (payments.md C9).
    Login,
    /// The `getPhoneNumber` button.
    Phone,
    /// A page that sent its visitor to be recognised, silently (C7).
    Base,
    /// A page that asked its visitor for consent.
    UserInfo,
    /// `my.getAuthCode`, or a page inside Alipay (C10).
    Alipay,
}

impl Purpose {
    /// How long such a code lives, in milliseconds; Alipay promises three minutes only.
    fn life_ms(self) -> i64 {
        if self == Self::Alipay { 180_000 } else { 300_000 }
    }
}

struct Code {
    app_id: String,
    person: String,
    purpose: Purpose,
    made_ms: i64,
    used: bool,
}

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// Nobody made it, or for another application or purpose.
    Wrong,
    /// It was taken before.
    Used,
    /// Its time is over.
    Expired,
}

/// The codes that were made.
#[derive(Default)]
pub(crate) struct Codes(BTreeMap<String, Code>);

impl Codes {
    /// Makes a code.
    pub(crate) fn make(
        &mut self,
        chance: &mut Chance,
        app_id: &str,
        person: &str,
        purpose: Purpose,
        now_ms: i64,
    ) -> String {
        if self.0.len() >= CODES_MAX {
            let oldest = self.0.iter().min_by_key(|(_, code)| code.made_ms);
            if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                self.0.remove(&oldest);
            }
        }
        let text = chance.letters(32);
        let (app_id, person) = (app_id.to_owned(), person.to_owned());
        self.0.insert(text.clone(), Code { app_id, person, purpose, made_ms: now_ms, used: false });
        text
    }

    /// Takes a code, once; answers whose it is and what it was made for.
    pub(crate) fn take(
        &mut self,
        text: &str,
        app_id: &str,
        purposes: &[Purpose],
        now_ms: i64,
    ) -> Result<(String, Purpose), Spoilt> {
        let code = self.0.get_mut(text).ok_or(Spoilt::Wrong)?;
        if code.app_id != app_id || !purposes.contains(&code.purpose) {
            return Err(Spoilt::Wrong);
        }
        if code.used {
            return Err(Spoilt::Used);
        }
        if now_ms - code.made_ms >= code.purpose.life_ms() {
            return Err(Spoilt::Expired);
        }
        code.used = true;
        Ok((code.person.clone(), code.purpose))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_once_by_its_application_in_its_time() {
        let (mut codes, mut chance) = (Codes::default(), Chance::new(1));
        let mut make =
            |codes: &mut Codes| codes.make(&mut chance, "wx1", "zhang", Purpose::Login, 0);
        let one = make(&mut codes);
        for (app_id, purpose, now_ms, want) in [
            ("wx2", Purpose::Login, 0, Err(Spoilt::Wrong)),
            ("wx1", Purpose::Phone, 0, Err(Spoilt::Wrong)),
            ("wx1", Purpose::Login, 299_999, Ok(("zhang".to_owned(), Purpose::Login))),
            ("wx1", Purpose::Login, 299_999, Err(Spoilt::Used)),
        ] {
            assert_eq!(codes.take(&one, app_id, &[purpose], now_ms), want);
        }
        let two = make(&mut codes);
        assert_eq!(codes.take(&two, "wx1", &[Purpose::Login], 300_000), Err(Spoilt::Expired));
        assert_eq!(codes.take("nobody", "wx1", &[Purpose::Login], 0), Err(Spoilt::Wrong));
    }
}
