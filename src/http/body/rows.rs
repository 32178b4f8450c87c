//! A body that is an object around one list of rows: the rows stay raw JSON, so that a bad one is checked separately
//! and each is parsed only when it is processed; no more are kept than allowed.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::protocol::problem::FieldError;

/// The fault of a row that is nested deeper than it is parsed.
pub(super) const DEEP: &str = "is nested too deeply";
/// How many fields beside the list are kept; a body with this many is refused for them.
const MOST_OTHERS: usize = 100;

/// The rows and the fields beside them.
pub(super) struct RawRows<'de> {
    list: &'static str,
    most: usize,
    /// The first rows: at most as many as allowed.
    pub(super) rows: Vec<&'de RawValue>,
    pub(super) others: BTreeMap<String, &'de RawValue>,
    count: usize,
}

impl<'de> RawRows<'de> {
    /// Reads the object with up to `most` rows in its field `list`.
    pub(super) fn read(bytes: &'de [u8], list: &'static str, most: usize) -> serde_json::Result<Self> {
        let mut given = Self { list, most, rows: Vec::new(), others: BTreeMap::new(), count: 0 };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        Fields(&mut given).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(given)
    }

    /// Whether there is at least one row, not too many, and no unknown field beside them.
    pub(super) fn is_good(&self, known: &[&str]) -> bool {
        (1..=self.most).contains(&self.count) && self.others.keys().all(|name| known.contains(&name.as_str()))
    }
}

/// The fault of a row that is valid JSON and cannot be read.
pub(super) fn unreadable(error: &serde_json::Error) -> FieldError {
    FieldError::in_body(&[], "invalid", unreadable_words(error).unwrap_or("is not JSON that can be read"))
}

/// Why syntactically valid JSON is not read; `None`: the syntax is wrong. The parser has no error codes, only texts.
pub(super) fn unreadable_words(error: &serde_json::Error) -> Option<&'static str> {
    let text = error.to_string();
    // For half of a pair, the parser says that it is alone or that its escape has no end.
    if text.contains("surrogate") || text.contains("hex escape") {
        Some("has a text with half of a surrogate pair")
    } else if text.contains("recursion limit") {
        Some(DEEP)
    } else if text.contains("number out of range") {
        Some("has a number that is too large")
    } else {
        None
    }
}

/// The object around the rows.
struct Fields<'g, 'de>(&'g mut RawRows<'de>);

impl<'de> DeserializeSeed<'de> for Fields<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0.list {
                map.next_value_seed(Rows(&mut *self.0))?;
            } else {
                let value = map.next_value()?;
                if self.0.others.len() < MOST_OTHERS {
                    self.0.others.insert(name, value);
                }
            }
        }
        Ok(())
    }
}

/// The rows; only as many as allowed are kept.
struct Rows<'g, 'de>(&'g mut RawRows<'de>);

impl<'de> DeserializeSeed<'de> for Rows<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // If a field occurs twice the last one counts, as in any JSON object.
        (self.0.rows, self.0.count) = (Vec::new(), 0);
        while self.0.count < self.0.most {
            match list.next_element()? {
                Some(row) => self.0.rows.push(row),
                None => return Ok(()),
            }
            self.0.count += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.0.count += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_json_is_distinguished_from_invalid_json() {
        let words =
            |text: &str| unreadable_words(&serde_json::from_str::<serde_json::Value>(text).unwrap_err());

        assert_eq!(words(r#"{"a": 1e400}"#), Some("has a number that is too large"));
        assert_eq!(words(r#"["\ud800"]"#), Some("has a text with half of a surrogate pair"));
        assert_eq!(words(r#"["\ud800\u0041"]"#), Some("has a text with half of a surrogate pair"));
        assert_eq!(words(&"[".repeat(200)), Some(DEEP));
        assert_eq!(words("{\"a\": tru}"), None);
        assert_eq!(words(r#"["\u12"]"#), None);
    }

    #[test]
    fn too_many_rows_are_counted_and_not_kept() {
        let text = format!(r#"{{"items": [{}]}}"#, vec!["0"; 100_000].join(","));

        let given = RawRows::read(text.as_bytes(), "items", 500).unwrap();

        assert_eq!((given.count, given.rows.len()), (100_000, 500));
        assert!(!given.is_good(&[]));
    }
}
