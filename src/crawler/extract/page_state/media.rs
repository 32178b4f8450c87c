//! Photos, floor plans, videos and tours of a home: URLs, objects that hold one, and lists of both.

use serde_json::{Value, json};

use super::super::bounds::{MAX_URL, VALUE_STEPS, key_steps};
use super::super::field::Field;
use super::super::values::Object;
use super::super::vocabulary::fold_key;
use super::classes::KeyClass;
use super::home::Home;
use super::keys;
use crate::base::text::truncate;
use crate::protocol::property::MediaKind;

/// Files of one home, elements of a list that are looked at, and how deep lists and objects nest.
const MAX_MEDIA: usize = 100;
const MAX_ELEMENTS: usize = 300;
const MAX_DEPTH: usize = 4;
/// Steps of looking at an element.
const ELEMENT_STEPS: u64 = 60;
/// Keys of the file's URL, the largest picture first.
const URL_KEYS: [&str; 26] = [
    "original",
    "originalUrl",
    "full",
    "fullUrl",
    "fullSize",
    "xxl",
    "xl",
    "xlarge",
    "extraLarge",
    "large",
    "largeUrl",
    "big",
    "hd",
    "url",
    "src",
    "href",
    "contentUrl",
    "uri",
    "fileUrl",
    "imageUrl",
    "photoUrl",
    "link",
    "image",
    "mediumUrl",
    "medium",
    "path",
];
/// Keys below which an object holds further files or the sizes of one.
const HOLDER_KEYS: [&str; 10] = [
    "sizes",
    "urls",
    "sources",
    "mixedSources",
    "jpeg",
    "formats",
    "variants",
    "file",
    "asset",
    "attributes",
];
const CAPTION_KEYS: [&str; 6] = ["caption", "alt", "title", "description", "label", "altText"];

impl<'v> Home<'v> {
    /// Adds the files below `value`, which are of this kind unless they say otherwise.
    pub(super) fn gather_media(&mut self, value: &'v Value, kind: MediaKind, depth: usize) {
        let goes_on = depth < MAX_DEPTH && self.media < MAX_MEDIA;
        if !goes_on || !self.scope.budget.charge_steps(ELEMENT_STEPS) {
            return;
        }
        match value {
            Value::String(text) if is_url(text) => self.add_media(text, None, kind),
            Value::Array(values) => {
                for value in values.iter().take(MAX_ELEMENTS) {
                    self.gather_media(self.scope.links.follow(value), kind, depth + 1);
                }
            }
            Value::Object(object) => self.gather_media_object(object, kind, depth),
            _ => {}
        }
    }

    fn gather_media_object(&mut self, object: &'v Object, kind: MediaKind, depth: usize) {
        let kind = self.stated_kind(object).unwrap_or(kind);
        let links = self.scope.links;
        let get = |key: &str| object.get(key).map(|value| links.follow(value));
        let mut texts = URL_KEYS.iter().filter_map(|key| get(key)?.as_str());
        if let Some(url) = texts.find(|text| is_url(text)) {
            let caption = CAPTION_KEYS.iter().find_map(|key| get(key)?.as_str());
            return self.add_media(url, caption, kind);
        }
        // One picture in several sizes: the first one is the largest that is named.
        let mut sized = URL_KEYS.iter().chain(&HOLDER_KEYS).filter_map(|key| get(key));
        if let Some(inner) = sized.find(|value| value.is_object() || value.is_array()) {
            return match inner {
                Value::Array(values) if self.is_one_picture(object) => {
                    if let Some(last) = values.last() {
                        self.gather_media(links.follow(last), kind, depth + 1);
                    }
                }
                inner => self.gather_media(inner, kind, depth + 1),
            };
        }
        // `media: {images: […], floorplans: […]}`, or files by number.
        for entry in self.scope.entries(object).into_iter().take(MAX_ELEMENTS) {
            match entry.meaning.class {
                Some(KeyClass::Media(inner)) => self.gather_media(entry.value, inner, depth + 1),
                None if entry.value.is_object() => self.gather_media(entry.value, kind, depth + 1),
                Some(KeyClass::Homes) => self.gather_media(entry.value, kind, depth + 1),
                _ => {}
            }
        }
    }

    fn stated_kind(&self, object: &'v Object) -> Option<MediaKind> {
        let names = ["mediaType", "type", "kind", "category", "__typename", "tag"];
        names.iter().find_map(|name| {
            let text =
                self.scope.links.follow(object.get(*name)?).as_str().filter(|text| text.len() <= 60)?;
            let word = fold_key(text);
            let has = |words: &[&str]| words.iter().any(|part| word.contains(part));
            if has(&["floorplan", "grundriss", "plano", "plattegrond"]) {
                Some(MediaKind::FloorPlan)
            } else if has(&["tour", "360", "matterport", "panorama"]) {
                Some(MediaKind::Tour)
            } else if has(&["video", "youtube"]) {
                Some(MediaKind::Video)
            } else if has(&["pdf", "document", "brochure"]) {
                Some(MediaKind::Document)
            } else if has(&["image", "photo", "picture"]) {
                Some(MediaKind::Photo)
            } else {
                None
            }
        })
    }

    /// Whether the lists of an object are sizes of one picture and not several pictures.
    fn is_one_picture(&self, object: &Object) -> bool {
        let afforded = object.keys().take_while(|key| {
            self.scope.budget.charge_steps(VALUE_STEPS + key_steps(truncate(key, MAX_URL)))
        });
        afforded
            .map(|key| fold_key(keys::key_name(key)))
            .any(|name| matches!(name.as_str(), "sizes" | "sources" | "jpeg" | "variants" | "formats"))
    }

    fn add_media(&mut self, url: &'v str, caption: Option<&'v str>, kind: MediaKind) {
        if self.media >= MAX_MEDIA || !self.scope.budget.charge_bytes(url.len() as u64) {
            return;
        }
        self.media += 1;
        let caption = caption.filter(|caption| caption.len() <= MAX_URL);
        match caption {
            Some(caption) => self.set(Field::Media(kind), &json!({"url": url, "caption": caption}), "url"),
            None => self.set(Field::Media(kind), &Value::from(url), "url"),
        }
    }
}

/// A URL or a path, and no name of a file or a text.
fn is_url(text: &str) -> bool {
    let begins = ["http://", "https://", "//", "/"].iter().any(|start| text.starts_with(start));
    begins && text.len() > 1 && text.len() <= MAX_URL && !text.contains(char::is_whitespace)
}
