//! The values of page state that stand for other values of it: entries of a normalised cache, rows of React's flight
//! format, the flat arrays of the devalue format, arguments of a function. References are followed while the state is
//! visited; nothing is copied but small objects that are read as the value of one field.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::bounds::{MAX_DEPTH, VALUE_STEPS, key_steps};
use crate::crawler::budget::PageBudget;

/// References from one value to the next that are followed.
const MAX_HOPS: usize = 8;
/// Bytes of a reference that are looked at, and keys on the paths from one value to the next, in all.
const MAX_REFERENCE: usize = 200;
const MAX_PATH: usize = 16;
/// Steps of following a reference, beside those for the keys on its path.
const HOP_STEPS: u64 = 8;
/// How deep a value of one field is copied, how many values, and what each takes.
const MAX_COPY_DEPTH: usize = 3;
const MAX_COPIED: usize = 40;
const COPIED_BYTES: u64 = 160;
/// How many values a tree has that is made of values that refer to each other.
const MAX_EXPANDED: usize = 20_000;
/// Digits and letters of a row's id.
const MAX_ROW_ID: usize = 8;
/// The first character of a text that stands for an argument: of the private use area, so that no text begins with it.
pub(super) const ARGUMENT: char = '\u{e000}';

static NULL: Value = Value::Null;

/// One block of page state, as its script holds it.
#[derive(Debug)]
pub(super) enum StateData {
    Tree(Value),
    /// JSON with a normalised cache in it: `{"__ref": "Listing:1"}`, or `{"type": "id", "id": "Listing:1"}`.
    Cache(Value),
    /// The devalue format: an array, the containers in which name their values by index. The first one is the root.
    Devalue(Vec<Value>),
    /// Rows of React's flight format by id: `$L1`, `$1` and `$1:props:listing` refer to them.
    Flight(Vec<(String, Value)>),
    /// What a function returns, and the arguments that its parameters stand for.
    Call {
        result: Value,
        arguments: Vec<Value>,
    },
}

/// How the values of one block refer to each other.
#[derive(Clone, Copy)]
pub(super) enum Links<'a> {
    None,
    Cache(&'a HashMap<&'a str, &'a Value>),
    Devalue(&'a [Value]),
    Flight(&'a HashMap<&'a str, &'a Value>),
    Call(&'a [Value]),
}

impl<'a> Links<'a> {
    /// Whether a value may be reached in several ways, or again from below itself.
    pub(super) fn may_share(self) -> bool {
        !matches!(self, Self::None)
    }

    /// What `value`, an element of an array or of an object, stands for; null where it refers to nothing.
    pub(super) fn follow(self, value: &'a Value) -> &'a Value {
        if let Self::Devalue(values) = self {
            return follow_index(values, value);
        }
        let mut at = value;
        let mut keys_left = MAX_PATH;
        for _ in 0..MAX_HOPS {
            let next = match self {
                Self::None | Self::Devalue(_) => None,
                Self::Cache(entries) => {
                    cache_reference(at).map(|name| entries.get(name).copied().unwrap_or(&NULL))
                }
                Self::Flight(rows) => {
                    row_reference(at).map(|path| row(rows, path, &mut keys_left).unwrap_or(&NULL))
                }
                Self::Call(arguments) => argument_index(at).map(|at| arguments.get(at).unwrap_or(&NULL)),
            };
            match next {
                Some(next) => at = next,
                None => return at,
            }
        }
        &NULL
    }

    /// Steps of following `value`.
    pub(super) fn follow_steps(self, value: &Value) -> u64 {
        match (self, value) {
            (Self::Flight(_), Value::String(text)) if text.starts_with('$') => {
                HOP_STEPS + text.len().min(MAX_REFERENCE) as u64
            }
            (Self::Cache(_), Value::Object(_)) | (Self::Devalue(_), _) => HOP_STEPS,
            _ => 0,
        }
    }

    /// A text or a number as it is meant: the flight format escapes a leading `$` and marks dates with it.
    pub(super) fn plain(self, value: &'a Value, budget: &PageBudget) -> Cow<'a, Value> {
        let (Self::Flight(_), Value::String(text)) = (self, value) else { return Cow::Borrowed(value) };
        let Some(rest) = text.strip_prefix('$') else { return Cow::Borrowed(value) };
        let kept = match rest.chars().next() {
            Some('$') => rest,
            Some('D' | 'n') => &rest[1..],
            _ => return Cow::Owned(Value::Null),
        };
        if budget.charge_bytes(kept.len() as u64) {
            Cow::Owned(Value::from(kept))
        } else {
            Cow::Owned(Value::Null)
        }
    }

    /// The value as a tree, with what it refers to in its place: once for each reference, to a bounded depth and number.
    pub(super) fn expanded(self, value: &'a Value, budget: &PageBudget) -> Value {
        let mut left = MAX_EXPANDED;
        self.expand(value, 0, &mut left, budget)
    }

    fn expand(self, value: &'a Value, depth: usize, left: &mut usize, budget: &PageBudget) -> Value {
        let is_within = depth < MAX_DEPTH && budget.charge_bytes(COPIED_BYTES);
        let Some(rest) = left.checked_sub(1).filter(|_| is_within) else { return Value::Null };
        *left = rest;
        match value {
            Value::Array(values) => {
                let mut copied = Vec::new();
                for value in values {
                    if *left == 0 {
                        break;
                    }
                    copied.push(self.expand(self.follow(value), depth + 1, left, budget));
                }
                Value::Array(copied)
            }
            Value::Object(object) => {
                let mut copied = Map::new();
                for (key, value) in object {
                    if *left == 0 || !budget.charge_bytes(key.len() as u64) {
                        break;
                    }
                    copied.insert(key.clone(), self.expand(self.follow(value), depth + 1, left, budget));
                }
                Value::Object(copied)
            }
            Value::String(text) if !budget.charge_bytes(text.len() as u64) => Value::Null,
            other => self.plain(other, budget).into_owned(),
        }
    }

    /// The value with everything that it refers to in its place, as far as one field needs it.
    pub(super) fn resolved(self, value: &'a Value, budget: &PageBudget) -> Cow<'a, Value> {
        match (self, value) {
            (Self::None, _) => Cow::Borrowed(value),
            (_, Value::Object(_) | Value::Array(_)) => {
                let mut left = MAX_COPIED;
                Cow::Owned(self.copy(value, 0, &mut left, budget))
            }
            _ => self.plain(value, budget),
        }
    }

    fn copy(self, value: &'a Value, depth: usize, left: &mut usize, budget: &PageBudget) -> Value {
        let Some(rest) = left.checked_sub(1).filter(|_| budget.charge_bytes(COPIED_BYTES)) else {
            return Value::Null;
        };
        *left = rest;
        match value {
            Value::Object(_) | Value::Array(_) if depth >= MAX_COPY_DEPTH => Value::Null,
            Value::Array(values) => {
                let mut copied = Vec::new();
                for value in values.iter().take(MAX_COPIED) {
                    if *left == 0 {
                        break;
                    }
                    copied.push(self.copy(self.follow(value), depth + 1, left, budget));
                }
                Value::Array(copied)
            }
            Value::Object(object) => {
                let mut copied = Map::new();
                for (key, value) in object.iter().take(MAX_COPIED) {
                    if *left == 0 {
                        break;
                    }
                    if key.len() <= MAX_REFERENCE {
                        let value = self.copy(self.follow(value), depth + 1, left, budget);
                        copied.insert(key.clone(), value);
                    }
                }
                Value::Object(copied)
            }
            Value::String(text) if !budget.charge_bytes(text.len() as u64) => Value::Null,
            other => self.plain(other, budget).into_owned(),
        }
    }
}

/// The root of a devalue array.
pub(super) fn devalue_root(values: &[Value]) -> &Value {
    let first = values.first().unwrap_or(&NULL);
    wrapped_index(first).map_or(first, |index| follow_index(values, index))
}

fn follow_index<'a>(values: &'a [Value], index: &'a Value) -> &'a Value {
    let mut index = index;
    for _ in 0..MAX_HOPS {
        // Negative indexes are undefined, holes and numbers that JSON does not have.
        let place = index.as_u64().and_then(|index| usize::try_from(index).ok());
        let Some(value) = place.and_then(|place| values.get(place)) else { return &NULL };
        match wrapped_index(value) {
            Some(inner) => index = inner,
            None => return value,
        }
    }
    &NULL
}

/// The index in `["Reactive", 3]` and its like.
fn wrapped_index(value: &Value) -> Option<&Value> {
    match &value.as_array()?[..] {
        [Value::String(_), index @ Value::Number(_)] => Some(index),
        _ => None,
    }
}

fn cache_reference(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() <= 4)?;
    let old = || (object.get("type")?.as_str()? == "id").then(|| object.get("id")).flatten();
    let name = object.get("__ref").or_else(old)?.as_str()?;
    (name.len() <= MAX_REFERENCE).then_some(name)
}

/// The id of a row and the path in it: `1`, `1:props:listing`.
fn row_reference(value: &Value) -> Option<&str> {
    let text = value.as_str().filter(|text| text.len() <= MAX_REFERENCE)?.strip_prefix('$')?;
    let path = text.strip_prefix(['L', '@']).unwrap_or(text);
    let id = path.split(':').next().unwrap_or_default();
    is_row_id(id).then_some(path)
}

/// Whether `id` can be the id of a row: small hexadecimal digits.
pub(super) fn is_row_id(id: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (1..=MAX_ROW_ID).contains(&id.len()) && id.bytes().all(digit)
}

/// The value at `path`; null where its keys are more than are left.
fn row<'a>(rows: &HashMap<&'a str, &'a Value>, path: &str, keys_left: &mut usize) -> Option<&'a Value> {
    let mut keys = path.split(':');
    let mut at = *rows.get(keys.next()?)?;
    for key in keys {
        *keys_left = keys_left.checked_sub(1)?;
        // A value on the path may be a reference itself.
        if let Some(name) = row_reference(at) {
            at = rows.get(name).copied()?;
        }
        at = match at {
            Value::Object(object) => object.get(key)?,
            // An element is `["$", type, key, props]`, and its path is that of the object that it was made of.
            Value::Array(values) if key == "props" => values.get(3)?,
            Value::Array(values) => values.get(key.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

fn argument_index(value: &Value) -> Option<usize> {
    value.as_str()?.strip_prefix(ARGUMENT)?.parse().ok()
}

/// The entries of the caches in `root`, by the names that references use.
pub(super) fn cache_entries<'a>(root: &'a Value, budget: &PageBudget) -> HashMap<&'a str, &'a Value> {
    let mut entries = HashMap::new();
    index_entries(root, 0, &mut entries, budget);
    entries
}

fn index_entries<'a>(
    value: &'a Value,
    depth: usize,
    entries: &mut HashMap<&'a str, &'a Value>,
    budget: &PageBudget,
) {
    if depth >= MAX_DEPTH || !budget.charge_steps(VALUE_STEPS) {
        return;
    }
    match value {
        Value::Array(values) => {
            values.iter().for_each(|value| index_entries(value, depth + 1, entries, budget));
        }
        Value::Object(object) => {
            let is_cache = is_cache(object);
            for (key, value) in object {
                // `Listing:1`; the root of Relay's store and what older caches made up have names of other forms.
                let names_entry = value.is_object() && (is_cache || key.contains(':'));
                if names_entry && key.len() <= MAX_REFERENCE && budget.charge_steps(key_steps(key)) {
                    entries.entry(key).or_insert(value);
                }
                index_entries(value, depth + 1, entries, budget);
            }
        }
        _ => {}
    }
}

/// Keys under which a cache keeps what was asked for first.
pub(super) const CACHE_ROOTS: [&str; 2] = ["ROOT_QUERY", "client:root"];

fn is_cache(object: &Map<String, Value>) -> bool {
    CACHE_ROOTS.iter().any(|root| object.contains_key(*root))
}

/// The addresses of the values that something below `roots` refers to.
pub(super) fn targets<'a>(
    roots: impl IntoIterator<Item = &'a Value>,
    links: Links<'a>,
    budget: &PageBudget,
) -> HashSet<usize> {
    let mut found = HashSet::new();
    for root in roots {
        collect_targets(root, links, 0, &mut found, budget);
    }
    found
}

fn collect_targets<'a>(
    value: &'a Value,
    links: Links<'a>,
    depth: usize,
    found: &mut HashSet<usize>,
    budget: &PageBudget,
) {
    if depth >= MAX_DEPTH || !budget.charge_steps(VALUE_STEPS) {
        return;
    }
    if !budget.charge_steps(links.follow_steps(value)) {
        return;
    }
    let target = links.follow(value);
    if !std::ptr::eq(target, value) {
        found.insert(address_of(target));
        return;
    }
    match value {
        Value::Array(values) => {
            values.iter().for_each(|value| collect_targets(value, links, depth + 1, found, budget));
        }
        Value::Object(object) => {
            object.values().for_each(|value| collect_targets(value, links, depth + 1, found, budget));
        }
        _ => {}
    }
}

/// The identity of a value: the state does not move while it is read.
pub(super) fn address_of(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn budget() -> PageBudget {
        PageBudget::for_page(1_000)
    }

    #[test]
    fn indexes_are_followed_through_wrappers_and_loops_end() {
        let values =
            [json!(["Reactive", 1]), json!({"price": 2, "self": 1, "loop": 3}), json!(7), json!(["Ref", 3])];
        let links = Links::Devalue(&values);

        let root = devalue_root(&values);

        assert_eq!(links.follow(&root["price"]), &json!(7));
        assert!(std::ptr::eq(links.follow(&root["self"]), root));
        assert_eq!(links.follow(&root["loop"]), &Value::Null);
        assert_eq!(links.follow(&json!(-1)), &Value::Null);
        assert_eq!(links.follow(&json!(99)), &Value::Null);
        assert_eq!(devalue_root(&[]), &Value::Null);
    }

    #[test]
    fn a_shared_value_is_copied_to_a_bounded_depth() {
        let values = [json!({"a": 1}), json!({"b": 0, "c": 2}), json!("x")];
        let links = Links::Devalue(&values);

        let copy = links.resolved(&values[0], &budget()).into_owned();

        assert_eq!(copy, json!({"a": {"b": {"a": null}, "c": "x"}}));
    }

    #[test]
    fn entries_of_a_cache_are_found_by_both_forms_of_reference() {
        let root = json!({"Price:1": {"amount": 5}, "ROOT_QUERY": {"listing": {"__ref": "Listing:1"}}, "$x.y": {"z": 1}});
        let entries = cache_entries(&root, &budget());
        let links = Links::Cache(&entries);
        let [new, old, other, lost] = [
            json!({"__ref": "Price:1"}),
            json!({"type": "id", "id": "$x.y", "generated": true}),
            json!({"type": "house", "id": "Price:1"}),
            json!({"__ref": "Price:2"}),
        ];

        assert_eq!(links.follow(&new), &json!({"amount": 5}));
        assert_eq!(links.follow(&old), &json!({"z": 1}));
        assert_eq!(links.follow(&other), &other);
        assert_eq!(links.follow(&lost), &Value::Null);
        assert!(targets([&new], links, &budget()).contains(&address_of(&root["Price:1"])));
    }

    #[test]
    fn rows_are_found_by_id_and_by_path() {
        let one = json!({"listing": {"price": "$$425,000", "at": "$D2026-01-02"}});
        let two = json!(["$", "div", null, {"home": "$1:listing"}]);
        let rows = HashMap::from([("1", &one), ("2", &two)]);
        let links = Links::Flight(&rows);
        let [lazy, path, through, text] =
            [json!("$L1"), json!("$1:listing:price"), json!("$2:props:home"), json!("$99")];

        assert_eq!(links.follow(&lazy), &one);
        assert_eq!(*links.plain(links.follow(&path), &budget()), json!("$425,000"));
        assert_eq!(links.follow(&through), &one["listing"]);
        assert_eq!(links.follow(&text), &Value::Null);
        assert_eq!(*links.plain(&one["listing"]["at"], &budget()), json!("2026-01-02"));
        assert_eq!(*links.plain(&json!("$undefined"), &budget()), Value::Null);
    }
}
