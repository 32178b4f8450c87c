//! Why JSON of the right syntax cannot be read, and which fields of a row hold the reason.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::rows::{mend, range_of};
use crate::protocol::problem::{FieldError, PathSegment};

/// The fault of a row that is nested deeper than it is parsed.
pub(super) const DEEP: &str = "is nested too deeply";
/// At most this many fields of a row are named.
const MOST_FIELDS: usize = 20;

/// Why syntactically valid JSON is not read; `None`: the syntax is wrong. The parser has no error codes, only texts.
pub(super) fn unreadable_words(error: &serde_json::Error) -> Option<&'static str> {
    let text = error.to_string();
    // For half of a pair, the parser says that it is alone or that its escape has no end.
    if text.contains("surrogate") || text.contains("hex escape") {
        Some("has a text with half of a surrogate pair")
    } else if text.contains("invalid unicode") {
        Some("has a text that is not UTF-8")
    } else if text.contains("recursion limit") {
        Some(DEEP)
    } else if text.contains("number out of range") {
        Some("has a number that is too large")
    } else {
        None
    }
}

/// The faults of a row that cannot be read: one for each field that holds a reason, else one for the row.
pub(super) fn unreadable(row: &[u8], error: &serde_json::Error) -> Vec<FieldError> {
    let Some(words) = unreadable_words(error) else {
        return vec![FieldError::in_body(&[], "invalid", "is not JSON that can be read")];
    };
    let mut faults = Vec::new();
    let text = mend(row);
    let mut deserializer = serde_json::Deserializer::from_slice(&text);
    // A row that is no object has no fields.
    let _ = deserializer.deserialize_map(Fields { row, text: &text, faults: &mut faults });
    if faults.is_empty() {
        faults.push(FieldError::in_body(&[], "invalid", words));
    }
    faults
}

/// The fields of a row: each is decoded alone, and nothing of it is kept.
struct Fields<'r> {
    row: &'r [u8],
    /// The row as UTF-8, with every byte in the same place.
    text: &'r [u8],
    faults: &'r mut Vec<FieldError>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value::<&RawValue>()?;
            let reason = reason(&self.row[range_of(self.text, value)]);
            if let Some(words) = reason.filter(|_| self.faults.len() < MOST_FIELDS) {
                self.faults.push(FieldError::in_body(&[PathSegment::Name(name)], "invalid", words));
            }
        }
        Ok(())
    }
}

fn reason(value: &[u8]) -> Option<&'static str> {
    let mut deserializer = serde_json::Deserializer::from_slice(value);
    unreadable_words(&Decoded.deserialize(&mut deserializer).err()?)
}

/// A value of any form, decoded and not kept. Serde's `IgnoredAny` does not decode texts and numbers.
#[derive(Clone, Copy)]
struct Decoded;

impl<'de> DeserializeSeed<'de> for Decoded {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Decoded {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry_seed(self, self)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_json_is_distinguished_from_invalid_json() {
        let words =
            |bytes: &[u8]| unreadable_words(&serde_json::from_slice::<serde_json::Value>(bytes).unwrap_err());

        assert_eq!(words(br#"{"a": 1e400}"#), Some("has a number that is too large"));
        assert_eq!(words(br#"["\ud800"]"#), Some("has a text with half of a surrogate pair"));
        assert_eq!(words(br#"["\ud800\u0041"]"#), Some("has a text with half of a surrogate pair"));
        assert_eq!(words(b"[\"\xff\"]"), Some("has a text that is not UTF-8"));
        assert_eq!(words("[".repeat(200).as_bytes()), Some(DEEP));
        assert_eq!(words(b"{\"a\": tru}"), None);
        assert_eq!(words(br#"["\u12"]"#), None);
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named_with_its_reason() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let start = r#"{"good": "ü", "half": ["\ud800"], "large": {"a": -1e400}, "deep": "#;
        let end = b", \"latin\": \"K\xfcche\", \"last\": 1}";
        let row = [start.as_bytes(), deep.as_bytes(), end].concat();
        let error = serde_json::from_slice::<serde_json::Value>(&row).unwrap_err();

        let faults = unreadable(&row, &error);

        let named: Vec<_> = faults.iter().map(|one| (one.pointer.as_str(), one.msg.as_str())).collect();
        let expected = [
            ("/half", "has a text with half of a surrogate pair"),
            ("/large", "has a number that is too large"),
            ("/deep", DEEP),
            ("/latin", "has a text that is not UTF-8"),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_row_without_a_field_to_blame_is_blamed_itself() {
        for row in [r#"["\ud800"]"#, r#"{"\ud800": 1}"#, "1e400", "{"] {
            let error = serde_json::from_str::<serde_json::Value>(row).unwrap_err();
            let faults = unreadable(row.as_bytes(), &error);
            assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, ""), "{row}");
        }
    }
}
