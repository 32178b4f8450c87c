//! Coordinates as pages write them: decimals with point or comma, degrees with minutes and seconds, pairs in a text,
//! links to maps, GeoJSON. A pair that is out of range, or zero on both axes, is none.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::entities;
use super::text::Object;

/// Bytes of the longest text: a link to a map.
const MAX_TEXT: usize = 4_000;
/// Objects inside of objects that are looked at: `{location: {coordinates: {lat, lng}}}`.
const MAX_DEPTH: usize = 2;

/// Two whole numbers are a house number or a decimal comma as often as a place.
const NUMBER: &str = r"[+-]?\d{1,3}\.\d+(?:[eE][+-]?\d{1,2})?";

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static DECIMAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"^([NSEW])?\s*([+-]?\d{1,3}(?:[.,]\d+)?(?:E[+-]?\d{1,2})?)\s*[°º]?\s*([NSEW])?$")
});

static SEXAGESIMAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let minutes = r#"(\d{1,2}(?:[.,]\d+)?)\s*['′’`]?\s*"#;
    let seconds = r#"(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:["″”]|''|′′|’’)?\s*)?"#;
    regex(&format!(r"^([NSEW])?\s*([+-]?\d{{1,3}})\s*[°º]\s*{minutes}{seconds}([NSEW])?$"))
});

/// Two numbers: with points and any separator, or with commas and a separator that is none.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(&format!(r"^[(\[]?\s*({NUMBER})°?\s*[,;|/ ]\s*({NUMBER})°?\s*[)\]]?$")));
static COMMA_PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"^([+-]?\d{1,3},\d+)\s*(?:[;|/]|,\s|\s)\s*([+-]?\d{1,3},\d+)$"));
static WELL_KNOWN_TEXT: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(&format!(r"(?i)^(?:SRID=4326;)?\s*POINT\s*\(\s*({NUMBER})\s+({NUMBER})\s*\)$")));

/// The forms of links, the most exact one first: the place, a query, the centre of the map, its path.
static LINKS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let pair = format!(r"(?:[a-z]+:)?({NUMBER})(?:,|;|\||\s|\+)+({NUMBER})(?:[^\d.]|$)");
    let forms = [
        format!(r"!3d({NUMBER})!4d({NUMBER})"),
        format!(
            r"[?&#;](?:q|query|destination|daddr|markers?|pin|pp|loc|coordinates|latlng|latlon)=(?:[^&]*\|)?{pair}"
        ),
        format!(r"[?&#;](?:ll|cbll|center|cp|c|sll|near|map)={pair}"),
        format!(r"[?&#]m?lat(?:itude)?=({NUMBER})&(?:[^#]*&)?m?(?:lon|lng|long|longitude)=({NUMBER})"),
        format!(r"/(?:@|place/|dir//|search/){pair}"),
        format!(r"#map=\d+(?:\.\d+)?/({NUMBER})/({NUMBER})"),
        format!(r"^geo:{pair}"),
    ];
    forms.iter().filter_map(|form| regex(form)).collect()
});

/// A degree of latitude (`most` 90) or longitude (`most` 180).
pub fn degrees(value: &Value, most: f64) -> Option<f64> {
    let degrees = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => degrees_text(text, most)?,
        Value::Object(object) => {
            let held = object.get("value").or_else(|| object.get("@value"))?;
            return if held.is_object() { None } else { degrees(held, most) };
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => return None,
    };
    (degrees.is_finite() && degrees.abs() <= most).then_some(degrees)
}

fn degrees_text(text: &str, most: f64) -> Option<f64> {
    let decoded = entities::decode(crate::base::text::truncate(text, 100));
    let text = decoded.trim().replace('\u{2212}', "-").to_uppercase();
    let decimal = DECIMAL.as_ref()?.captures(&text).map(|found| {
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str()).to_owned();
        (part(2), String::new(), String::new(), part(1) + &part(3))
    });
    let found = decimal.or_else(|| {
        let found = SEXAGESIMAL.as_ref()?.captures(&text)?;
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str()).to_owned();
        Some((part(2), part(3), part(4), part(1) + &part(5)))
    });
    let (degrees, minutes, seconds, side) = found?;
    let read = |text: &str| if text.is_empty() { Some(0.0) } else { decimal_comma(text) };
    let (whole, minutes, seconds) = (read(&degrees)?, read(&minutes)?, read(&seconds)?);
    if minutes >= 60.0 || seconds >= 60.0 {
        return None;
    }
    // Added as seconds, which are whole as a rule: 52.52 and not 52.519999999999996. A decimal stays as it is written.
    let size = if minutes == 0.0 && seconds == 0.0 {
        whole.abs()
    } else {
        (whole.abs() * 3_600.0 + minutes * 60.0 + seconds) / 3_600.0
    };
    let negative = degrees.starts_with('-');
    match (side.as_str(), most > 90.0) {
        ("", _) => Some(if negative { -size } else { size }),
        ("N", false) | ("E", true) if !negative => Some(size),
        ("S", false) | ("W", true) if !negative => Some(-size),
        _ => None,
    }
}

fn decimal_comma(text: &str) -> Option<f64> {
    text.replace(',', ".").parse().ok()
}

/// A latitude and a longitude together: "52.5,13.4", a link to a map, `{lat, lng}`, a GeoJSON Point (RFC 7946).
pub fn lat_lon(value: &Value) -> Option<(f64, f64)> {
    lat_lon_at(value, 0)
}

fn lat_lon_at(value: &Value, depth: usize) -> Option<(f64, f64)> {
    match value {
        Value::String(text) => lat_lon_text(text),
        Value::Object(object) => lat_lon_object(object, depth),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn lat_lon_object(object: &Object, depth: usize) -> Option<(f64, f64)> {
    let get = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key));
    let latitude =
        get(&["latitude", "lat", "_lat", "Latitude", "Lat"]).and_then(|value| degrees(value, 90.0));
    let longitude = get(&["longitude", "lng", "lon", "long", "_long", "Longitude", "Lng", "Lon"]);
    let longitude = longitude.and_then(|value| degrees(value, 180.0));
    if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        return place(latitude, longitude);
    }
    let is_point = get(&["type", "@type"]).and_then(Value::as_str).is_some_and(|word| word == "Point");
    if let (true, Some(Value::Array(position))) = (is_point, object.get("coordinates")) {
        let [longitude, latitude, ..] = position.as_slice() else { return None };
        return place(degrees(latitude, 90.0)?, degrees(longitude, 180.0)?);
    }
    if depth >= MAX_DEPTH {
        return None;
    }
    let inner =
        ["geo", "coordinates", "coordinate", "coords", "location", "position", "point", "latLng", "center"];
    inner.iter().find_map(|key| lat_lon_at(object.get(*key)?, depth + 1))
}

fn lat_lon_text(text: &str) -> Option<(f64, f64)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let decoded = entities::decode(text.trim());
    let text = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().replace('\u{2212}', "-");
    let plain = pair(PAIR.as_ref(), &text).or_else(|| pair(COMMA_PAIR.as_ref(), &text));
    if let Some((latitude, longitude)) = plain {
        return place(latitude, longitude);
    }
    if let Some((longitude, latitude)) = pair(WELL_KNOWN_TEXT.as_ref(), &text) {
        return place(latitude, longitude);
    }
    match LINKS.iter().find_map(|form| pair(Some(form), &text)) {
        Some((latitude, longitude)) => place(latitude, longitude),
        None => sexagesimal_pair(&text),
    }
}

/// The two numbers that a form finds in a text.
fn pair(form: Option<&Regex>, text: &str) -> Option<(f64, f64)> {
    let found = form?.captures(text)?;
    Some((decimal_comma(found.get(1)?.as_str())?, decimal_comma(found.get(2)?.as_str())?))
}

/// "52°31'12"N 13°24'0"E"
fn sexagesimal_pair(text: &str) -> Option<(f64, f64)> {
    let at = text.find(['N', 'S', 'n', 's']).filter(|at| *at > 0)?;
    let (latitude, longitude) = text.split_at(at + 1);
    let longitude = longitude.trim_start_matches([' ', ',', ';', '/']);
    if !longitude.ends_with(['E', 'W', 'e', 'w']) {
        return None;
    }
    place(degrees_text(latitude, 90.0)?, degrees_text(longitude, 180.0)?)
}

/// Zero degrees on both axes is a missing value that went through a number.
fn place(latitude: f64, longitude: f64) -> Option<(f64, f64)> {
    let is_inside = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    (is_inside && (latitude, longitude) != (0.0, 0.0)).then_some((latitude, longitude))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn degrees_are_read_in_all_their_forms() {
        for (value, most, expected) in [
            (json!(52.5), 90.0, 52.5),
            (json!("52.5"), 90.0, 52.5),
            (json!("41.6524"), 90.0, 41.6524),
            (json!("5.25E1"), 90.0, 52.5),
            (json!("-8.3e+01"), 180.0, -83.0),
            (json!("-83.5381"), 180.0, -83.5381),
            (json!("52,5"), 90.0, 52.5),
            (json!(" -81,379 "), 180.0, -81.379),
            (json!("−13.4"), 180.0, -13.4),
            (json!("13.4° W"), 180.0, -13.4),
            (json!("N 52.5"), 90.0, 52.5),
            (json!("52°31'12\"N"), 90.0, 52.52),
            (json!("13°24'0\"E"), 180.0, 13.4),
            (json!("52° 31′ 12″ S"), 90.0, -52.52),
            (json!("52°31.2'"), 90.0, 52.52),
            (json!("52&deg;31&#39;12&quot;N"), 90.0, 52.52),
            (json!({"value": 52.5}), 90.0, 52.5),
        ] {
            let read = degrees(&value, most);
            assert!(read.is_some_and(|read| (read - expected).abs() < 1e-9), "{value}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_degree_is_none() {
        for (value, most) in [
            (json!(91), 90.0),
            (json!("190"), 180.0),
            (json!("52°31'12\"E"), 90.0),
            (json!("52°61'12\"N"), 90.0),
            (json!("Berlin"), 90.0),
            (json!(""), 90.0),
            (json!("1.234.567"), 90.0),
            (json!(null), 90.0),
            (json!([52.5]), 90.0),
        ] {
            assert_eq!(degrees(&value, most), None, "{value}");
        }
    }

    #[test]
    fn pairs_are_read_from_texts_links_and_objects() {
        for value in [
            json!("52.5,13.4"),
            json!("5.25E1,1.34E1"),
            json!("52.5, 13.4"),
            json!("52.5;13.4"),
            json!("(52.5, 13.4)"),
            json!("52,5; 13,4"),
            json!("52,5 13,4"),
            json!("52°30'0\"N 13°24'0\"E"),
            json!("POINT(13.4 52.5)"),
            json!("geo:52.5,13.4"),
            json!("https://maps.google.com/?q=52.5,13.4"),
            json!("https://maps.google.com/maps?hl=de&amp;q=loc:52.5,13.4&z=15"),
            json!("https://maps.google.com/maps?q=52.5%2C13.4"),
            json!("https://maps.google.com/maps?ll=52.5,13.4&z=15"),
            json!("https://www.google.com/maps/dir/?api=1&destination=52.5,13.4"),
            json!("https://www.google.com/maps/search/?api=1&query=52.5,13.4"),
            json!("https://maps.googleapis.com/maps/api/staticmap?center=52.5,13.4&size=1x1"),
            json!("https://maps.googleapis.com/maps/api/staticmap?markers=color:red|52.5,13.4"),
            json!("https://www.google.com/maps/@52.5,13.4,15z"),
            json!("https://www.google.com/maps/place/X/@52.4,13.3,17z/data=!3m1!3d52.5!4d13.4"),
            json!("https://www.openstreetmap.org/?mlat=52.5&mlon=13.4#map=15/52.1/13.1"),
            json!("https://www.openstreetmap.org/#map=15/52.5/13.4"),
            json!({"lat": "52.5", "lng": 13.4}),
            json!({"latitude": "52,5", "longitude": "13,4"}),
            json!({"location": {"coordinates": {"lat": 52.5, "lon": 13.4}}}),
            json!({"type": "Point", "coordinates": [13.4, 52.5]}),
            json!({"geo": {"type": "Point", "coordinates": [13.4, 52.5]}}),
        ] {
            assert_eq!(lat_lon(&value), Some((52.5, 13.4)), "{value}");
        }
    }

    #[test]
    fn impossible_and_ambiguous_pairs_are_none() {
        for value in [
            json!("0,0"),
            json!({"lat": 0, "lng": 0}),
            json!({"lat": null, "lng": 13.4}),
            json!({"lat": 99, "lng": 13.4}),
            json!("95.1,13.4"),
            json!("https://maps.google.com/?q=Oak+Street+12"),
            json!("12 Oak St"),
            json!([52.5, 13.4]),
            json!({"coordinates": [52.5, 13.4]}),
            json!(52.5),
        ] {
            assert_eq!(lat_lon(&value), None, "{value}");
        }
    }
}
