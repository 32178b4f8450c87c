//! The photographs, floor plans and films of a listing, each a URL or an object with one.

use serde_json::{Map, Value};

use super::super::bounds::{VALUE_STEPS, value_steps};
use super::super::field::Field;
use super::super::values::{self, Object};
use super::draft_builder::DraftBuilder;
use super::kinds;
use super::reader::Reader;
use crate::protocol::property::MediaKind;

/// Files of one list that are looked at.
const MAX_FILES: usize = 400;
/// Properties of a file that are kept when it is referred to, the URLs first.
const FILE_KEYS: [&str; 6] = ["contentUrl", "url", "embedUrl", "caption", "description", "name"];
const URL_KEYS: usize = 3;
/// Bytes of a copy of a file, beside its texts.
const FILE_BYTES: u64 = 700;
/// Words in the caption of a photograph that is a floor plan.
const FLOOR_PLAN_WORDS: [&str; 5] = ["floor plan", "floorplan", "grundriss", "plattegrond", "planimetria"];

impl<'a> Reader<'a> {
    pub(super) fn gather_media(
        &self,
        builder: &mut DraftBuilder<'a>,
        kind: MediaKind,
        name: &str,
        value: &'a Value,
    ) {
        let source = self.source("");
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        for value in values.iter().take(MAX_FILES) {
            if !self.budget.charge_steps(VALUE_STEPS) {
                return;
            }
            let Some(file) = self.object(value) else {
                source.set(&mut builder.draft, Field::Media(kind), name, value);
                continue;
            };
            // A reference that leads nowhere is a name, and no file.
            if !FILE_KEYS[..URL_KEYS].iter().any(|key| file.contains_key(*key)) {
                continue;
            }
            let kind = self.kind_of_file(file, kind);
            if value.as_object().is_some_and(|own| std::ptr::eq(own, file)) {
                source.set(&mut builder.draft, Field::Media(kind), name, value);
            } else if let Some(copy) = self.copy_of(file) {
                source.set(&mut builder.draft, Field::Media(kind), name, &copy);
            }
        }
    }

    fn kind_of_file(&self, file: &Object, kind: MediaKind) -> MediaKind {
        self.budget.charge_steps(kinds::type_steps(file));
        if kinds::has_type(file, &["VideoObject"]) {
            return MediaKind::Video;
        }
        let caption = file.get("caption").or_else(|| file.get("name"));
        let Some(caption) = caption.filter(|_| kind == MediaKind::Photo) else { return kind };
        self.budget.charge_steps(value_steps(caption));
        let caption = values::text(caption, 100).unwrap_or_default().to_lowercase();
        let is_plan = FLOOR_PLAN_WORDS.iter().any(|word| caption.contains(word));
        if is_plan { MediaKind::FloorPlan } else { kind }
    }

    /// A file that is described elsewhere. Only its texts are copied.
    fn copy_of(&self, file: &Object) -> Option<Value> {
        let texts: Vec<_> =
            FILE_KEYS.iter().filter_map(|key| Some((*key, file.get(*key)?.as_str()?))).collect();
        let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
        if !self.budget.charge_bytes(FILE_BYTES + bytes as u64) {
            return None;
        }
        let entries = texts.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text)));
        Some(Value::Object(Map::from_iter(entries)))
    }
}
