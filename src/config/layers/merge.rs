//! Laying the layers over each other: defaults, a file, the environment. Values stay as they were written.

use std::collections::BTreeMap;
use std::path::Path;

use super::{environment, file};
use crate::config::error::ConfigError;
use crate::config::keys;

/// A value as somebody wrote it.
#[derive(Clone)]
pub(in crate::config) enum RawValue {
    Toml(toml::Value),
    /// From a variable, where everything is text.
    Text(String),
}

/// A value and the place it comes from; `None` for a default.
#[derive(Clone)]
pub(in crate::config) struct Entry {
    pub raw: RawValue,
    pub source: Option<String>,
}

/// All layers laid over each other.
pub(in crate::config) struct Layers {
    /// By `section.name`; every key of the catalogue is there.
    pub entries: BTreeMap<String, Entry>,
    pub errors: Vec<ConfigError>,
    /// Whether a layer could not be read at all, so that the entries are not what was meant.
    pub incomplete: bool,
}

impl Layers {
    /// Lays the file over the defaults and the environment over both.
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
