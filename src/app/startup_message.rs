//! The message of a server that is ready: its addresses, and while there is no tenant, the commands that create one.

use std::path::Path;

/// Whether the store ever had a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreState {
    Empty,
    InUse,
}

/// The lines. `config` is the file that the server was started with: the commands must open the same store.
pub(super) fn startup_message(url: &str, store: StoreState, config: Option<&Path>) -> String {
    let docs = format!("try it at {url}/, read {url}/docs (REST) and {url}/docs/async (sockets and streams)");
    match store {
        StoreState::InUse => docs,
        StoreState::Empty => {
            let lotline = command(config);
            format!(
                "{docs}\nthere is no tenant yet; make one and its first user, also while this runs:\n  \
                 {lotline} tenant create --slug acme --name \"Acme\"\n  \
                 {lotline} user create --tenant acme --username ann --role admin --password-stdin"
            )
        }
    }
}

fn command(config: Option<&Path>) -> String {
    let flag = config.map(|file| format!(" --config {}", shell_word(&file.to_string_lossy())));
    format!("lotline{}", flag.unwrap_or_default())
}

/// The text quoted as a single argument of a POSIX shell.
fn shell_word(text: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_./-+:@%,=".contains(one);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_name_the_file_that_the_server_was_started_with() {
        let with = startup_message("http://x", StoreState::Empty, Some(Path::new("/etc/lotline.toml")));
        let without = startup_message("http://x", StoreState::Empty, None);

        for verb in ["tenant create --slug", "user create --tenant"] {
            assert!(with.contains(&format!("  lotline --config /etc/lotline.toml {verb}")), "{with}");
            assert!(without.contains(&format!("  lotline {verb}")), "{without}");
        }
        assert!(!startup_message("http://x", StoreState::InUse, None).contains("tenant create"));
    }

    #[test]
    fn a_path_is_quoted_as_one_shell_word() {
        assert_eq!(shell_word("conf/lotline.toml"), "conf/lotline.toml");
        assert_eq!(shell_word("my conf.toml"), "'my conf.toml'");
        assert_eq!(shell_word("ann's $HOME"), r"'ann'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }
}
