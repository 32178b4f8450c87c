//! Collects the photographs, floor plans and films of a listing.

use serde_json::Value;

use super::bounds::{MAX_URL, value_steps};
use super::draft::{At, Draft};
use super::values::{self, Object};
use crate::crawler::page_url;
use crate::protocol::property::{Media, MediaKind};

/// Entries of a listing, and characters of a caption; the wire's bounds.
pub(super) const MAX_MEDIA: usize = 100;
const MAX_CAPTION: usize = 300;
/// Entries of one list that are looked at: the same file may be in it several times.
const MAX_LOOKED_AT: usize = 400;
/// Steps of resolving a URL, and bytes of an entry beside its texts.
const URL_STEPS: u64 = 200;
const ENTRY_BYTES: u64 = 100;
/// Keys of the file, best first, and of its description.
const URL_KEYS: [&str; 14] = [
    "contentUrl",
    "url",
    "src",
    "href",
    "originalUrl",
    "original",
    "fullUrl",
    "full",
    "large",
    "imageUrl",
    "uri",
    "mediaUrl",
    "embedUrl",
    "@id",
];
const CAPTION_KEYS: [&str; 5] = ["caption", "description", "title", "alt", "name"];

impl Draft {
    /// Adds one file or a list of them.
    pub(super) fn set_media(&mut self, kind: MediaKind, value: &Value, at: &At<'_>) {
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        for value in values.iter().take(MAX_LOOKED_AT) {
            if self.property.media.as_ref().is_some_and(|media| media.len() >= MAX_MEDIA)
                || !at.budget.charge_steps(URL_STEPS + value_steps(value))
            {
                return;
            }
            let Some(media) = media(kind, value, at) else { continue };
            self.add_media(media, at);
        }
    }

    fn add_media(&mut self, new: Media, at: &At<'_>) {
        let known = self.property.media.get_or_insert_with(Vec::new);
        if known.iter().any(|media| media.url == new.url) {
            return;
        }
        if !at.budget.charge_bytes(ENTRY_BYTES + new.url.len() as u64) {
            if known.is_empty() {
                self.property.media = None;
            }
            return;
        }
        let is_first = known.is_empty();
        known.push(new);
        if is_first {
            self.note_origin("media", at);
        }
    }
}

fn media(kind: MediaKind, value: &Value, at: &At<'_>) -> Option<Media> {
    let (link, caption) = match value {
        Value::String(link) => (link.as_str(), None),
        Value::Object(object) => (link_of(object)?, caption_of(object)),
        _ => return None,
    };
    let link = Some(link.trim()).filter(|link| !link.is_empty() && link.len() <= MAX_URL)?;
    // Data URLs and blobs are the picture itself, or nothing outside of the page.
    let url = at.base.join(link).ok().and_then(page_url::normalise)?;
    if url.path() == "/" && url.query().is_none() {
        return None;
    }
    let caption = caption.filter(|caption| !caption.contains("://"));
    Some(Media { url: url.to_string(), kind, caption })
}

fn link_of(object: &Object) -> Option<&str> {
    URL_KEYS.iter().find_map(|key| object.get(*key)?.as_str())
}

fn caption_of(object: &Object) -> Option<String> {
    CAPTION_KEYS.iter().find_map(|key| values::text(object.get(*key)?, MAX_CAPTION))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::extraction::Layer;
    use crate::crawler::extract::field::Field;

    fn media_of(value: &Value) -> Vec<Media> {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let mut draft = Draft::new(Layer::JsonLd);
        draft.set(
            Field::Media(MediaKind::Photo),
            value,
            &At { base: &base, budget: &budget, fragment: "image" },
        );
        draft.property.media.unwrap_or_default()
    }

    fn urls_of(value: &Value) -> Vec<String> {
        media_of(value).into_iter().map(|media| media.url).collect()
    }

    #[test]
    fn files_are_absolute_and_given_once() {
        let value = json!(["/1.jpg", "https://homes.example.com/1.jpg", {"contentUrl": "2.jpg"}, "data:image/png,x", 7, "/"]);

        assert_eq!(urls_of(&value), ["https://homes.example.com/1.jpg", "https://homes.example.com/h/2.jpg"]);
        assert_eq!(urls_of(&json!("/1.jpg")), ["https://homes.example.com/1.jpg"]);
    }

    #[test]
    fn captions_are_kept() {
        let media = media_of(&json!({"url": "/1.jpg", "caption": "Kitchen"}));

        assert_eq!(media[0].caption.as_deref(), Some("Kitchen"));
        assert_eq!(media[0].kind, MediaKind::Photo);
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let many: Vec<_> = (0..300).map(|number| format!("/{number}.jpg")).collect();

        assert_eq!(urls_of(&json!(many)).len(), MAX_MEDIA);
    }
}
