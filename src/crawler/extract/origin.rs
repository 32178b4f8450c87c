//! Where on a page a value came from.

use serde::{Deserialize, Serialize};

use crate::protocol::evidence::EvidenceLayer;

/// Where on a page a value was found, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The rules of a spider, and its constants where nothing else tells.
    Rule,
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
            Self::Rule => "rule",
            Self::JsonLd => "json_ld",
            Self::PageState => "page_state",
            Self::Microdata => "microdata",
            Self::Rdfa => "rdfa",
            Self::Html => "html",
        }
    }
}

impl From<Layer> for EvidenceLayer {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Rule => Self::Rule,
            Layer::JsonLd => Self::JsonLd,
            Layer::PageState => Self::PageState,
            Layer::Microdata => Self::Microdata,
            Layer::Rdfa => Self::Rdfa,
            Layer::Html => Self::Html,
        }
    }
}

/// Characters of a fragment.
pub const MAX_FRAGMENT_CHARS: usize = 80;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub layer: Layer,
    /// The path of keys, the label, or a rule's selector, path or expression; at most [`MAX_FRAGMENT_CHARS`] characters.
    pub fragment: String,
}
