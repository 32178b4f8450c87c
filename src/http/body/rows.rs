//! A body that is an object around one list of rows: the rows stay raw JSON, so that a bad one is checked separately
//! and each is parsed only when it is processed; no more are kept than allowed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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

/// The text with a `?` in place of each byte that is not UTF-8; all others keep their place. So the rows are found
/// although one of them is not UTF-8, and each is then read as it was sent.
pub(super) fn mend(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let mut mended = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        mended.extend_from_slice(chunk.valid().as_bytes());
        mended.extend(std::iter::repeat_n(b'?', chunk.invalid().len()));
    }
    Cow::Owned(mended)
}

/// The place of a value in the text that it was read from.
pub(super) fn range_of(text: &[u8], value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + value.get().len()
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
    fn too_many_rows_are_counted_and_not_kept() {
        let text = format!(r#"{{"items": [{}]}}"#, vec!["0"; 100_000].join(","));

        let given = RawRows::read(text.as_bytes(), "items", 500).unwrap();

        assert_eq!((given.count, given.rows.len()), (100_000, 500));
        assert!(!given.is_good(&[]));
    }

    #[test]
    fn rows_keep_their_place_in_a_text_that_is_not_utf_8() {
        let text = b"{\"items\": [\"\xc3\xbc\", \"K\xfcche\", \"\xe2\x82\", 7]}";

        let mended = mend(text);
        let given = RawRows::read(&mended, "items", 500).unwrap();

        let rows: Vec<&[u8]> = given.rows.iter().map(|row| &text[range_of(&mended, row)]).collect();
        assert_eq!(rows, [b"\"\xc3\xbc\"".as_slice(), b"\"K\xfcche\"", b"\"\xe2\x82\"", b"7"]);
        assert!(matches!(mend(b"\xc3\xbc"), Cow::Borrowed(_)));
    }
}
