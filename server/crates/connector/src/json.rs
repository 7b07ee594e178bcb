//! JSON without second thoughts: what two readers could understand differently is refused.

use std::{collections::HashSet, fmt};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};

/// The deepest nesting we follow. The deepest documented answer has five levels.
pub const DEPTH_MAX: usize = 16;

/// The text is not JSON of the expected shape.
#[derive(Debug, thiserror::Error)]
#[error("the text is not JSON of the expected shape")]
pub struct JsonError(#[source] serde_json::Error);

/// Reads a whole text as one value.
///
/// Refused beyond what serde refuses (`NaN`, trailing bytes, broken UTF-8, a decimal where an
/// integer is due): a key that stands twice in any object, known or not, and nesting deeper than
/// [`DEPTH_MAX`].
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let mut walk = serde_json::Deserializer::from_slice(bytes);
    Unambiguous { depth_left: DEPTH_MAX }
        .deserialize(&mut walk)
        .and_then(|()| walk.end())
        .map_err(JsonError)?;
    serde_json::from_slice(bytes).map_err(JsonError)
}

/// Walks a value and keeps nothing but the keys of the objects it stands in.
#[derive(Clone, Copy)]
struct Unambiguous {
    depth_left: usize,
}

impl Unambiguous {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1);
        let depth_left = depth_left.ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Unambiguous { depth_left })
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Amount {
        total: i64,
    }

    #[test]
    fn only_one_reading_is_accepted() {
        let deep = format!("{{\"total\":5,\"x\":{}1{}}}", "[".repeat(15), "]".repeat(15));
        let too_deep = format!("{{\"total\":5,\"x\":{}1{}}}", "[".repeat(16), "]".repeat(16));
        let bomb = "[".repeat(1_000_000);
        let table = [
            (r#"{"total":5}"#, Some(5)),
            (r#" {"total":5,"extra":{"a":[1,2.5,null,true,"x"]}} "#, Some(5)),
            (&deep, Some(5)),
            (&too_deep, None),
            (&bomb, None),
            (r#"{"total":5,"total":6}"#, None),
            (r#"{"total":5,"\u0074otal":6}"#, None),
            (r#"{"total":5,"extra":{"a":1,"a":1}}"#, None),
            (r#"{"total":5.0}"#, None),
            (r#"{"total":5e0}"#, None),
            (r#"{"total":"5"}"#, None),
            (r#"{"total":NaN}"#, None),
            (r#"{"total":9223372036854775808}"#, None),
            (r#"{"total":5}{}"#, None),
            (r#"{"total":5"#, None),
            ("\u{feff}{\"total\":5}", None),
            ("<xml><total>5</total></xml>", None),
            ("", None),
        ];
        for (text, want) in table {
            let got = read::<Amount>(text.as_bytes()).ok().map(|a| a.total);
            assert_eq!(got, want, "{}", &text[..text.len().min(60)]);
        }
        assert!(read::<Amount>(b"{\"total\":5,\"x\":\"\xff\"}").is_err());
    }
}
