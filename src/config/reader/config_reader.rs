//! Reads typed values from the merged layers; collects errors and the effective values.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use crate::config::error::ConfigError;
use crate::config::layers::{Entry, Layers, RawValue};
use crate::config::print::EffectiveValue;

/// The written values as input, errors and effective values as output.
pub(in crate::config) struct ConfigReader {
    entries: BTreeMap<String, Entry>,
    invalid_keys: HashSet<String>,
    incomplete: bool,
    errors: Vec<ConfigError>,
    effective: Vec<EffectiveValue>,
}

impl ConfigReader {
    pub(in crate::config) fn new(layers: Layers) -> Self {
        let Layers { entries, errors, incomplete } = layers;
        Self { entries, invalid_keys: HashSet::new(), incomplete, errors, effective: Vec::new() }
    }

    /// The effective values, or all errors, in a stable order.
    pub(in crate::config) fn finish(mut self) -> Result<Vec<EffectiveValue>, Vec<ConfigError>> {
        if self.errors.is_empty() {
            return Ok(self.effective);
        }
        self.errors.sort();
        self.errors.dedup();
        Err(self.errors)
    }

    /// Records that the value of `key` is not accepted.
    pub(in crate::config) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let source = self.source_of(key);
        self.refuse_at(key, source, message);
    }

    /// Whether all these keys were read without an error, so that comparing them makes sense.
    pub(in crate::config) fn all_valid(&self, keys: &[&str]) -> bool {
        !self.incomplete && !keys.iter().any(|key| self.invalid_keys.contains(*key))
    }

    /// The first of `keys` that is not at its default.
    pub(in crate::config) fn first_overridden<'k>(&self, keys: &[&'k str]) -> Option<&'k str> {
        keys.iter().copied().find(|key| self.entries.get(*key).is_some_and(|entry| entry.source.is_some()))
    }

    /// Adds a value to the effective ones.
    pub(in crate::config) fn record_effective(&mut self, key: &'static str, value: toml::Value) {
        let entry = self.entries.get(key);
        let source = entry.and_then(|entry| entry.source.clone());
        let fingerprint = entry.map_or(0, |entry| fingerprint(&entry.raw));
        self.effective.push(EffectiveValue { key, value, fingerprint, source });
    }

    pub(super) fn raw(&self, key: &str) -> Option<RawValue> {
        self.entries.get(key).map(|entry| entry.raw.clone())
    }

    pub(super) fn wrong_type<T>(
        &mut self,
        key: &str,
        raw: Option<&RawValue>,
        accepted: &str,
        fallback: T,
    ) -> T {
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
