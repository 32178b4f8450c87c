//! The layers of a configuration, later ones over earlier ones: the defaults, `--config FILE`, and the environment
//! (`LOTLINE__SECTION__KEY`, the same with `__FILE`, and three aliases that hosting platforms set by themselves).
//! `reader` converts the values to types.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use toml::de::DeTable;

use super::error::{ConfigError, quoted};
use super::keys::{DEFAULTS, keys, sections};
use super::suggest::nearest;

/// A value as it was written.
#[derive(Clone)]
pub(super) enum RawValue {
    Toml(toml::Value),
    /// From a variable, where everything is text.
    Text(String),
}

/// A value and its source; `None` for a default.
#[derive(Clone)]
pub(super) struct Entry {
    pub raw: RawValue,
    pub source: Option<String>,
}

/// The merged layers.
pub(super) struct Layers {
    /// By `section.name`; every known key is in it.
    pub entries: BTreeMap<String, Entry>,
    pub errors: Vec<ConfigError>,
    /// Whether a layer could not be read at all, so that the entries are incomplete.
    pub incomplete: bool,
}

impl Layers {
    /// Applies the file over the defaults and the environment over both.
    pub(super) fn merge(
        config_file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let mut layers = Self { entries: BTreeMap::new(), errors: Vec::new(), incomplete: false };
        layers.apply_defaults();
        if let Some(path) = config_file {
            apply_file(&mut layers, path);
        }
        apply_environment(&mut layers, &variables.collect());
        layers
    }

    fn apply_defaults(&mut self) {
        // The default file is compiled in and parsed by a test; should it ever fail, it is reported like any other.
        match DEFAULTS.parse::<toml::Table>() {
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

    fn set(&mut self, key: String, raw: RawValue, source: impl Into<String>) {
        self.entries.insert(key, Entry { raw, source: Some(source.into()) });
    }

    fn refuse(&mut self, source: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(source, message));
    }

    fn mark_incomplete(&mut self, source: impl Into<String>, message: impl Into<String>) {
        self.refuse(source, message);
        self.incomplete = true;
    }
}

/// Applies the file's values over the lower layers.
fn apply_file(layers: &mut Layers, path: &Path) {
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return layers.mark_incomplete(file, format!("cannot be read: {error}")),
    };
    let (_, mistakes) = DeTable::parse_recoverable(&text);
    for mistake in &mistakes {
        let line = mistake.span().map_or(1, |span| line_of(&text, span.start));
        // The message only: the error's display form quotes the line, which may contain a secret.
        layers.mark_incomplete(format!("{file}:{line}"), mistake.message());
    }
    if !mistakes.is_empty() {
        return;
    }
    match text.parse::<toml::Table>() {
        Ok(table) => table.into_iter().for_each(|(name, value)| apply_section(layers, &file, &name, value)),
        Err(error) => layers.mark_incomplete(file, error.message()),
    }
}

fn apply_section(layers: &mut Layers, file: &str, section: &str, values: toml::Value) {
    let known = sections();
    let source = format!("{file}:{section}");
    if !known.contains(&section) {
        let all = known.join(", ");
        let message = match nearest(section, known.iter().copied()) {
            Some(meant) => format!("there is no such section; did you mean [{meant}]?"),
            None => format!("there is no such section; the sections are {all}"),
        };
        return layers.refuse(source, message);
    }
    let toml::Value::Table(values) = values else {
        return layers.refuse(source, format!("must be a section, written [{section}] on a line of its own"));
    };
    for (name, value) in values {
        apply_key(layers, file, section, &name, value);
    }
}

fn apply_key(layers: &mut Layers, file: &str, section: &str, name: &str, value: toml::Value) {
    let source = format!("{file}:{section}.{name}");
    let known: Vec<_> = keys().iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if known.contains(&name) {
        return layers.set(format!("{section}.{name}"), RawValue::Toml(value), source);
    }
    let message = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("there is no such key; did you mean {meant}?"),
        None => format!("there is no such key; [{section}] has {}", known.join(", ")),
    };
    layers.refuse(source, message);
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

pub(super) const PREFIX: &str = "LOTLINE__";
pub(super) const FROM_FILE: &str = "__FILE";

/// Applies the variables over the lower layers. Variables of other programs are ignored.
fn apply_environment(layers: &mut Layers, variables: &BTreeMap<String, String>) {
    // Aliases first, so that an explicit variable overrides them.
    apply_aliases(layers, variables);
    for (name, value) in variables {
        // A name in lower case is meant for this program as well, but misspelt.
        if name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
            apply_variable(layers, variables, name, value);
        }
    }
}

fn apply_variable(layers: &mut Layers, variables: &BTreeMap<String, String>, name: &str, value: &str) {
    let (plain, from_file) = match name.strip_suffix(FROM_FILE) {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let Some(key) = keys().iter().find(|key| key.variable() == plain) else {
        return layers.refuse(name, unknown_variable_message(plain));
    };
    if !from_file {
        return layers.set(key.path(), RawValue::Text(value.to_owned()), name);
    }
    if variables.contains_key(plain) {
        return layers.refuse(name, format!("{plain} is set as well; set one of the two"));
    }
    match read_value_file(value) {
        Ok(text) => layers.set(key.path(), RawValue::Text(text), name),
        Err(problem) => layers.mark_incomplete(name, problem),
    }
}

fn unknown_variable_message(name: &str) -> String {
    let names: Vec<String> = keys().iter().map(|key| key.variable()).collect();
    let upper = name.to_uppercase();
    match nearest(&upper, names.iter().map(String::as_str)) {
        Some(meant) => format!("there is no such variable; did you mean {meant}?"),
        None => {
            "there is no such variable; names are LOTLINE__SECTION__KEY, as listed in docs/configuration.md"
                .to_owned()
        }
    }
}

/// An empty alias counts as absent: platforms and compose files set such ones.
fn apply_aliases(layers: &mut Layers, variables: &BTreeMap<String, String>) {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    for (alias, key) in [("DATABASE_URL", "database.url"), ("REDIS_URL", "cluster.url")] {
        if let Some(value) = set(alias)
            && !is_explicit(key, variables)
        {
            layers.set(key.to_owned(), RawValue::Text(value.clone()), alias);
        }
    }
    let Some(port) = set("PORT").filter(|_| !is_explicit("server.bind", variables)) else { return };
    match port.parse::<u16>() {
        Ok(port) => layers.set("server.bind".to_owned(), RawValue::Text(format!("0.0.0.0:{port}")), "PORT"),
        Err(_) => layers.refuse("PORT", format!("{} is no port; give 0 to 65535", quoted(port))),
    }
}

/// Whether one of the program's own variables sets `key`; then the alias is ignored.
fn is_explicit(key: &str, variables: &BTreeMap<String, String>) -> bool {
    keys().iter().filter(|known| known.path() == key).any(|known| {
        let name = known.variable();
        variables.contains_key(&name) || variables.contains_key(&format!("{name}{FROM_FILE}"))
    })
}

/// The text of a file that contains a single value, the usual way to pass secrets to containers: without its final
/// newline, or an error message about the file.
pub(super) fn read_value_file(path: &str) -> Result<String, String> {
    let mut text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => format!("cannot read {path:?}: it is not UTF-8 text"),
        _ => format!("cannot read {path:?}: {error}"),
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
