//! What a reader's answer holds of a listing and of an explanation. Every list has its bound while it is read, and the
//! values of an explanation are plain ones: a few bytes of nested data could claim much memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::at_most::at_most;
use crate::crawler::extract::{
    Explanation, Layer, LayerReadout, Listing, MAX_FRAGMENT_CHARS, MAX_LISTING_IDS, MAX_NOTE_CHARS,
    MAX_NOTES, MAX_ORIGINS, MAX_READOUT_CHARS, MAX_READOUT_DRAFTS, MAX_READOUT_FIELDS, MAX_READOUT_LAYERS,
    Origin,
};
use crate::protocol::property::PropertyInput;

/// Bytes of an id that a site told, and of a field's name.
const MAX_ID_BYTES: usize = 800;
pub(super) const MAX_FIELD_BYTES: usize = 60;

/// A listing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FoundListing {
    pub(super) layer: Layer,
    pub(super) told_key: bool,
    #[serde(deserialize_with = "at_most::<MAX_LISTING_IDS, _, _>")]
    pub(super) ids: Vec<String>,
    pub(super) inferred_currency: bool,
    /// Where each field came from, by its name on the wire.
    #[serde(deserialize_with = "at_most::<MAX_ORIGINS, _, _>")]
    pub(super) origins: Vec<(String, Origin)>,
    pub(super) property: PropertyInput,
}

impl FoundListing {
    pub(super) fn of(listing: Listing) -> Self {
        Self {
            layer: listing.layer,
            told_key: listing.told_key,
            ids: listing.ids,
            inferred_currency: listing.inferred_currency,
            origins: listing.origins.into_iter().take(MAX_ORIGINS).collect(),
            property: listing.property,
        }
    }

    /// The listing, if its texts are as short as they may be. What it says of the property is not looked at.
    pub(super) fn checked(self) -> Option<Listing> {
        let Self { layer, told_key, ids, inferred_currency, origins, property } = self;
        let is_short = |(name, origin): &(String, Origin)| {
            name.len() <= MAX_FIELD_BYTES && has_at_most(&origin.fragment, MAX_FRAGMENT_CHARS)
        };
        let is_fit = ids.iter().all(|id| id.len() <= MAX_ID_BYTES) && origins.iter().all(is_short);
        let origins = origins.into_iter().collect();
        is_fit.then_some(Listing { property, layer, told_key, ids, origins, inferred_currency })
    }
}

/// What each layer read, and why not more.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FoundExplanation {
    #[serde(deserialize_with = "at_most::<MAX_READOUT_LAYERS, _, _>")]
    layers: Vec<FoundReadout>,
    #[serde(deserialize_with = "at_most::<MAX_NOTES, _, _>")]
    notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FoundReadout {
    layer: Layer,
    #[serde(deserialize_with = "at_most::<MAX_READOUT_DRAFTS, _, _>")]
    drafts: Vec<FoundDraft>,
    skipped_blocks: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct FoundDraft(
    #[serde(deserialize_with = "at_most::<MAX_READOUT_FIELDS, _, _>")] Vec<(String, PlainValue)>,
);

/// A value that holds no others.
#[derive(Debug, Serialize, Deserialize)]
enum PlainValue {
    Text(String),
    Whole(i64),
    Number(f64),
    Flag(bool),
}

impl FoundExplanation {
    pub(super) fn of(explanation: Explanation) -> Self {
        let readout = |readout: LayerReadout| FoundReadout {
            layer: readout.layer,
            drafts: readout.drafts.into_iter().take(MAX_READOUT_DRAFTS).map(FoundDraft::of).collect(),
            skipped_blocks: readout.skipped_blocks,
        };
        Self {
            layers: explanation.layers.into_iter().take(MAX_READOUT_LAYERS).map(readout).collect(),
            notes: explanation.notes.into_iter().take(MAX_NOTES).collect(),
        }
    }

    /// The explanation, if its texts are as short as they may be.
    pub(super) fn checked(self) -> Option<Explanation> {
        if !self.notes.iter().all(|note| has_at_most(note, MAX_NOTE_CHARS)) {
            return None;
        }
        let readout = |readout: FoundReadout| {
            let drafts: Option<Vec<_>> = readout.drafts.into_iter().map(FoundDraft::checked).collect();
            Some(LayerReadout {
                layer: readout.layer,
                drafts: drafts?,
                skipped_blocks: readout.skipped_blocks,
            })
        };
        let layers: Option<Vec<_>> = self.layers.into_iter().map(readout).collect();
        Some(Explanation { layers: layers?, notes: self.notes })
    }

    /// Drops half of each layer's drafts. False where there is nothing left to drop.
    pub(super) fn halve(&mut self) -> bool {
        let mut is_less = false;
        for readout in &mut self.layers {
            is_less |= !readout.drafts.is_empty();
            readout.drafts.truncate(readout.drafts.len() / 2);
        }
        is_less
    }
}

impl FoundDraft {
    fn of(fields: BTreeMap<String, Value>) -> Self {
        let plain = |(name, value): (String, Value)| Some((name, PlainValue::of(value)?));
        Self(fields.into_iter().filter_map(plain).take(MAX_READOUT_FIELDS).collect())
    }

    fn checked(self) -> Option<BTreeMap<String, Value>> {
        let value = |(name, value): (String, PlainValue)| {
            let is_short = name.len() <= MAX_FIELD_BYTES && value.is_short();
            is_short.then(|| (name, Value::from(value)))
        };
        self.0.into_iter().map(value).collect()
    }
}

impl PlainValue {
    fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text)),
            Value::Bool(flag) => Some(Self::Flag(flag)),
            Value::Number(number) => number.as_i64().map(Self::Whole).or(number.as_f64().map(Self::Number)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn is_short(&self) -> bool {
        match self {
            Self::Text(text) => has_at_most(text, MAX_READOUT_CHARS),
            Self::Whole(_) | Self::Number(_) | Self::Flag(_) => true,
        }
    }
}

impl From<PlainValue> for Value {
    fn from(value: PlainValue) -> Self {
        match value {
            PlainValue::Text(text) => Self::from(text),
            PlainValue::Whole(number) => Self::from(number),
            PlainValue::Number(number) => Self::from(number),
            PlainValue::Flag(flag) => Self::from(flag),
        }
    }
}

fn has_at_most(text: &str, most: usize) -> bool {
    text.len() <= 4 * most && text.chars().count() <= most
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explanation(text: &str, note: &str) -> Explanation {
        let fields = BTreeMap::from([
            ("list_price".to_owned(), json!(425_000.5)),
            ("bedrooms_total".to_owned(), json!(3)),
            ("description".to_owned(), json!(text)),
        ]);
        let readout = LayerReadout { layer: Layer::Html, drafts: vec![fields; 3], skipped_blocks: 2 };
        Explanation { layers: vec![readout], notes: vec![note.to_owned()] }
    }

    #[test]
    fn an_explanation_comes_through() {
        let told = explanation("A home", "no home");

        let sent = rmp_serde::to_vec_named(&FoundExplanation::of(told.clone())).unwrap();
        let back: FoundExplanation = rmp_serde::from_slice(&sent).unwrap();

        assert_eq!(back.checked(), Some(told));
    }

    #[test]
    fn texts_that_are_too_long_are_refused() {
        let is_fit =
            |text: &str, note: &str| FoundExplanation::of(explanation(text, note)).checked().is_some();

        assert!(is_fit(&"é".repeat(MAX_READOUT_CHARS), &"é".repeat(MAX_NOTE_CHARS)));
        assert!(!is_fit(&"é".repeat(MAX_READOUT_CHARS + 1), ""));
        assert!(!is_fit("", &"é".repeat(MAX_NOTE_CHARS + 1)));
    }

    #[test]
    fn an_explanation_shrinks_until_its_drafts_are_gone() {
        let mut found = FoundExplanation::of(explanation("", ""));

        assert!(found.halve() && found.halve() && !found.halve());

        assert_eq!(found.checked().unwrap().layers[0].drafts.len(), 0);
    }
}
