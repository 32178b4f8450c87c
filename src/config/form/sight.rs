//! How much of a text may be seen, in messages and in print.

use crate::config::fault::quoted;
use crate::config::print::{HIDDEN, without_password};

/// How much of a text may be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Open,
    Secret,
    /// A connection string: all but the password.
    Connection,
}

impl Sight {
    /// The text as `config print` shows it.
    pub(super) fn mask(self, text: &str) -> String {
        match self {
            Self::Secret if !text.is_empty() => HIDDEN.to_owned(),
            Self::Connection => without_password(text),
            Self::Open | Self::Secret => text.to_owned(),
        }
    }

    /// The text as a message names it.
    pub(super) fn name(self, text: &str) -> String {
        match self {
            Self::Open => quoted(text),
            Self::Secret | Self::Connection => "the value (not shown)".to_owned(),
        }
    }
}
