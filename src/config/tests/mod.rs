//! The configuration through its only entry point, `Settings::load`, with environments and files made for each test.

mod defaults;
mod errors;
mod issuers;
mod layering;
mod secrets;

use std::path::Path;

use super::{ConfigError, Settings};

type Outcome = Result<Settings, Vec<ConfigError>>;

/// Loads with these variables and no file.
fn with_env(variables: &[(&str, &str)]) -> Outcome {
    load(None, variables)
}

/// Loads with a file of this text and these variables.
fn with_file(text: &str, variables: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.toml");
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", folder.path().display());
    let outcome = load(Some(&path), variables);
    outcome.map_err(|faults| {
        let bare = |fault: ConfigError| ConfigError { source: fault.source.replace(&prefix, ""), ..fault };
        faults.into_iter().map(bare).collect()
    })
}

fn load(file: Option<&Path>, variables: &[(&str, &str)]) -> Outcome {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load(file, env)
}

/// The errors as lines.
fn lines(outcome: Outcome) -> Vec<String> {
    outcome.err().unwrap_or_default().iter().map(ConfigError::to_string).collect()
}
