//! Reads the fields of a filter one by one, so that one error text lists everything that is wrong with them.

use serde_json::{Map, Value};

use super::bounding_box::BoundingBox;
use super::feed::Feed;
use crate::base::json_integer::as_integer;
use crate::base::text::truncate;

/// An error text lists at most this many faults.
const MOST: usize = 20;
/// Values of one field at most.
const MOST_CHOICES: usize = 20;

pub(super) struct FilterFields<'a> {
    fields: Option<&'a Map<String, Value>>,
    allowed: Vec<&'static str>,
    errors: Vec<String>,
}

impl<'a> FilterFields<'a> {
    /// The filter as it was sent; absent and null mean a filter without fields.
    pub(super) fn of(filter: Option<&'a Value>) -> Result<Self, String> {
        let fields = match filter {
            None | Some(Value::Null) => None,
            Some(Value::Object(fields)) => Some(fields),
            Some(_) => return Err("filter must be an object".to_owned()),
        };
        Ok(Self { fields, allowed: Vec::new(), errors: Vec::new() })
    }

    /// A number, or a numeric text.
    pub(super) fn id(&mut self, name: &'static str) -> Option<i64> {
        let read = |value: &Value| as_integer(value).or_else(|| value.as_str()?.parse().ok());
        self.read(name, "an id, a whole number", read)
    }

    pub(super) fn whole(&mut self, name: &'static str) -> Option<i64> {
        self.read(name, "a whole number", as_integer)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Option<f64> {
        self.read(name, "a number", Value::as_f64)
    }

    /// A least and a greatest number, the first not above the second.
    pub(super) fn range(&mut self, least: &'static str, most: &'static str) -> (Option<f64>, Option<f64>) {
        let range = (self.number(least), self.number(most));
        if matches!(range, (Some(from), Some(to)) if from > to) {
            self.errors.push(format!("{least} must not be above {most}"));
        }
        range
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.read(name, "true or false", Value::as_bool).unwrap_or_default()
    }

    /// Text of at most `most` characters.
    pub(super) fn text(&mut self, name: &'static str, most: usize) -> Option<String> {
        let short = |text: &&str| text.chars().nth(most).is_none();
        let read = |value: &Value| value.as_str().filter(short).map(str::to_owned);
        self.read(name, &format!("text of at most {most} characters"), read)
    }

    /// Values of a closed set: one text, or a list of texts. `allowed` says which; each value is kept once.
    pub(super) fn choices<T: PartialEq>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let one = |value: &Value| value.as_str().and_then(&parse);
        let read = |value: &Value| match value {
            Value::Array(values) if (1..=MOST_CHOICES).contains(&values.len()) => {
                let mut choices = Vec::new();
                for value in values {
                    let choice = one(value)?;
                    if !choices.contains(&choice) {
                        choices.push(choice);
                    }
                }
                Some(choices)
            }
            Value::Array(_) => None,
            single => one(single).map(|choice| vec![choice]),
        };
        let wanted = format!("{allowed} (or a list of up to {MOST_CHOICES} of them)");
        self.read(name, &wanted, read).unwrap_or_default()
    }

    /// Two names of one field: only one of them may have a value.
    pub(super) fn exclusive(&mut self, name: &str, other: &str) {
        let is_given = |name: &str| {
            self.fields.and_then(|fields| fields.get(name)).is_some_and(|value| !value.is_null())
        };
        if is_given(name) && is_given(other) {
            self.errors.push(format!("{name} and {other} mean the same: give one of them"));
        }
    }

    pub(super) fn bbox(&mut self, name: &'static str) -> Option<BoundingBox> {
        let read = |value: &Value| match value {
            Value::String(text) => BoundingBox::parse(text),
            Value::Array(numbers) => {
                let numbers: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
                BoundingBox::from_numbers(&numbers?)
            }
            _ => None,
        };
        self.read(name, "west,south,east,north in degrees, south not beyond north", read)
    }

    /// Returns an error for faulty fields and for fields that were not asked for.
    pub(super) fn finish(mut self, feed: Feed) -> Result<(), String> {
        let sent = self.fields.into_iter().flat_map(Map::keys);
        for name in sent.filter(|name| !self.allowed.contains(&name.as_str())).take(MOST) {
            self.errors.push(format!("{} is not a field of it", truncate(name, 100)));
        }
        match (self.errors.is_empty(), self.allowed.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => Err(format!("filter of {feed}: this feed takes no filter")),
            (false, false) => {
                let (wrong, known) = (self.errors.join("; "), self.allowed.join(", "));
                Err(format!("filter of {feed}: {wrong}. Its fields are {known}"))
            }
        }
    }

    /// The value of the field; `None` when it is absent, null or faulty.
    fn read<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.allowed.push(name);
        let value = self.fields?.get(name).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() {
            self.errors.push(format!("{name} must be {wanted}"));
        }
        read
    }
}
