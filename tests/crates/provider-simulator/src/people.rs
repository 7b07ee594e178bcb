//! The people with a phone: one name in the tests, another name in every application.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::crypto::digest;

/// How many people there may be; later ones stay strangers.
pub const PEOPLE_MAX: usize = 100_000;

/// Somebody with a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// What the tests call them.
    pub name: String,
    /// Their number, eleven digits.
    pub phone: String,
    /// Whether they follow service accounts.
    pub follows: bool,
}

/// Everybody, and who is behind which openid.
#[derive(Default)]
pub(crate) struct People {
    by_name: BTreeMap<String, Person>,
    by_openid: BTreeMap<String, (String, String)>,
}

/// So many letters and digits out of a digest: the same for the same text.
fn letters(text: &str, count: usize) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    let digests = [
        digest::sha256_hex(text.as_bytes()),
        digest::sha256_hex(&[text, "+"].concat().into_bytes()),
    ];
    let hex = digests.concat();
    let byte = |at: usize| usize::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap_or(0);
    (0..count.min(64)).map(|at| char::from(LETTERS[byte(at) % LETTERS.len()])).collect()
}

/// The name of a person in one application of WeChat.
pub(crate) fn openid(app_id: &str, name: &str) -> String {
    format!("o{}", letters(&format!("openid\n{app_id}\n{name}"), 27))
}

/// The name of a person in all applications of one owner.
pub(crate) fn unionid(name: &str) -> String {
    format!("oU{}", letters(&format!("unionid\n{name}"), 26))
}

/// The name of a person in one application of Alipay.
pub(crate) fn open_id(app_id: &str, name: &str) -> String {
    format!("0{}", letters(&format!("open_id\n{app_id}\n{name}"), 46))
}

/// The old name of a person in Alipay: 2088 and twelve digits.
pub(crate) fn user_id(name: &str) -> String {
    format!("2088{:012}", number(&format!("user_id\n{name}")) % 1_000_000_000_000)
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(&digest::sha256_hex(text.as_bytes())[..15], 16).unwrap_or(0)
}

impl People {
    /// The person of this name; a new one gets a number of their own.
    pub(crate) fn get(&mut self, name: &str) -> Person {
        if let Some(known) = self.by_name.get(name) {
            return known.clone();
        }
        let phone = format!("138{:08}", number(&format!("phone\n{name}")) % 100_000_000);
        let person = Person { name: name.to_owned(), phone, follows: true };
        self.put(person.clone());
        person
    }

    /// Changes a person.
    pub(crate) fn put(&mut self, person: Person) {
        if self.by_name.len() < PEOPLE_MAX || self.by_name.contains_key(&person.name) {
            self.by_name.insert(person.name.clone(), person);
        }
    }

    /// Gives a person away to an application under this name: from now on it may write to them.
    pub(crate) fn introduce(&mut self, app_id: &str, openid: &str, name: &str) {
        self.get(name);
        if self.by_openid.len() < PEOPLE_MAX * 4 {
            let behind = (app_id.to_owned(), name.to_owned());
            self.by_openid.insert(openid.to_owned(), behind);
        }
    }

    /// Who is behind an openid, and in which application; `None` for one nobody was given.
    pub(crate) fn behind(&self, openid: &str) -> Option<(&str, &Person)> {
        let (app_id, name) = self.by_openid.get(openid)?;
        Some((app_id, self.by_name.get(name)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_name_per_application_and_keeps_it() {
        assert_eq!(openid("wx1", "zhang"), openid("wx1", "zhang"));
        assert_ne!(openid("wx1", "zhang"), openid("wx2", "zhang"));
        assert_ne!(openid("wx1", "zhang"), openid("wx1", "li"));
        assert_eq!((openid("a", "b").len(), unionid("b").len(), user_id("b").len()), (28, 28, 16));
        let mut people = People::default();
        let zhang = people.get("zhang");
        assert_eq!((zhang.phone.len(), zhang.follows), (11, true));
        people.put(Person { phone: "13900000000".into(), ..zhang });
        assert_eq!(people.get("zhang").phone, "13900000000");
        assert!(people.behind("o1").is_none());
        people.introduce("wx1", "o1", "zhang");
        assert_eq!(
            people.behind("o1").map(|(app, who)| (app, who.name.as_str())),
            Some(("wx1", "zhang"))
        );
    }
}
