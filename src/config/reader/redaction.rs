//! How much of a text is shown, in messages and by `config print`.

use crate::config::error::quoted;
use crate::config::print::{HIDDEN, without_password};

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
