//! `null` in the body of a change: refused where the API document has no null, because a client that sends it expects
//! an effect.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use serde_json::{Map, Value};

use super::rules::{Nulls, Rules};
use crate::http::validation::parts_of;
use crate::protocol::problem::{FieldError, PathSegment};

/// A refusal names at most this many of them.
const MOST: usize = 1000;

/// Fields that are `null` although the body's type has no null for them. One that is required is left to the schema.
pub(super) fn null_fields<T: Rules>(value: &Value) -> Vec<FieldError> {
    match T::NULLS {
        Nulls::Refused if has_null(value) => {
            let mut registry = Registry::new();
            T::register(&mut registry);
            let mut walk = NullWalker { registry: &registry, path: Vec::new(), found: Vec::new() };
            walk.value(&T::schema_ref(), value);
            walk.found
        }
        Nulls::Refused | Nulls::Kept => Vec::new(),
        Nulls::Empty(emptied) => not_emptied(emptied, value),
    }
}

/// Fields of a patch that are `null` although they cannot be emptied.
fn not_emptied(emptied: &[&str], value: &Value) -> Vec<FieldError> {
    let fields = value.as_object().into_iter().flatten();
    let bad = fields.filter(|(name, value)| value.is_null() && !emptied.contains(&name.as_str()));
    bad.map(|(name, _)| {
        let words = "must not be null, which would empty it; leave it out to keep it as it is";
        FieldError::in_body(&[PathSegment::Name(name.clone())], "null", words)
    })
    .collect()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

struct NullWalker<'a> {
    registry: &'a Registry,
    path: Vec<PathSegment>,
    found: Vec<FieldError>,
}

impl NullWalker<'_> {
    fn value(&mut self, schema: &MetaSchemaRef, value: &Value) {
        let registry = self.registry;
        for part in parts_of(registry, schema) {
            match value {
                Value::Array(items) => self.list(part, items),
                Value::Object(fields) => self.object(part, fields),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    fn list(&mut self, part: &MetaSchema, items: &[Value]) {
        let Some(schema) = &part.items else { return };
        for (index, item) in (0..).zip(items) {
            self.path.push(PathSegment::Index(index));
            self.value(schema, item);
            self.path.pop();
        }
    }

    fn object(&mut self, part: &MetaSchema, fields: &Map<String, Value>) {
        for (name, field) in fields {
            let known = part.properties.iter().find(|(known, _)| *known == name);
            let Some((_, schema)) = known else {
                self.map_value(part, name, field);
                continue;
            };
            if self.found.len() >= MOST {
                return;
            }
            self.path.push(PathSegment::Name(name.clone()));
            if !field.is_null() {
                self.value(schema, field);
            } else if !part.required.contains(&name.as_str()) && !self.is_nullable(schema) {
                let words = "must not be null; leave it out instead";
                self.found.push(FieldError::in_body(&self.path, "null", words));
            }
            self.path.pop();
        }
    }

    /// A value of a map: whether it may be null itself is left to the schema.
    fn map_value(&mut self, part: &MetaSchema, name: &str, value: &Value) {
        let Some(schema) = part.additional_properties.as_deref().filter(|_| !value.is_null()) else { return };
        self.path.push(PathSegment::Name(name.to_owned()));
        self.value(schema, value);
        self.path.pop();
    }

    fn is_nullable(&self, schema: &MetaSchemaRef) -> bool {
        parts_of(self.registry, schema).iter().any(|part| part.nullable)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::property::PropertyInput;
    use crate::protocol::spider::NewSpider;
    use crate::protocol::worker::ProgressReport;

    fn pointers<T: Rules>(value: &Value) -> Vec<String> {
        let mut found: Vec<_> = null_fields::<T>(value).into_iter().map(|error| error.pointer).collect();
        found.sort();
        found
    }

    #[test]
    fn a_field_that_may_be_left_out_may_not_be_null() {
        let spider = json!({"name": null, "start_urls": null, "allowed_hosts": null, "colour": null});

        assert_eq!(pointers::<NewSpider>(&spider), ["/allowed_hosts", "/start_urls"]);
    }

    #[test]
    fn null_is_a_value_inside_of_a_free_form_field() {
        let report = json!({"stats": {"a": null, "b": [null]}, "pages_crawled": null});

        assert_eq!(pointers::<ProgressReport>(&report), ["/pages_crawled"]);
    }

    #[test]
    fn null_is_refused_in_the_values_of_a_map() {
        let rule = json!({"fields": {"list_price": {"css": "b", "regex": null}}});

        assert_eq!(pointers::<NewSpider>(&rule), ["/fields/list_price/regex"]);
    }

    #[test]
    fn a_listing_may_be_sent_with_null() {
        assert_eq!(pointers::<PropertyInput>(&json!({"property_type": null})), [] as [&str; 0]);
    }
}
