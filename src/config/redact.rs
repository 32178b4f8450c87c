//! How much of a text is shown, in messages and by `config print`: secrets never are.

use super::error::quoted;

/// Replaces a secret.
pub(super) const HIDDEN: &str = "********";

/// How much of a text is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Redaction {
    Public,
    Secret,
    /// A connection string: all but the password.
    ConnectionUrl,
}

impl Redaction {
    /// The text as `config print` shows it.
    pub(super) fn redact(self, text: &str) -> String {
        match self {
            Self::Secret if !text.is_empty() => HIDDEN.to_owned(),
            Self::ConnectionUrl => without_password(text),
            Self::Public | Self::Secret => text.to_owned(),
        }
    }

    /// The text for a message.
    pub(super) fn describe(self, text: &str) -> String {
        match self {
            Self::Public => quoted(text),
            Self::Secret | Self::ConnectionUrl => "the value (not shown)".to_owned(),
        }
    }
}

/// A connection string without its password, or only stars if it cannot be parsed.
fn without_password(text: &str) -> String {
    if text.is_empty() || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = url::Url::parse(text) else { return HIDDEN.to_owned() };
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    // Drivers take passwords as parameters too, under several names.
    if url.query().is_some() {
        url.set_query(Some(HIDDEN));
    }
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_keeps_its_host_and_loses_its_password() {
        assert_eq!(without_password("postgres://ann:s3cret@db:5432/x"), "postgres://ann:********@db:5432/x");
        assert_eq!(without_password("postgres://db/x?user=ann&password=s3cret"), "postgres://db/x?********");
        assert_eq!(without_password("redis://:s3cret@cache"), "redis://:********@cache");
        assert_eq!(without_password("postgres://ann:s3:cr@et@"), HIDDEN);
        assert_eq!(without_password("sqlite:./a.db"), "sqlite:./a.db");
    }
}
