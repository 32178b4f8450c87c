//! Variables that are meant for a key and have no effect, because they are written with single underscores. Only names
//! of keys are recognised: platforms set variables of similar names, such as Kubernetes `LOTLINE_PORT` for a service.

use super::error::ConfigError;
use super::keys::keys;
use super::layers::{FROM_FILE, PREFIX};

/// The variables without an effect, each with the one that has it.
pub fn ignored_variables(variables: impl Iterator<Item = (String, String)>) -> Vec<ConfigError> {
    let mut ignored: Vec<ConfigError> = variables
        .filter_map(|(name, _)| {
            let words = format!("has no effect; did you mean {}?", meant_variable(&name)?);
            Some(ConfigError::new(name, words))
        })
        .collect();
    ignored.sort();
    ignored
}

/// The variable of a key that has this name when it is written with single underscores.
fn meant_variable(name: &str) -> Option<String> {
    let name = name.to_uppercase();
    // Those with the prefix have an effect, or are refused.
    if name.starts_with(PREFIX) {
        return None;
    }
    let single = |variable: &str| variable.replace("__", "_");
    let mut variables = keys().iter().flat_map(|key| [key.variable(), key.variable() + FROM_FILE]);
    variables.find(|variable| single(variable) == single(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_keys_are_recognised() {
        let names = [
            ("LOTLINE_SERVER_BIND", Some("LOTLINE__SERVER__BIND")),
            ("LOTLINE_SERVER__BIND", Some("LOTLINE__SERVER__BIND")),
            ("lotline_server_data_dir", Some("LOTLINE__SERVER__DATA_DIR")),
            ("LOTLINE_AUTH_KEYS__FILE", Some("LOTLINE__AUTH__KEYS__FILE")),
            ("LOTLINE__SERVER__BIND", None),
            ("LOTLINE__SERVER_BIND", None),
            ("LOTLINE_PORT", None),
            ("LOTLINE_SERVER_PORT", None),
            ("LOTLINE_TOKEN", None),
        ];

        for (name, meant) in names {
            assert_eq!(meant_variable(name).as_deref(), meant, "{name}");
        }
    }
}
