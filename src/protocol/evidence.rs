//! Where the values of a property came from, on the wire.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

/// What of a page a value was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EvidenceLayer {
    /// A rule of the spider.
    Rule,
    JsonLd,
    /// Data that the page embeds for its own scripts.
    PageState,
    Microdata,
    Rdfa,
    /// Visible text and `<meta>` elements.
    Html,
}

/// Where the value of a field came from.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct FieldEvidence {
    /// What of the page it was read from.
    pub layer: EvidenceLayer,
    /// The selector, path or expression of the spider's rule that gave it; absent where no rule did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Where in the layer: the path of keys, the label or the selector; at most 80 characters.
    pub fragment: String,
    /// When the built-in crawler last read it there.
    pub read_at: String,
}

/// Where the values of a property came from. A worker's property has no evidence: the worker sent the values.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct PropertyEvidence {
    pub property_id: i64,
    /// When the built-in crawler last read the property; absent where it never did. A page that its host reported as
    /// unchanged was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// By the name of the field; a part of the address as `address.city`. Fields whose origin is not known are absent.
    pub fields: BTreeMap<String, FieldEvidence>,
}
