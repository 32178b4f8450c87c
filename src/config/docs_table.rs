//! The table of all keys for docs/configuration.md, generated from the comments of the default file, so that both
//! agree.

use std::fmt::Write;

use super::keys::{Key, keys};

/// A Markdown table of every key with its default, variable and meaning.
pub fn markdown_table() -> String {
    let mut table = String::from("| key | default | variable | meaning |\n| --- | --- | --- | --- |\n");
    for key in keys() {
        let Key { default, meaning, .. } = key;
        let meaning = meaning.replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{}` | `{default}` | `{}` | {meaning} |", key.path(), key.variable());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_key() {
        let table = markdown_table();

        assert_eq!(table.lines().count(), keys().len() + 2);
        assert!(
            table.contains("| `limits.heartbeat_seconds` | `25` | `LOTLINE__LIMITS__HEARTBEAT_SECONDS` |")
        );
        assert!(table.lines().all(|line| line.replace("\\|", "").matches('|').count() == 5));
    }
}
