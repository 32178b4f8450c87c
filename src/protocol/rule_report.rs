//! What new rules of a spider change on the pages that are kept of it.

use std::collections::BTreeMap;

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// What the new rules change on the last kept pages of a spider, compared with the rules before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
pub struct RuleReport {
    /// How many pages were compared: the last 50 at most, fewer when that took too long.
    pub pages: u32,
    /// The fields that differ on some of them, by their names on the wire (`address.city`).
    pub fields: BTreeMap<String, FieldReport>,
}

/// On how many pages a field differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
pub struct FieldReport {
    /// The field has a value with the new rules only.
    pub won: u32,
    /// It had a value with the rules before only.
    pub lost: u32,
    /// It has another value.
    pub different: u32,
}
