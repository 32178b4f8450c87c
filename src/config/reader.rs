//! Reads typed values from the merged layers. A value that is not accepted is recorded as an error, and reading
//! continues. Also collects the effective values.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use secrecy::SecretString;

use super::error::{ConfigError, quoted};
use super::layers::{Entry, Layers, RawValue};
use super::print::EffectiveValue;
use super::redact::Redaction;

/// The written values as input, errors and effective values as output.
pub(crate) struct ConfigReader {
    entries: BTreeMap<String, Entry>,
    invalid_keys: HashSet<String>,
    incomplete: bool,
    errors: Vec<ConfigError>,
    effective: Vec<EffectiveValue>,
}

impl ConfigReader {
    pub(super) fn new(layers: Layers) -> Self {
        let Layers { entries, errors, incomplete } = layers;
        Self { entries, invalid_keys: HashSet::new(), incomplete, errors, effective: Vec::new() }
    }

    /// The effective values, or all errors, in a stable order.
    pub(super) fn finish(mut self) -> Result<Vec<EffectiveValue>, Vec<ConfigError>> {
        if self.errors.is_empty() {
            return Ok(self.effective);
        }
        self.errors.sort();
        self.errors.dedup();
        Err(self.errors)
    }

    /// Records that the value of `key` is not accepted.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let source = self.source_of(key);
        self.refuse_at(key, source, message);
    }

    /// Whether all these keys were read without an error, so that comparing them makes sense.
    pub(super) fn all_valid(&self, keys: &[&str]) -> bool {
        !self.incomplete && !keys.iter().any(|key| self.invalid_keys.contains(*key))
    }

    /// The first of `keys` that is not at its default.
    pub(super) fn first_overridden<'k>(&self, keys: &[&'k str]) -> Option<&'k str> {
        keys.iter().copied().find(|key| self.entries.get(*key).is_some_and(|entry| entry.source.is_some()))
    }
}

/// Switches, numbers and texts.
impl ConfigReader {
    /// A whole number within bounds.
    pub(super) fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let fallback = *range.start();
        let accepted = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self.raw(key) {
            Some(RawValue::Toml(toml::Value::Integer(number))) => number,
            Some(RawValue::Text(text)) => match text.trim().replace('_', "").parse() {
                Ok(number) => number,
                Err(_) => {
                    self.refuse(key, format!("{} is not accepted; give {accepted}", quoted(&text)));
                    return fallback;
                }
            },
            other => return self.wrong_type(key, other.as_ref(), &accepted, fallback),
        };
        match T::try_from(number).ok().filter(|value| range.contains(value)) {
            Some(value) => {
                self.record_effective(key, number.into());
                value
            }
            None => {
                self.refuse(key, format!("{number} is out of range; give {accepted}"));
                fallback
            }
        }
    }

    /// A number that may have decimals, within bounds.
    pub(super) fn decimal(&mut self, key: &'static str, range: RangeInclusive<f64>) -> f64 {
        let fallback = *range.start();
        let accepted = format!("a number from {} to {}", range.start(), range.end());
        let number = match self.raw(key) {
            Some(RawValue::Toml(toml::Value::Float(number))) => number,
            // Whole numbers of a configuration are far below the limit of exact floats.
            Some(RawValue::Toml(toml::Value::Integer(number))) => number as f64,
            Some(RawValue::Text(text)) => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => {
                    self.refuse(key, format!("{} is not accepted; give {accepted}", quoted(&text)));
                    return fallback;
                }
            },
            other => return self.wrong_type(key, other.as_ref(), &accepted, fallback),
        };
        // What is not a number is in no range.
        if !range.contains(&number) {
            self.refuse(key, format!("{number} is out of range; give {accepted}"));
            return fallback;
        }
        self.record_effective(key, number.into());
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let value = match self.raw(key) {
            Some(RawValue::Toml(toml::Value::Boolean(value))) => value,
            Some(RawValue::Text(text)) => match text.trim().parse() {
                Ok(value) => value,
                Err(_) => {
                    self.refuse(key, format!("{} is not accepted; give true or false", quoted(&text)));
                    return false;
                }
            },
            other => return self.wrong_type(key, other.as_ref(), "true or false", false),
        };
        self.record_effective(key, value.into());
        value
    }

    /// A text that is required; `None` only together with an error.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.parsed(key, text.trim(), Redaction::Public, accepted, parse)
    }

    /// A text that may be empty, which gives `None`.
    pub(super) fn optional_text<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Redaction::Public, accepted, parse)
    }

    /// A secret that may be empty, which gives `None`. It is taken literally, spaces included.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        accepted: &str,
        is_valid: impl FnOnce(&str) -> bool,
    ) -> Option<SecretString> {
        let text = self.string(key, accepted)?;
        let parse = |text: &str| is_valid(text).then(|| SecretString::from(text));
        self.unless_empty(key, &text, Redaction::Secret, accepted, parse)
    }

    /// A connection string that may be empty, which gives `None`.
    pub(super) fn connection<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(key, accepted)?;
        self.unless_empty(key, text.trim(), Redaction::ConnectionUrl, accepted, parse)
    }

    fn unless_empty<T>(
        &mut self,
        key: &'static str,
        text: &str,
        redaction: Redaction,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if text.is_empty() {
            self.record_effective(key, "".into());
            return None;
        }
        self.parsed(key, text, redaction, accepted, parse)
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        text: &str,
        redaction: Redaction,
        accepted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(text);
        match value {
            Some(_) => self.record_effective(key, redaction.redact(text).into()),
            None => {
                self.refuse(key, format!("{} is not accepted; give {accepted}", redaction.describe(text)));
            }
        }
        value
    }

    fn string(&mut self, key: &'static str, accepted: &str) -> Option<String> {
        match self.raw(key) {
            Some(RawValue::Toml(toml::Value::String(text)) | RawValue::Text(text)) => Some(text),
            other => self.wrong_type(key, other.as_ref(), accepted, None),
        }
    }
}

/// Lists of texts and of tables.
impl ConfigReader {
    /// A list of texts: an array in a file, separated by commas in a variable.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.items(key, Redaction::Public, accepted, parse)
    }

    /// A list of secrets.
    pub(super) fn secret_list<T>(
        &mut self,
        key: &'static str,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.items(key, Redaction::Secret, accepted, parse)
    }

    /// A list of tables: `[[…]]` in a file, a JSON array of objects in a variable. The caller adds them to the
    /// effective values after reading them.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<toml::Table> {
        let accepted = "an array of tables, or JSON in a variable";
        let tables = match self.raw(key) {
            Some(RawValue::Text(text)) if text.trim().is_empty() => Some(Vec::new()),
            Some(RawValue::Text(text)) => return self.tables_of_json(key, &text),
            Some(RawValue::Toml(toml::Value::Array(array))) => array.into_iter().map(into_table).collect(),
            other => return self.wrong_type(key, other.as_ref(), accepted, Vec::new()),
        };
        tables.unwrap_or_else(|| {
            self.refuse(key, format!("not all of the array are tables; give {accepted}"));
            Vec::new()
        })
    }

    fn tables_of_json(&mut self, key: &str, text: &str) -> Vec<toml::Table> {
        serde_json::from_str(text).unwrap_or_else(|error| {
            // The position only: the parser's message may quote a key.
            let (line, column) = (error.line(), error.column());
            self.refuse(
                key,
                format!("give a JSON array of objects; it fails at line {line}, column {column}"),
            );
            Vec::new()
        })
    }

    fn items<T>(
        &mut self,
        key: &'static str,
        redaction: Redaction,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let accepted_list = format!("a list of texts, each {accepted}");
        let texts = match self.raw(key) {
            Some(RawValue::Text(text)) => split(&text),
            Some(RawValue::Toml(toml::Value::Array(array))) => self.texts_of(key, array, &accepted_list),
            other => return self.wrong_type(key, other.as_ref(), &accepted_list, Vec::new()),
        };
        let mut values = Vec::with_capacity(texts.len());
        for text in &texts {
            match parse(text) {
                Some(value) => values.push(value),
                None => {
                    self.refuse(
                        key,
                        format!("{} is not accepted; give {accepted}", redaction.describe(text)),
                    );
                }
            }
        }
        let shown: Vec<toml::Value> = texts.iter().map(|text| redaction.redact(text).into()).collect();
        self.record_effective(key, shown.into());
        values
    }

    /// The texts of an array; other values in it are refused, and the texts are still checked.
    fn texts_of(&mut self, key: &str, array: Vec<toml::Value>, accepted: &str) -> Vec<String> {
        let count = array.len();
        let texts: Vec<String> = array.into_iter().filter_map(into_text).collect();
        if texts.len() < count {
            self.refuse(key, format!("not all of the array are texts; give {accepted}"));
        }
        texts
    }
}

/// What every value needs: its source, its errors, its place among the effective values.
impl ConfigReader {
    /// Adds a value to the effective ones.
    pub(super) fn record_effective(&mut self, key: &'static str, value: toml::Value) {
        let entry = self.entries.get(key);
        let source = entry.and_then(|entry| entry.source.clone());
        let fingerprint = entry.map_or(0, |entry| fingerprint(&entry.raw));
        self.effective.push(EffectiveValue { key, value, fingerprint, source });
    }

    fn raw(&self, key: &str) -> Option<RawValue> {
        self.entries.get(key).map(|entry| entry.raw.clone())
    }

    fn wrong_type<T>(&mut self, key: &str, raw: Option<&RawValue>, accepted: &str, fallback: T) -> T {
        let found = match raw {
            Some(RawValue::Toml(value)) => type_name(value),
            // A variable's text is parsed by the callers, so this arm is only reached for a key without a default.
            Some(RawValue::Text(_)) | None => "nothing that can be read",
        };
        self.refuse(key, format!("{found} is not accepted; give {accepted}"));
        fallback
    }

    pub(super) fn source_of(&self, key: &str) -> String {
        let source = self.entries.get(key).and_then(|entry| entry.source.clone());
        source.unwrap_or_else(|| format!("default.toml:{key}"))
    }

    pub(super) fn refuse_at(&mut self, key: &str, source: String, message: impl Into<String>) {
        self.invalid_keys.insert(key.to_owned());
        self.errors.push(ConfigError::new(source, message));
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The text in `value`, if it is one.
pub(super) fn into_text(value: toml::Value) -> Option<String> {
    if let toml::Value::String(text) = value { Some(text) } else { None }
}

fn into_table(value: toml::Value) -> Option<toml::Table> {
    if let toml::Value::Table(table) = value { Some(table) } else { None }
}

/// Equal for equal values within the same process; it never leaves the process.
fn fingerprint(raw: &RawValue) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let text = match raw {
        RawValue::Text(text) | RawValue::Toml(toml::Value::String(text)) => text.clone(),
        RawValue::Toml(value) => value.to_string(),
    };
    KEY.hash_one(text)
}

/// The name of a value's type in messages.
pub(super) fn type_name(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::String(_) => "a text",
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Float(_) => "a number with a point",
        toml::Value::Boolean(_) => "true or false",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "an array",
        toml::Value::Table(_) => "a table",
    }
}
