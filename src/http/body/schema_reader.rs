//! Reads JSON along a schema, so that memory is bounded by the schema and not by the sender: a part that is unknown
//! to the schema, or of the wrong kind, is skipped and becomes an empty value of its kind, which is refused just as
//! the whole would be. Free-form parts are kept up to the limit of their fields.

use std::cell::Cell;
use std::fmt;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::numbers::normalize_integers_along;
use crate::http::validation::{bad_fields_along, parts_of};
use crate::protocol::problem::FieldError;

/// How parts without a schema are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FreeForm {
    /// Kept, for the type that is parsed.
    Keep,
    /// Skipped: a refusal reports nothing inside of them.
    Drop,
}

/// Maximum bytes of each free-form field; a larger one is replaced by a value that its rule refuses.
const FREE_BYTES: usize = 16 * 1024;
/// Unknown fields in a whole body: a refusal names no more faults.
const UNKNOWN_FIELDS: usize = 1000;
/// Items of a list that are checked even if the list may have fewer.
const JUDGED_ITEMS: usize = 1000;

/// A schema with the others that it refers to.
pub(in crate::http) struct SchemaReader {
    registry: Registry,
    root: MetaSchemaRef,
}

impl SchemaReader {
    pub(in crate::http) fn of<T: Type>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        Self { registry, root: T::schema_ref() }
    }

    /// The value with integers where the schema wants them, however they were written.
    pub(in crate::http) fn with_whole_numbers(&self, mut value: Value) -> Value {
        normalize_integers_along(&self.registry, &self.root, &mut value);
        value
    }

    /// Every bad field of a value.
    pub(in crate::http) fn bad_fields(&self, value: &Value) -> Vec<FieldError> {
        bad_fields_along(&self.registry, &self.root, value)
    }

    /// The value in `bytes`, as far as the schema describes it.
    pub(in crate::http) fn read(&self, bytes: &[u8], free_form: FreeForm) -> serde_json::Result<Value> {
        let unknown = Cell::new(0);
        let walk =
            SchemaVisitor { registry: &self.registry, schema: &self.root, free_form, unknown: &unknown };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = walk.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }
}

#[derive(Clone, Copy)]
struct SchemaVisitor<'a> {
    registry: &'a Registry,
    schema: &'a MetaSchemaRef,
    free_form: FreeForm,
    unknown: &'a Cell<usize>,
}

impl<'a> SchemaVisitor<'a> {
    fn at(self, schema: &'a MetaSchemaRef) -> Self {
        Self { schema, ..self }
    }

    fn parts(self) -> Vec<&'a MetaSchema> {
        parts_of(self.registry, self.schema)
    }

    fn is_free(self) -> bool {
        let says_nothing = |part: &&MetaSchema| {
            part.ty.is_empty()
                && part.properties.is_empty()
                && part.items.is_none()
                && part.enum_items.is_empty()
        };
        let parts = self.parts();
        // A choice between forms is checked when it is parsed.
        parts.iter().any(|part| !part.any_of.is_empty() || !part.one_of.is_empty())
            || parts.iter().all(says_nothing)
    }

    fn free_list<'de, A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        if self.free_form == FreeForm::Drop {
            skip_items(&mut list)?;
            return Ok(Value::Array(Vec::new()));
        }
        let left = Cell::new(Some(FREE_BYTES));
        let value = FreeFormVisitor { left: &left }.list(&mut list)?;
        Ok(if left.get().is_some() { value } else { Value::Array(vec![too_large()]) })
    }

    fn free_map<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if self.free_form == FreeForm::Drop {
            skip_fields(&mut map)?;
            return Ok(Value::Object(Map::new()));
        }
        let left = Cell::new(Some(FREE_BYTES));
        let value = FreeFormVisitor { left: &left }.map(&mut map)?;
        let placeholder = || Value::Object(Map::from_iter([("x".to_owned(), too_large())]));
        Ok(if left.get().is_some() { value } else { placeholder() })
    }
}

/// A text that makes a field larger than allowed, so that the field's own rule refuses it.
fn too_large() -> Value {
    Value::from("x".repeat(FREE_BYTES))
}

fn skip_items<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_fields<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de> DeserializeSeed<'de> for SchemaVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The visitor methods for scalars; the same for both visitors.
macro_rules! scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }

        fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Bool(value))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
            Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
        }

        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }
    };
}

impl<'de> Visitor<'de> for SchemaVisitor<'_> {
    type Value = Value;

    scalars!();

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        if self.is_free() {
            return self.free_list(list);
        }
        let parts = self.parts();
        let Some(part) = parts.iter().find(|part| part.items.is_some()) else {
            skip_items(&mut list)?;
            return Ok(Value::Array(Vec::new()));
        };
        // One more than allowed is enough to refuse the list for its length.
        let most = part.max_items.map_or(usize::MAX, |most| JUDGED_ITEMS.max(most.saturating_add(1)));
        let items = part.items.as_deref().unwrap_or(self.schema);
        let mut values = Vec::new();
        while values.len() < most {
            match list.next_element_seed(self.at(items))? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        skip_items(&mut list)?;
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let parts = self.parts();
        let is_object = parts.iter().any(|part| part.ty == "object" || !part.properties.is_empty());
        let rest = parts.iter().find_map(|part| part.additional_properties.as_deref());
        let has_properties = parts.iter().any(|part| !part.properties.is_empty());
        let rest_is_free = rest.is_none_or(|rest| self.at(rest).is_free());
        if self.is_free() || (is_object && !has_properties && rest_is_free) {
            return self.free_map(map);
        }
        if !is_object {
            skip_fields(&mut map)?;
            return Ok(Value::Object(Map::new()));
        }
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let known = parts.iter().flat_map(|part| &part.properties).find(|(known, _)| *known == name);
            match known.map(|(_, schema)| schema).or(rest) {
                Some(schema) => {
                    let value = map.next_value_seed(self.at(schema))?;
                    fields.insert(name, value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    if self.unknown.get() < UNKNOWN_FIELDS {
                        self.unknown.set(self.unknown.get() + 1);
                        fields.insert(name, Value::Null);
                    }
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

/// A value of any form, counted as it is read. `left` is `None` once the limit is exceeded: the rest is skipped.
#[derive(Clone, Copy)]
struct FreeFormVisitor<'a> {
    left: &'a Cell<Option<usize>>,
}

impl FreeFormVisitor<'_> {
    /// Counts bytes that the value takes as JSON at least. False: it is too large already.
    fn spend(self, bytes: usize) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(bytes));
        self.left.set(left);
        left.is_some()
    }

    fn list<'de, A: SeqAccess<'de>>(self, list: &mut A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while self.spend(1) {
            match list.next_element_seed(self)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        skip_items(list)?;
        Ok(Value::Array(Vec::new()))
    }

    fn map<'de, A: MapAccess<'de>>(self, map: &mut A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while self.spend(1) {
            let Some(name) = map.next_key::<String>()? else { return Ok(Value::Object(fields)) };
            self.spend(name.len() + 3);
            let value = map.next_value_seed(self)?;
            if self.left.get().is_some() {
                fields.insert(name, value);
            }
        }
        skip_fields(map)?;
        Ok(Value::Object(Map::new()))
    }
}

impl<'de> DeserializeSeed<'de> for FreeFormVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if !self.spend(1) {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            return Ok(Value::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FreeFormVisitor<'_> {
    type Value = Value;

    scalars!();

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(if self.spend(text.len()) { text.into() } else { Value::Null })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.list(&mut list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.map(&mut map)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::property::PropertyInput;
    use crate::protocol::property_batch::BatchRequest;
    use crate::protocol::worker::{FailReport, NewLogLines};

    fn read<T: Type>(text: &str) -> Value {
        SchemaReader::of::<T>().read(text.as_bytes(), FreeForm::Keep).unwrap()
    }

    #[test]
    fn what_the_schema_knows_is_kept_to_the_letter() {
        let whole = json!({
            "source": "s", "list_price": 5.5, "bedrooms_total": 3, "removed": false, "property_type": null,
            "address": {"city": "Toledo"}, "attributes": {"any": [1, null, {"a": "b"}], "n": -1.5e3},
        });

        assert_eq!(read::<PropertyInput>(&whole.to_string()), whole);
    }

    #[test]
    fn unknown_parts_become_empty_values_of_their_kind() {
        let text =
            r#"{"source": [1, 2], "list_price": {"a": 1}, "colour": {"deep": [1]}, "address": [0, 0]}"#;

        let expected = json!({"source": [], "list_price": {}, "colour": null, "address": []});
        assert_eq!(read::<PropertyInput>(text), expected);
    }

    #[test]
    fn a_list_ends_one_item_after_its_most() {
        let items = vec!["{}"; 5000].join(",");

        let lines = read::<NewLogLines>(&format!(r#"{{"lines": [{items}]}}"#));
        let rows = read::<BatchRequest>(&format!(r#"{{"items": [{items}]}}"#));

        assert_eq!(lines["lines"].as_array().unwrap().len(), 1001);
        assert_eq!(rows["items"].as_array().unwrap().len(), 1000);
    }

    #[test]
    fn a_free_form_field_is_kept_up_to_its_most_and_cut_to_a_larger_one_beyond() {
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        let text =
            |zeros: &str| format!(r#"{{"lease_token": "t", "error": "e", "stats": {{"a": {zeros}}}}}"#);

        let fits = read::<FailReport>(&text(&zeros(8000)));
        let cut = read::<FailReport>(&text(&zeros(1_000_000)));

        assert_eq!(fits["stats"]["a"].as_array().unwrap().len(), 8000);
        let length = cut["stats"].to_string().len();
        assert!((16 * 1024 + 1..17 * 1024).contains(&length), "{length}");
        assert_eq!(cut["error"], "e");
    }

    #[test]
    fn unknown_fields_are_kept_up_to_the_reported_maximum() {
        let fields: Vec<String> = (0..5000).map(|number| format!(r#""f{number}": 0"#)).collect();

        let value = read::<PropertyInput>(&format!("{{{}}}", fields.join(",")));

        assert_eq!(value.as_object().unwrap().len(), 1000);
    }

    #[test]
    fn skipped_parts_may_be_nested_without_limit_and_read_parts_may_not() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(read::<PropertyInput>(&format!(r#"{{"source": {deep}}}"#)), json!({"source": []}));
        let shape = SchemaReader::of::<PropertyInput>();
        let text = format!(r#"{{"attributes": {{"a": {deep}}}}}"#);
        assert!(shape.read(text.as_bytes(), FreeForm::Keep).is_err());
    }

    #[test]
    fn text_that_is_no_json_is_refused_wherever_it_breaks() {
        let shape = SchemaReader::of::<PropertyInput>();
        for bad in ["{", r#"{"source": [1,}"#, r#"{"colour": tru}"#, "{} x", "", "nul"] {
            assert!(shape.read(bad.as_bytes(), FreeForm::Keep).is_err(), "{bad}");
        }
    }
}
