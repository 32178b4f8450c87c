//! The layer of `--config FILE`.

use std::path::Path;

use toml::de::DeTable;

use super::{Layers, RawValue};
use crate::config::keys::{keys, sections};
use crate::config::suggest::nearest;

/// Applies the file's values over the lower layers.
pub(super) fn apply(layers: &mut Layers, path: &Path) {
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
