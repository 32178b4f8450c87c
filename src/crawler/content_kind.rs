//! The kinds of documents that are read.

use serde::{Deserialize, Serialize};

/// What kind of document a body is, by its `Content-Type`, else by its first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// HTML, and XHTML.
    #[default]
    Html,
    /// A sitemap, RSS, Atom or other XML. A gzip file of one is unpacked when it is received.
    Xml,
    Json,
}

impl ContentKind {
    pub const ALL: [Self; 3] = [Self::Html, Self::Xml, Self::Json];

    /// The kind as the store and the readers have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
