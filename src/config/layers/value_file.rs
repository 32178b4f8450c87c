//! A value that stands alone in a file, as secrets are handed to containers.

use std::io::ErrorKind;

/// The file's text without the newline that ends it; otherwise what is wrong with the file.
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
