//! Where the values of a listing were read, as a report of the built-in crawler tells it.

use std::collections::BTreeMap;

use crate::protocol::evidence::EvidenceLayer;

/// Where the crawler read the value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOrigin {
    pub layer: EvidenceLayer,
    /// The path of keys, the label or the selector.
    pub fragment: String,
}

/// Where the fields of a listing were read, by their names on the wire (`address.city`).
pub type Origins = BTreeMap<String, FieldOrigin>;
