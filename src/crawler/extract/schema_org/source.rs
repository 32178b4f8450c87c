//! Sets facts of a draft and notes from which property each came.

use serde_json::Value;
use url::Url;

use super::super::draft::{At, Draft};
use super::super::field::Field;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;

/// Bytes of a property's name that are kept.
const MAX_KEY_BYTES: usize = 40;

/// Where the facts of one object come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) base: &'a Url,
    pub(super) budget: &'a PageBudget,
    /// The property that led to the object; empty for the object that was found first.
    pub(super) role: &'a str,
}

impl Source<'_> {
    pub(super) fn set(self, draft: &mut Draft, field: Field, key: &str, value: &Value) {
        let key = truncate(key, MAX_KEY_BYTES);
        let path;
        let fragment = if self.role.is_empty() {
            key
        } else {
            path = format!("{}.{key}", truncate(self.role, MAX_KEY_BYTES - 1));
            path.as_str()
        };
        draft.set(field, value, &At { base: self.base, budget: self.budget, fragment });
    }

    pub(super) fn set_text(self, draft: &mut Draft, field: Field, key: &str, text: &str) {
        self.set(draft, field, key, &Value::from(text));
    }
}
