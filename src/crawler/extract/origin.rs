//! Where on a page a value came from.

use serde::{Deserialize, Serialize};

/// Where on a page a value was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    JsonLd,
    /// Data that the page embeds for its own scripts. Earlier versions counted it as `embedded`.
    #[serde(alias = "embedded")]
    PageState,
    Microdata,
    Rdfa,
    /// Visible text and `<meta>` elements.
    Html,
}

impl Layer {
    /// The layer's name, as it is serialized.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonLd => "json_ld",
            Self::PageState => "page_state",
            Self::Microdata => "microdata",
            Self::Rdfa => "rdfa",
            Self::Html => "html",
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub layer: Layer,
    /// The path of keys, the label or the selector; at most 80 characters.
    pub fragment: String,
}
