//! The choice between JSON and one other media type by the header `Accept` (RFC 9110 section 12.5.1). JSON is the
//! default: a client that names neither, or any type, gets it.

use poem::http::{HeaderMap, header};

const JSON: &str = "application/json";

/// One range of `Accept`.
struct MediaRange<'a> {
    range: &'a str,
    /// The weight, 0 to 1.
    weight: f64,
}

/// Whether the client prefers `wanted` to JSON: it names it, and JSON has a lower weight, or the same one and is named
/// later or not by its name. Parameters of media types other than the weight are ignored.
pub fn prefers(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<MediaRange<'_>> =
        values.flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let named = |name: &str| ranges.iter().position(|one| one.range.eq_ignore_ascii_case(name));
    let Some(place) = named(wanted) else { return false };
    let weight = ranges[place].weight;
    // Of several ranges that match, the most specific one counts.
    let of_json = [JSON, "application/*", "*/*"].into_iter().find_map(named);
    let json_weight = of_json.map_or(0.0, |place| ranges[place].weight);
    let is_named_first = named(JSON).is_none_or(|json| place < json);
    weight > json_weight || (weight > 0.0 && weight == json_weight && is_named_first)
}

impl<'a> MediaRange<'a> {
    /// `None` for a range whose weight is none.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let range = parts.next()?;
        let mut weight = 1.0;
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            if name.trim().eq_ignore_ascii_case("q") {
                weight = value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            }
        }
        Some(Self { range, weight })
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    const LINKED_DATA: &str = "application/ld+json";

    fn prefers_linked_data(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_static(line));
        }
        prefers(&headers, LINKED_DATA)
    }

    #[test]
    fn a_client_that_names_the_type_gets_it() {
        for line in [
            "application/ld+json",
            "Application/LD+JSON",
            "application/ld+json;profile=\"http://www.w3.org/ns/json-ld#compacted\"",
            "application/ld+json, application/json",
            "application/ld+json, */*",
            "application/json;q=0.5, application/ld+json",
            "text/html, application/ld+json;q=0.9, */*;q=0.1",
            "application/json;q=0, application/ld+json;q=0.1",
        ] {
            assert!(prefers_linked_data(&[line]), "{line}");
        }
        assert!(prefers_linked_data(&["text/html", "application/ld+json"]), "in a second line");
    }

    #[test]
    fn any_other_client_gets_json() {
        for line in [
            "*/*",
            "application/*",
            "application/json",
            "application/json, application/ld+json",
            "application/ld+json;q=0.5, application/json",
            "application/ld+json;q=0.5, */*",
            "application/ld+json;q=0",
            "application/ld+json;q=much",
            "text/html",
            "",
        ] {
            assert!(!prefers_linked_data(&[line]), "{line}");
        }
        assert!(!prefers_linked_data(&[]));
    }
}
