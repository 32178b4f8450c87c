//! The layer of `--config FILE`.

use std::path::Path;

use toml::de::DeTable;

use super::{Layers, Raw};
use crate::config::catalogue::{keys, sections};
use crate::config::spelling::nearest;

/// Lays the file's values over what is there.
pub(super) fn lay(layers: &mut Layers, path: &Path) {
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return layers.tear(file, format!("cannot be read: {error}")),
    };
    let (_, mistakes) = DeTable::parse_recoverable(&text);
    for mistake in &mistakes {
        let line = mistake.span().map_or(1, |span| line_of(&text, span.start));
        // The message only: the error's own display quotes the line, in which a secret may stand.
        layers.tear(format!("{file}:{line}"), mistake.message());
    }
    if !mistakes.is_empty() {
        return;
    }
    match text.parse::<toml::Table>() {
        Ok(table) => table.into_iter().for_each(|(name, value)| lay_section(layers, &file, &name, value)),
        Err(error) => layers.tear(file, error.message()),
    }
}

fn lay_section(layers: &mut Layers, file: &str, section: &str, values: toml::Value) {
    let known = sections();
    let place = format!("{file}:{section}");
    if !known.contains(&section) {
        let all = known.join(", ");
        let message = match nearest(section, known.iter().copied()) {
            Some(meant) => format!("there is no such section; did you mean [{meant}]?"),
            None => format!("there is no such section; the sections are {all}"),
        };
        return layers.refuse(place, message);
    }
    let toml::Value::Table(values) = values else {
        return layers.refuse(place, format!("must be a section, written [{section}] on a line of its own"));
    };
    for (name, value) in values {
        lay_key(layers, file, section, &name, value);
    }
}

fn lay_key(layers: &mut Layers, file: &str, section: &str, name: &str, value: toml::Value) {
    let place = format!("{file}:{section}.{name}");
    let known: Vec<_> = keys().iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if known.contains(&name) {
        return layers.set(format!("{section}.{name}"), Raw::Toml(value), place);
    }
    let message = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("there is no such key; did you mean {meant}?"),
        None => format!("there is no such key; [{section}] has {}", known.join(", ")),
    };
    layers.refuse(place, message);
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
