//! A file that contains a single value, the usual way to pass secrets to containers.

use std::io::ErrorKind;

/// The file's text without its final newline, or an error message about the file.
pub(in crate::config) fn read_value_file(path: &str) -> Result<String, String> {
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
