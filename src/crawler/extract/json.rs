//! JSON into values, counted against the page's budget while it is parsed: a few bytes of JSON may become hundreds in
//! memory, and an attempt that fails has cost its time as well.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Number, Value};

use crate::crawler::budget::PageBudget;

/// Steps of a value: its allocation, and its end.
pub(super) const VALUE_STEPS: u64 = 6;
/// Bytes of an array's element while the array grows, of a string beside its text, and of an object's node, which has
/// room for eleven entries from the first one on.
pub(super) const ELEMENT_BYTES: u64 = 64;
pub(super) const TEXT_BYTES: u64 = 32;
pub(super) const NODE_BYTES: u64 = 640;
/// Entries that fill a node at least.
pub(super) const NODE_ENTRIES: usize = 5;

/// The value that `text` is.
pub(in crate::crawler) fn parse(text: &str, budget: &PageBudget) -> Option<Value> {
    let mut json = Deserializer::from_str(text);
    let value = Bounded(budget).deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    budget.charge_scan(json.into_iter::<IgnoredAny>().byte_offset());
    value.ok()
}

/// The value at the start of `text` and its length; what follows does not matter.
pub(super) fn parse_start(text: &str, budget: &PageBudget) -> Option<(Value, usize)> {
    let mut json = Deserializer::from_str(text);
    let value = Bounded(budget).deserialize(&mut json);
    let length = json.into_iter::<IgnoredAny>().byte_offset();
    budget.charge_scan(length);
    Some((value.ok()?, length))
}

/// Makes a [`Value`] as serde_json does, as long as the budget lasts.
#[derive(Clone, Copy)]
struct Bounded<'a>(&'a PageBudget);

impl Bounded<'_> {
    fn charge_bytes<E: Error>(self, bytes: u64) -> Result<(), E> {
        if self.0.charge_bytes(bytes) { Ok(()) } else { Err(E::custom("the page's budget is spent")) }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.charge_steps(VALUE_STEPS);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.charge_bytes(TEXT_BYTES + value.len() as u64)?;
        Ok(Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self)? {
            self.charge_bytes(ELEMENT_BYTES)?;
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let node = if object.len().is_multiple_of(NODE_ENTRIES) { NODE_BYTES } else { 0 };
            self.charge_bytes(node + TEXT_BYTES + key.len() as u64)?;
            let value = entries.next_value_seed(self)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::Truncation;

    fn budget() -> PageBudget {
        PageBudget::for_page(10_000)
    }

    #[test]
    fn values_are_those_of_serde_json() {
        for text in [
            r#"{"a": [1, -1, 1.5, 1e300, true, null, "x\u00e9\n"], "a": {"b": {}}, "c": []}"#,
            r#"[18446744073709551615, -9223372036854775808, 0.1, 1e400, -0]"#,
            r#"{"$serde_json::private::Number": "1"}"#,
            r#"{"a": 1,}"#,
            "1 2",
            "\"\\ud800\"",
            "",
        ] {
            assert_eq!(parse(text, &budget()), serde_json::from_str(text).ok(), "{text}");
        }
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        let (value, length) = parse_start(r#"{"a": 1} + 2"#, &budget()).unwrap();

        assert_eq!((value, length), (serde_json::json!({"a": 1}), 8));
        assert_eq!(parse_start("{'a': 1}", &budget()), None);
    }

    #[test]
    fn an_attempt_that_fails_costs_its_length() {
        let budget = budget();
        let text = format!("{{\"{}", "a".repeat(1_600_000));

        assert_eq!(parse_start(&text, &budget), None);

        assert!(budget.used().steps >= 100_000, "{:?}", budget.used());
    }

    #[test]
    fn small_objects_spend_the_budget() {
        let budget = budget();
        let text = format!("[{}0]", "{\"\":0},".repeat(120_000));

        assert_eq!(parse(&text, &budget), None);

        assert_eq!(budget.truncation(), Some(Truncation::Memory));
    }
}
