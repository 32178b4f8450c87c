//! The list of all keys, read from `config/default.toml`: exactly the keys of that file exist.

use std::sync::LazyLock;

/// The compiled-in defaults.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// One key with its documentation in the default file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub section: &'static str,
    pub name: &'static str,
    /// The default as TOML writes it.
    pub default: &'static str,
    pub meaning: &'static str,
}

impl Key {
    /// `section.name`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("LOTLINE__{}__{}", self.section.to_uppercase(), self.name.to_uppercase())
    }
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| read(DEFAULTS));

/// All keys, in the file's order.
pub(super) fn keys() -> &'static [Key] {
    &KEYS
}

/// The sections, in the file's order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = keys().iter().map(|key| key.section).collect();
    names.dedup();
    names
}

/// The file is ours and simple: `[section]`, one comment line, `name = value`.
fn read(text: &'static str) -> Vec<Key> {
    let (mut section, mut meaning, mut keys) = ("", "", Vec::new());
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            meaning = comment.trim();
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((name, default)) = line.split_once(" = ") {
            keys.push(Key { section, name, default, meaning });
            meaning = "";
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_default_file_is_listed_with_its_meaning() {
        let table: toml::Table = DEFAULTS.parse().unwrap();
        let in_file: usize = table.values().map(|section| section.as_table().unwrap().len()).sum();

        assert_eq!(keys().len(), in_file);
        for key in keys() {
            let value = table[key.section].get(key.name).unwrap();
            assert_eq!(value.to_string(), key.default, "{}", key.path());
            assert!(!key.meaning.is_empty(), "{} has no comment", key.path());
        }
    }

    #[test]
    fn the_sections_are_those_of_the_contract() {
        let promised = [
            "server",
            "database",
            "cluster",
            "auth",
            "cors",
            "limits",
            "eventlog",
            "crawler",
            "rooms",
            "uploads",
            "telemetry",
            "bootstrap",
        ];

        assert_eq!(sections(), promised);
    }
}
