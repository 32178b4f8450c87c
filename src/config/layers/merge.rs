//! Merges the layers: defaults, a file, the environment. Values are not converted here.

use std::collections::BTreeMap;
use std::path::Path;

use super::{environment, file};
use crate::config::error::ConfigError;
use crate::config::keys;

/// A value as it was written.
#[derive(Clone)]
pub(in crate::config) enum RawValue {
    Toml(toml::Value),
    /// From a variable, where everything is text.
    Text(String),
}

/// A value and its source; `None` for a default.
#[derive(Clone)]
pub(in crate::config) struct Entry {
    pub raw: RawValue,
    pub source: Option<String>,
}

/// The merged layers.
pub(in crate::config) struct Layers {
    /// By `section.name`; every known key is in it.
    pub entries: BTreeMap<String, Entry>,
    pub errors: Vec<ConfigError>,
    /// Whether a layer could not be read at all, so that the entries are incomplete.
    pub incomplete: bool,
}

impl Layers {
    /// Applies the file over the defaults and the environment over both.
    pub(in crate::config) fn merge(
        config_file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let mut layers = Self { entries: BTreeMap::new(), errors: Vec::new(), incomplete: false };
        layers.apply_defaults();
        if let Some(path) = config_file {
            file::apply(&mut layers, path);
        }
        environment::apply(&mut layers, &variables.collect());
        layers
    }

    fn apply_defaults(&mut self) {
        // The default file is compiled in and parsed by a test; should it ever fail, it is reported like any other.
        match keys::DEFAULTS.parse::<toml::Table>() {
            Ok(table) => {
                for (section, values) in table {
                    for (name, value) in values.as_table().cloned().unwrap_or_default() {
                        let entry = Entry { raw: RawValue::Toml(value), source: None };
                        self.entries.insert(format!("{section}.{name}"), entry);
                    }
                }
            }
            Err(error) => self.mark_incomplete("default.toml", error.message()),
        }
    }

    pub(super) fn set(&mut self, key: String, raw: RawValue, source: impl Into<String>) {
        self.entries.insert(key, Entry { raw, source: Some(source.into()) });
    }

    pub(super) fn refuse(&mut self, source: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(source, message));
    }

    pub(super) fn mark_incomplete(&mut self, source: impl Into<String>, message: impl Into<String>) {
        self.refuse(source, message);
        self.incomplete = true;
    }
}
