//! A numeric id in a body: a number, or the string of digits that some clients keep.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::base::json_integer::MAX_SAFE_INTEGER;

/// An id as a client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireId(pub i64);

impl Type for WireId {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "integer_id".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        // The refusals of bad bodies know this format, so that they recognise digits as an id.
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(1.0),
            maximum: Some(MAX_SAFE_INTEGER as f64),
            ..MetaSchema::new_with_format("integer", "id")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for WireId {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let id = match value.unwrap_or_default() {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let id = id.filter(|id| (1..=MAX_SAFE_INTEGER).contains(id));
        id.map(Self).ok_or_else(|| ParseError::custom("an id is a whole number, 1 or more"))
    }
}

impl ToJSON for WireId {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_a_number_or_its_digits() {
        let read = |value| WireId::parse_from_json(Some(value)).ok();

        assert_eq!((read(json!(7)), read(json!("7"))), (Some(WireId(7)), Some(WireId(7))));
        for bad in [
            json!("x"),
            json!(""),
            json!(7.5),
            json!(null),
            json!([7]),
            json!(u64::MAX),
            json!(-1),
            json!("0"),
        ] {
            assert_eq!(read(bad.clone()), None, "{bad}");
        }
    }
}
