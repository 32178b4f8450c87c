//! What each layer of a page read, before the layers were joined: for the people who shape a spider.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::Draft;
use super::extraction::{Layer, LayerResult};
use super::notes::Notes;
use super::values::CurrencyHint;
use crate::crawler::budget::PageBudget;

/// Drafts of a layer that are shown, fields of a draft, and characters of a text.
pub const MAX_READOUT_DRAFTS: usize = 20;
pub const MAX_READOUT_FIELDS: usize = 64;
pub const MAX_READOUT_CHARS: usize = 300;
/// Layers of a page.
pub const MAX_READOUT_LAYERS: usize = 8;
/// Steps of showing a draft.
const DRAFT_STEPS: u64 = 2_000;

/// What was read of a page, and why not more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// Best first.
    pub layers: Vec<LayerReadout>,
    /// Why a home was not told, why a value was dropped: at most 100, each of at most 200 characters.
    pub notes: Vec<String>,
}

/// What one layer read.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReadout {
    pub layer: Layer,
    /// At most 20, each with at most 64 plain values by their names on the wire (`address.city`).
    pub drafts: Vec<BTreeMap<String, Value>>,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u32,
}

/// Readouts while the layers are read; empty where none was asked for.
pub(super) struct Readouts(Option<Vec<LayerReadout>>);

impl Readouts {
    pub(super) fn new(are_wanted: bool) -> Self {
        Self(are_wanted.then(Vec::new))
    }

    /// Adds what a layer found.
    pub(super) fn add(&mut self, layer: &LayerResult, budget: &PageBudget) {
        self.add_drafts(layer.kind, &layer.drafts, layer.skipped_blocks, budget);
    }

    /// Adds the drafts of a layer.
    pub(super) fn add_drafts(
        &mut self,
        layer: Layer,
        drafts: &[Draft],
        skipped_blocks: u32,
        budget: &PageBudget,
    ) {
        let Some(readouts) = &mut self.0 else { return };
        let affordable = drafts.iter().take_while(|_| budget.charge_steps(DRAFT_STEPS));
        let drafts = affordable.take(MAX_READOUT_DRAFTS).map(readout).collect();
        readouts.push(LayerReadout { layer, drafts, skipped_blocks });
    }

    /// The explanation, if one was asked for.
    pub(super) fn explained(self, notes: Notes) -> Option<Explanation> {
        let mut layers = self.0?;
        layers.sort_by_key(|readout| readout.layer);
        Some(Explanation { layers, notes: notes.into_lines() })
    }
}

/// The plain values of a draft.
fn readout(draft: &Draft) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    if let Ok(Value::Object(told)) = serde_json::to_value(&draft.property) {
        for (name, value) in told {
            match value {
                Value::Object(parts) => {
                    fields.extend(parts.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
                }
                Value::Array(files) => drop(fields.insert(name, Value::from(files_text(&files)))),
                value => drop(fields.insert(name, value)),
            }
        }
    }
    let currency = match draft.currency {
        CurrencyHint::None => None,
        CurrencyHint::Code(_) => draft.currency.code().map(str::to_owned),
        CurrencyHint::Sign(sign) => Some(sign.to_owned()),
    };
    let others = [
        ("name", draft.name.clone().map(Value::from)),
        ("rooms_total", draft.rooms.map(Value::from)),
        ("bathrooms_total", draft.baths.or(draft.full_baths).map(Value::from)),
        ("currency", currency.map(Value::from)),
        ("address.house_number", draft.house_number.clone().map(Value::from)),
    ];
    let others = others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    fields.extend(others);
    fields.into_iter().take(MAX_READOUT_FIELDS).map(|(name, value)| (name, clipped(value))).collect()
}

/// The first file and how many there are.
fn files_text(files: &[Value]) -> String {
    let first = files.first().and_then(|file| file["url"].as_str()).unwrap_or_default();
    match files.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}

fn clipped(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > MAX_READOUT_CHARS => {
            let start: String = text.chars().take(MAX_READOUT_CHARS - 1).collect();
            Value::from(format!("{start}…"))
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::field::Field;
    use crate::protocol::property::MediaKind;

    #[test]
    fn a_draft_is_shown_by_its_plain_values() {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(100_000);
        let at = At { base: &base, budget: &budget, fragment: "" };
        let mut draft = Draft::new(Layer::Html);
        for (field, value) in [
            (Field::ListPrice, json!("€425,000")),
            (Field::City, json!("Toledo")),
            (Field::Rooms, json!(4)),
            (Field::Description, json!("A brick house. ".repeat(100))),
            (Field::Media(MediaKind::Photo), json!(["/1.jpg", "/2.jpg"])),
        ] {
            draft.set(field, &value, &at);
        }
        let mut readouts = Readouts::new(true);

        readouts.add_drafts(Layer::Html, &[draft], 2, &budget);
        let explanation = readouts.explained(Notes::new(true)).unwrap();

        let shown = &explanation.layers[0];
        assert_eq!((shown.layer, shown.skipped_blocks, shown.drafts.len()), (Layer::Html, 2, 1));
        let fields = &shown.drafts[0];
        assert_eq!((&fields["list_price"], &fields["currency"]), (&json!(425_000.0), &json!("EUR")));
        assert_eq!((&fields["address.city"], &fields["rooms_total"]), (&json!("Toledo"), &json!(4.0)));
        assert_eq!(fields["description"].as_str().unwrap().chars().count(), MAX_READOUT_CHARS);
        assert_eq!(fields["media"], json!("https://homes.example.com/1.jpg and 1 more"));
    }

    #[test]
    fn nothing_is_shown_where_nothing_was_asked_for() {
        let budget = PageBudget::for_page(0);
        let mut readouts = Readouts::new(false);

        readouts.add_drafts(Layer::Html, &[Draft::new(Layer::Html)], 0, &budget);

        assert_eq!(readouts.explained(Notes::new(false)), None);
        assert_eq!(budget.used().steps, 0);
    }
}
