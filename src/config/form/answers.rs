//! The form itself: what was written, what is wrong with it, what is in force.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use crate::config::fault::Fault;
use crate::config::layers::{Entry, Layers, Raw};
use crate::config::print::Shown;

/// The written values on one side, faults and the values in force on the other.
pub(in crate::config) struct Form {
    entries: BTreeMap<String, Entry>,
    doubted: HashSet<String>,
    torn: bool,
    faults: Vec<Fault>,
    shown: Vec<Shown>,
}

impl Form {
    pub(in crate::config) fn new(layers: Layers) -> Self {
        let Layers { entries, faults, torn } = layers;
        Self { entries, doubted: HashSet::new(), torn, faults, shown: Vec::new() }
    }

    /// The values in force, or everything that is wrong, in a stable order.
    pub(in crate::config) fn finish(mut self) -> Result<Vec<Shown>, Vec<Fault>> {
        if self.faults.is_empty() {
            return Ok(self.shown);
        }
        self.faults.sort();
        self.faults.dedup();
        Err(self.faults)
    }

    /// Notes that what `key` says will not do.
    pub(in crate::config) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let place = self.place(key);
        self.refuse_at(key, place, message);
    }

    /// Whether all these keys were read well, so that comparing them says something.
    pub(in crate::config) fn sound(&self, keys: &[&str]) -> bool {
        !self.torn && !keys.iter().any(|key| self.doubted.contains(*key))
    }

    /// The first of `keys` that is not at its default.
    pub(in crate::config) fn changed<'k>(&self, keys: &[&'k str]) -> Option<&'k str> {
        keys.iter().copied().find(|key| self.entries.get(*key).is_some_and(|entry| entry.source.is_some()))
    }

    /// Puts a value among those in force.
    pub(in crate::config) fn show(&mut self, key: &'static str, value: toml::Value) {
        let entry = self.entries.get(key);
        let source = entry.and_then(|entry| entry.source.clone());
        let mark = entry.map_or(0, |entry| mark(&entry.raw));
        self.shown.push(Shown { key, value, mark, source });
    }

    pub(super) fn raw(&self, key: &str) -> Option<Raw> {
        self.entries.get(key).map(|entry| entry.raw.clone())
    }

    pub(super) fn wrong_type<T>(&mut self, key: &str, raw: Option<&Raw>, accepted: &str, fallback: T) -> T {
        let found = match raw {
            Some(Raw::Toml(value)) => type_name(value),
            // A variable's text is parsed by the callers, so this arm stands for a key without a default.
            Some(Raw::Text(_)) | None => "nothing that can be read",
        };
        self.refuse(key, format!("{found} is not accepted; give {accepted}"));
        fallback
    }

    pub(super) fn place(&self, key: &str) -> String {
        let source = self.entries.get(key).and_then(|entry| entry.source.clone());
        source.unwrap_or_else(|| format!("default.toml:{key}"))
    }

    pub(super) fn refuse_at(&mut self, key: &str, place: String, message: impl Into<String>) {
        self.doubted.insert(key.to_owned());
        self.faults.push(Fault::new(place, message));
    }
}

/// The same for the same value in the same process; it never leaves it.
fn mark(raw: &Raw) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let text = match raw {
        Raw::Text(text) | Raw::Toml(toml::Value::String(text)) => text.clone(),
        Raw::Toml(value) => value.to_string(),
    };
    KEY.hash_one(text)
}

/// A value's type in the words of a message.
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
