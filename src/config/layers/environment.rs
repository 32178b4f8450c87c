//! The layer of the environment: `LOTLINE__SECTION__KEY`, the same with `__FILE`, and three aliases that hosting
//! platforms set by themselves.

use std::collections::BTreeMap;

use super::{Layers, RawValue, read_value_file};
use crate::config::error::quoted;
use crate::config::keys::keys;
use crate::config::suggest::nearest;

const PREFIX: &str = "LOTLINE__";
const FROM_FILE: &str = "__FILE";

/// Applies the variables over the lower layers. Variables of other programs are ignored.
pub(super) fn apply(layers: &mut Layers, variables: &BTreeMap<String, String>) {
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
