//! Walks a JSON value along its schema and records each fault, with a stable identifier of the broken rule.

use poem_openapi::registry::{MetaDiscriminatorObject, MetaSchema, MetaSchemaRef, Registry};
use serde_json::{Map, Value};

use super::scalar;
use crate::protocol::problem::PathSegment;

/// A fault at one location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) path: Vec<PathSegment>,
    pub(super) kind: &'static str,
    pub(super) msg: String,
}

/// A refusal lists at most this many faults: the answer to a body of millions of bad items must not be larger than
/// the body.
const MOST: usize = 1000;

/// A message lists at most this many names of fields.
const MOST_NAMES: usize = 12;

/// Every fault of `value`, in the order of the value.
pub(super) fn find(registry: &Registry, schema: &MetaSchemaRef, value: &Value) -> Vec<Fault> {
    let mut walk = FaultWalker { registry, path: Vec::new(), faults: Vec::new() };
    walk.value(schema, value);
    walk.faults
}

/// The texts of `value` that hold a NUL. Free-form parts are not checked.
pub(super) fn find_nul(registry: &Registry, schema: &MetaSchemaRef, value: &Value) -> Vec<Fault> {
    let mut faults = find(registry, schema, value);
    faults.retain(|fault| fault.kind == scalar::NUL);
    faults
}

/// The allowed integers at a location, as a text; `None` where the schema has no rule for it.
pub(in crate::http) fn whole_number_at(
    registry: &Registry,
    schema: &MetaSchemaRef,
    path: &[PathSegment],
) -> Option<String> {
    let mut found = parts(registry, schema);
    for step in path {
        let next = found.iter().find_map(|part| match step {
            PathSegment::Name(name) => field_of(part, name),
            PathSegment::Index(_) => part.items.as_deref(),
        })?;
        found = parts(registry, next);
    }
    found.into_iter().find_map(scalar::bounded)
}

fn field_of<'a>(part: &'a MetaSchema, name: &str) -> Option<&'a MetaSchemaRef> {
    let known = part.properties.iter().find(|(known, _)| *known == name);
    known.map(|(_, schema)| schema).or(part.additional_properties.as_deref())
}

/// The schema to which `schema` refers, followed by the parts that its `allOf` adds.
pub(in crate::http) fn parts<'a>(registry: &'a Registry, schema: &'a MetaSchemaRef) -> Vec<&'a MetaSchema> {
    let own = match schema {
        MetaSchemaRef::Inline(schema) => Some(&**schema),
        MetaSchemaRef::Reference(name) => registry.schemas.get(name),
    };
    let added = own.into_iter().flat_map(|schema| &schema.all_of);
    own.into_iter().chain(added.flat_map(|schema| parts(registry, schema))).collect()
}

struct FaultWalker<'a> {
    registry: &'a Registry,
    path: Vec<PathSegment>,
    faults: Vec<Fault>,
}

impl<'a> FaultWalker<'a> {
    fn note(&mut self, kind: &'static str, msg: impl Into<String>) {
        self.faults.push(Fault { path: self.path.clone(), kind, msg: msg.into() });
    }

    fn at(&mut self, step: PathSegment, look: impl FnOnce(&mut Self)) {
        if self.faults.len() < MOST {
            self.path.push(step);
            look(self);
            self.path.pop();
        }
    }

    fn value(&mut self, schema: &'a MetaSchemaRef, value: &Value) {
        let parts = parts(self.registry, schema);
        if value.is_null() && parts.iter().any(|part| part.nullable) {
            return;
        }
        for union in parts.iter().filter(|part| is_union(part)) {
            self.union(union, value);
        }
        // A union is written as an object, whatever its forms are.
        let parts: Vec<&MetaSchema> = parts.into_iter().filter(|part| !is_union(part)).collect();
        if let Some(part) = parts.iter().find(|part| !scalar::is_of_type(part, value)) {
            let msg = format!("must be {}, not {}", scalar::expected(part), scalar::found(value));
            return self.note("type", msg);
        }
        if let Some(part) = parts.iter().find(|part| !is_one_of(part, value)) {
            return self.note("enum", format!("must be {}", choices(&part.enum_items)));
        }
        match value {
            Value::Array(items) => parts.iter().for_each(|part| self.list(part, items)),
            Value::Object(fields) => self.object(&parts, fields),
            _ => parts.iter().for_each(|part| self.scalar(part, value)),
        }
    }

    fn scalar(&mut self, part: &MetaSchema, value: &Value) {
        for (kind, msg) in scalar::broken_rules(part, value) {
            self.note(kind, msg);
        }
    }

    fn list(&mut self, part: &'a MetaSchema, items: &[Value]) {
        if part.min_items.is_some_and(|least| items.len() < least) {
            let least = scalar::counted(part.min_items.unwrap_or_default(), "item");
            self.note("min_items", format!("must have {least} or more"));
        }
        if part.max_items.is_some_and(|most| items.len() > most) {
            let most = scalar::counted(part.max_items.unwrap_or_default(), "item");
            self.note("max_items", format!("must have {most} or fewer"));
        }
        if part.unique_items == Some(true) && has_duplicates(items) {
            self.note("unique_items", "must not have the same item twice");
        }
        for (index, item) in (0..).zip(items) {
            self.at(PathSegment::Index(index), |walk| {
                if let Some(schema) = &part.items {
                    walk.value(schema, item);
                }
                // Rules for the items of a list are written on the list itself.
                walk.scalar(part, item);
            });
        }
    }

    fn object(&mut self, parts: &[&'a MetaSchema], fields: &Map<String, Value>) {
        let known: Vec<_> = parts.iter().flat_map(|part| &part.properties).collect();
        let rest = parts.iter().find_map(|part| part.additional_properties.as_deref());
        let is_required = |name: &str| parts.iter().any(|part| part.required.contains(&name));

        for name in parts.iter().flat_map(|part| &part.required).filter(|name| !fields.contains_key(**name)) {
            self.at(PathSegment::Name((*name).to_owned()), |walk| walk.note("required", "is required"));
        }
        for (name, value) in fields {
            let property = known.iter().find(|(known, _)| known == name).map(|(_, schema)| schema);
            self.at(PathSegment::Name(name.clone()), |walk| match (property, rest) {
                // The schema of an optional field does not say whether it may be null: the body's reader does.
                (Some(_), _) if value.is_null() && !is_required(name) => {}
                (Some(schema), _) if walk.is_read_only(schema) => {
                    walk.note("read_only", "is set by the server and cannot be given");
                }
                (Some(schema), _) => walk.value(schema, value),
                (None, Some(schema)) => walk.value(schema, value),
                (None, None) if known.is_empty() => {}
                (None, None) => walk.note("unknown_field", unknown_field(&known)),
            });
        }
        for part in parts {
            self.count_fields(part, fields.len());
        }
    }

    fn count_fields(&mut self, part: &MetaSchema, count: usize) {
        if let Some(least) = part.min_properties.filter(|least| count < *least) {
            self.note("min_properties", format!("must have {} or more", scalar::counted(least, "field")));
        }
        if let Some(most) = part.max_properties.filter(|most| count > *most) {
            self.note("max_properties", format!("must have {} or fewer", scalar::counted(most, "field")));
        }
    }

    fn is_read_only(&self, schema: &'a MetaSchemaRef) -> bool {
        parts(self.registry, schema).iter().any(|part| part.read_only)
    }

    fn union(&mut self, union: &'a MetaSchema, value: &Value) {
        match &union.discriminator {
            Some(discriminator) => self.tagged(union, discriminator, value),
            None => self.untagged(union, value),
        }
    }

    /// The tag determines the form, so only the faults of that form are reported.
    fn tagged(&mut self, union: &'a MetaSchema, tag: &MetaDiscriminatorObject, value: &Value) {
        let Some(fields) = value.as_object() else {
            return self.note("type", format!("must be an object, not {}", scalar::found(value)));
        };
        let given = fields.get(tag.property_name);
        let meant = tag.mapping.iter().find(|(name, _)| given.and_then(Value::as_str) == Some(name));
        let form = meant.and_then(|(_, target)| forms(union).find(|form| is_reference_to(form, target)));
        if let Some(form) = form {
            return self.value(form, value);
        }
        let names: Vec<Value> = tag.mapping.iter().map(|(name, _)| Value::from(name.as_str())).collect();
        let (kind, msg) = match given {
            None => ("required", format!("is required: {}", choices(&names))),
            Some(_) => ("enum", format!("must be {}", choices(&names))),
        };
        self.at(PathSegment::Name(tag.property_name.to_owned()), |walk| walk.note(kind, msg));
    }

    /// Of the forms that have the value's type, the one with the fewest faults is assumed.
    fn untagged(&mut self, union: &'a MetaSchema, value: &Value) {
        let mut closest: Option<Vec<Fault>> = None;
        for form in forms(union) {
            let mut walk =
                FaultWalker { registry: self.registry, path: self.path.clone(), faults: Vec::new() };
            walk.value(form, value);
            if walk.faults.is_empty() {
                return;
            }
            let wrong_type = walk.faults.iter().any(|fault| fault.kind == "type" && fault.path == self.path);
            let closer = closest.as_ref().is_none_or(|closest| walk.faults.len() < closest.len());
            if !wrong_type && closer {
                closest = Some(walk.faults);
            }
        }
        if let Some(faults) = closest {
            return self.faults.extend(faults);
        }
        let mut types: Vec<String> = forms(union)
            .flat_map(|form| parts(self.registry, form))
            .filter(|part| !part.ty.is_empty())
            .map(scalar::expected)
            .collect();
        types.dedup();
        self.note("type", format!("must be {}, not {}", types.join(" or "), scalar::found(value)));
    }
}

fn is_union(schema: &MetaSchema) -> bool {
    forms(schema).next().is_some()
}

fn forms(union: &MetaSchema) -> impl Iterator<Item = &MetaSchemaRef> {
    union.any_of.iter().chain(&union.one_of)
}

/// A discriminator's mapping names its target as the document does: `#/components/schemas/NAME`.
fn is_reference_to(form: &MetaSchemaRef, target: &str) -> bool {
    match form {
        MetaSchemaRef::Reference(name) => target.strip_prefix("#/components/schemas/") == Some(name),
        MetaSchemaRef::Inline(_) => false,
    }
}

fn is_one_of(schema: &MetaSchema, value: &Value) -> bool {
    schema.enum_items.is_empty() || schema.enum_items.contains(value)
}

fn has_duplicates(items: &[Value]) -> bool {
    let mut seen = std::collections::HashSet::new();
    items.iter().any(|item| !seen.insert(item.to_string()))
}

fn choices(values: &[Value]) -> String {
    let words: Vec<String> =
        values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    match words.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", words.join(", ")),
    }
}

fn unknown_field(known: &[&(&str, MetaSchemaRef)]) -> String {
    if known.len() > MOST_NAMES {
        return "is not a field here".to_owned();
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    format!("is not a field here; known fields are {}", names.join(", "))
}
