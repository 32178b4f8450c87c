//! The values of a home as a preview shows them.

use serde_json::Value;

use crate::crawler::extract::MAX_READOUT_CHARS;

/// The value as a preview shows it: texts are cut, of files the first is shown, and of other data the JSON.
pub(super) fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(clipped(&text)),
        Value::Array(files) => {
            let first = files.first().and_then(|file| file["url"].as_str()).map(clipped).unwrap_or_default();
            match files.len() {
                0 | 1 => Value::from(first),
                count => Value::from(format!("{first} and {} more", count - 1)),
            }
        }
        Value::Object(_) => Value::from(clipped(&value.to_string())),
        value => value,
    }
}

fn clipped(text: &str) -> String {
    if text.chars().count() <= MAX_READOUT_CHARS {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_READOUT_CHARS - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::kept_page;
    use crate::protocol::property::PropertyInput;

    #[test]
    fn fields_have_the_names_of_the_wire() {
        let property: PropertyInput = serde_json::from_value(json!({
            "source": "homes.example", "listing_key": "A-1", "list_price": 420_000.0,
            "address": {"city": "Toledo"}, "media": [{"url": "https://homes.example/1.jpg", "kind": "photo"}],
        }))
        .unwrap();

        let fields = kept_page::fields(&property);

        assert_eq!(fields["address.city"], json!("Toledo"));
        assert_eq!((&fields["list_price"], fields.get("address")), (&json!(420_000.0), None));
        assert_eq!(fields["media"][0]["url"], json!("https://homes.example/1.jpg"));
    }

    #[test]
    fn a_preview_shows_the_beginning_of_what_is_long() {
        let long = shown(json!("x".repeat(1_000)));
        let files =
            shown(json!([{"url": "https://homes.example/1.jpg"}, {"url": "/2.jpg"}, {"url": "/3.jpg"}]));

        assert_eq!(long.as_str().unwrap().chars().count(), MAX_READOUT_CHARS);
        assert_eq!(files, json!("https://homes.example/1.jpg and 2 more"));
        assert_eq!(shown(json!({"pool": true})), json!(r#"{"pool":true}"#));
        assert_eq!(shown(json!(3)), json!(3));
    }
}
