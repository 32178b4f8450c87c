//! Areas with their units: "1.250 m²", "1,234 sq ft", "1/4 acre", "m2 120", "2 rai". A unit that is not known gives no
//! area: the number would be read in another unit.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::area_units::{ACRES, FEET, HECTARES, METERS, NAMES, YARDS};
use super::fold::{PhraseMap, fold, spaced};
use super::number::{self, Number};
use super::text::{Object, elements, plain_elements, short};

/// Numbers of a text that are looked at.
const MAX_NUMBERS: usize = 12;
/// Words of the longest unit: "square feet gross" has the unit in its first two.
const MAX_UNIT_WORDS: usize = 3;

/// An area above zero and the unit that the text names, in RESO's words (`AreaUnits`) where it has one.
pub fn area_text(text: &str) -> Option<(f64, Option<&'static str>)> {
    let text = fractions(&number::normalize(&short(text)));
    if let Some(hectares) = land_register(&text) {
        return Some((above_zero(hectares)?, Some(HECTARES)));
    }
    let text = apart(&text);
    let mut numbers = number::numbers(&text, MAX_NUMBERS);
    // The 2 of "m2" is no number of its own.
    numbers.retain(|number| !text[..number.start].ends_with(char::is_alphabetic));
    for (index, number) in numbers.iter().enumerate() {
        let next = numbers.get(index + 1);
        if let Some(unit) = unit_behind(&text[number.end..]) {
            return Some((above_zero(value(&text, number, Some(unit))?)?, Some(unit)));
        }
        if next.is_some_and(|next| is_joined(&text[number.end..next.start])) {
            return None;
        }
    }
    let [only] = numbers.as_slice() else { return None };
    let (before, behind) = (&text[..only.start], &text[only.end..]);
    if let Some(unit) = unit_before(before) {
        return Some((above_zero(value(&text, only, Some(unit))?)?, Some(unit)));
    }
    let is_bare = !before.chars().chain(behind.chars()).any(char::is_alphanumeric);
    is_bare.then(|| above_zero(value(&text, only, None)?)).flatten().map(|area| (area, None))
}

/// An area from a number, text, or an object such as a QuantitativeValue.
pub fn area_value(value: &Value) -> Option<(f64, Option<&'static str>)> {
    match value {
        Value::Number(number) => Some((above_zero(number.as_f64()?)?, None)),
        Value::String(text) => area_text(text),
        Value::Array(values) => elements(values).find_map(area_value),
        Value::Object(object) => area_object(object),
        Value::Null | Value::Bool(_) => None,
    }
}

fn area_object(object: &Object) -> Option<(f64, Option<&'static str>)> {
    let units =
        ["unitCode", "unitText", "unit", "units", "unitOfMeasure", "unitOfMeasurement", "measure", "uom"];
    let mut stated = units.iter().filter_map(|key| object.get(*key)?.as_str());
    let unit = stated.clone().find_map(area_unit);
    // A unit that is stated and not known is another one than any that the key may name.
    if unit.is_none() && stated.any(|unit| !unit.trim().is_empty()) {
        return None;
    }
    let held = ["value", "amount", "size", "area", "@value", "minValue", "formatted", "displayValue", "name"];
    let (area, from_text) =
        match held.iter().find_map(|key| object.get(*key).filter(|value| !value.is_null()))? {
            Value::Object(_) => return None,
            Value::Array(values) => plain_elements(values).find_map(area_value)?,
            plain => area_value(plain)?,
        };
    Some((area, from_text.or(unit)))
}

/// The unit of an area as RESO spells it, from a UN/CEFACT code (Recommendation 20) or from words.
pub fn area_unit(text: &str) -> Option<&'static str> {
    unit_behind(crate::base::text::truncate(text.trim(), 100))
}

/// The hectares of an area as land registers write it: "1 ha 25 a 30 ca", "12 a 50 ca". A hectare has 100 ares, an are
/// 100 centiares.
fn land_register(text: &str) -> Option<f64> {
    let (mut hectares, mut parts, mut last, mut end) = (0.0, 0, f64::INFINITY, 0);
    for found in COUNT_AND_UNIT.as_ref()?.captures_iter(text) {
        let (Some(whole), Some(count), Some(unit)) = (found.get(0), found.get(1), found.get(2)) else {
            continue;
        };
        let size = match unit.as_str().to_ascii_lowercase().as_str() {
            "ha" => 1.0,
            "a" | "are" | "ares" => 0.01,
            "ca" | "centiare" | "centiares" => 0.000_1,
            _ => 0.0,
        };
        let is_next = parts > 0 && text[end..whole.start()].trim().is_empty();
        let count: f64 = count.as_str().parse().ok()?;
        if parts > 0 && (!is_next || size == 0.0) {
            break;
        }
        let is_fraction = text[..whole.start()].ends_with(['.', ',']);
        let is_part = size > 0.0 && size < last && !is_fraction && (size == 1.0 || count < 100.0);
        if !is_part {
            if parts > 0 {
                return None;
            }
            continue;
        }
        hectares += count * size;
        (parts, last, end) = (parts + 1, size, whole.end());
    }
    // 25 ares alone are written in their own unit, and "20 a" begins a range.
    let is_whole = parts > 1;
    is_whole.then(|| (hectares * 1e4).round() / 1e4)
}

static COUNT_AND_UNIT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(\d{1,6})\s?([A-Za-z]+)").ok());

fn above_zero(area: f64) -> Option<f64> {
    (area.is_finite() && area > 0.0).then_some(area)
}

/// A lone separator before three digits groups thousands where the other reading is no size of a home or a lot.
fn value(text: &str, number: &Number, unit: Option<&'static str>) -> Option<f64> {
    // Nothing has a negative area.
    if text[..number.start].ends_with('-')
        && !text[..number.start - 1].ends_with(|c: char| c.is_alphanumeric())
    {
        return None;
    }
    let grouped = match (unit, number.lone) {
        (_, None) => return Some(number.grouped),
        // A machine wrote it: without a unit the point is the decimal sign, and the comma groups.
        (None, Some(separator)) => separator == ',',
        (Some(METERS | YARDS), _) => true,
        (Some(FEET), Some(separator)) => separator == ',' || number.decimal < 10.0,
        (Some(ACRES), Some(separator)) => separator == ',',
        (Some(_), _) => false,
    };
    Some(if grouped { number.grouped } else { number.decimal })
}

/// The text with a colon between a unit that ends in a digit and the number behind it: in "m2 120" the blank groups no
/// thousands.
fn apart(text: &str) -> Cow<'_, str> {
    UNIT_AND_NUMBER.as_ref().map_or(Cow::Borrowed(text), |unit| unit.replace_all(text, "$1: $2"))
}

static UNIT_AND_NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b((?:k?m|ft|yd)2)\s+(\d)").ok());

/// Whether the text between two numbers makes one measure of them: "10 x 12", "100 - 120".
fn is_joined(between: &str) -> bool {
    let between = between.trim();
    matches!(
        between,
        "-" | "~" | "x" | "X" | "×" | "*" | "to" | "bis" | "a" | "à" | "hasta" | "do" | "tot" | "till"
    )
}

/// Replaces fractions by decimals: "1 ½" and "1 1/2" become "1.5", "1/4" becomes "0.25".
pub(super) fn fractions(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, fraction, length)) = next_fraction(rest) {
        let before = &rest[..at];
        let whole = before.trim_end_matches(' ');
        let digits = whole.len() - whole.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let number: f64 = whole[whole.len() - digits..].parse().unwrap_or(0.0);
        let kept = if digits == 0 { before } else { &whole[..whole.len() - digits] };
        plain.push_str(kept);
        plain.push_str(&(number + fraction).to_string());
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    plain
}

/// The next fraction: its start, its value and its length in bytes.
fn next_fraction(text: &str) -> Option<(usize, f64, usize)> {
    text.char_indices().find_map(|(at, c)| {
        let sign = FRACTIONS.iter().find(|(sign, _)| *sign == c).map(|(_, value)| (at, *value, c.len_utf8()));
        sign.or_else(|| written_fraction(text, at).map(|(value, length)| (at, value, length)))
    })
}

/// A fraction of two short numbers that starts at `at`: "3/4".
fn written_fraction(text: &str, at: usize) -> Option<(f64, usize)> {
    let bytes = &text.as_bytes()[at..];
    let [above @ b'1'..=b'9', b'/', below @ b'2'..=b'9', rest @ ..] = bytes else { return None };
    let before = text[..at].chars().next_back();
    let is_apart = !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | ',' | '/'));
    let ends = !rest.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'/');
    (is_apart && ends && above < below).then(|| (f64::from(above - b'0') / f64::from(below - b'0'), 3))
}

const FRACTIONS: &[(char, f64)] = &[
    ('½', 0.5),
    ('¼', 0.25),
    ('¾', 0.75),
    ('⅓', 1.0 / 3.0),
    ('⅔', 2.0 / 3.0),
    ('⅛', 0.125),
    ('⅜', 0.375),
    ('⅝', 0.625),
    ('⅞', 0.875),
    ('⅕', 0.2),
];

/// The unit in the first words of a text.
fn unit_behind(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches([' ', '\n', '.', ':', '+', '~', '(']);
    // "10 m, 2 rooms" is not 10 m².
    let text = text.split([',', ';', '/', '(', ')', '|', '\n']).next().unwrap_or_default();
    let folded = fold(crate::base::text::truncate(text, 60));
    if !folded.starts_with(char::is_alphanumeric) {
        return None;
    }
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let most = words.len().min(MAX_UNIT_WORDS);
    (1..=most).rev().find_map(|count| UNITS.get_squeezed(&words[..count].concat()))
}

/// Whether a folded word is a unit of area or begins one: "m2", "sqft", "square".
pub(super) fn is_unit_word(folded: &str) -> bool {
    matches!(folded, "sq" | "square" | "кв" | "metre") || UNITS.get_squeezed(folded).is_some()
}

/// The unit in the last words of a text: "m2 120", "METRES_SQUARED 151", "sqm: 90".
fn unit_before(text: &str) -> Option<&'static str> {
    let spaced = spaced(text);
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    let most = words.len().min(MAX_UNIT_WORDS);
    (1..=most).rev().find_map(|count| UNITS.get_squeezed(&words[words.len() - count..].concat()))
}

static UNITS: LazyLock<PhraseMap<&'static str>> = LazyLock::new(|| PhraseMap::new(NAMES));

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn areas_bring_their_unit() {
        for (text, area, unit) in [
            ("1,234 sq ft", 1_234.0, "Square Feet"),
            ("1234 sq. ft.", 1_234.0, "Square Feet"),
            ("1.234 m²", 1_234.0, "Square Meters"),
            ("1.250 m²", 1_250.0, "Square Meters"),
            ("85,5 m²", 85.5, "Square Meters"),
            ("120 sqm", 120.0, "Square Meters"),
            ("120 Quadratmeter", 120.0, "Square Meters"),
            ("120 ㎡", 120.0, "Square Meters"),
            ("120㎡", 120.0, "Square Meters"),
            ("120m2", 120.0, "Square Meters"),
            ("120 qm", 120.0, "Square Meters"),
            ("120 кв.м", 120.0, "Square Meters"),
            ("120 кв. м", 120.0, "Square Meters"),
            ("ca. 120 m²", 120.0, "Square Meters"),
            ("Wohnfläche: 120 m²", 120.0, "Square Meters"),
            ("3 rooms, 120 m²", 120.0, "Square Meters"),
            ("115 m² / 1,238 sq ft", 115.0, "Square Meters"),
            ("m2 120", 120.0, "Square Meters"),
            ("METRES_SQUARED 151", 151.0, "Square Meters"),
            ("1 250 kvm", 1_250.0, "Square Meters"),
            ("1'250 m2", 1_250.0, "Square Meters"),
            ("0.345 acres", 0.345, "Acres"),
            ("0.5 acres", 0.5, "Acres"),
            (".25 Acres", 0.25, "Acres"),
            ("1/4 acre", 0.25, "Acres"),
            ("1 ½ acres", 1.5, "Acres"),
            ("1½ acres", 1.5, "Acres"),
            ("2 1/2 ac", 2.5, "Acres"),
            ("¾ acre", 0.75, "Acres"),
            ("1,200 acres", 1_200.0, "Acres"),
            ("1.5 ha", 1.5, "Hectares"),
            ("1,234 ha", 1.234, "Hectares"),
            ("1 ha 25 a 30 ca", 1.253, "Hectares"),
            ("1ha 25a 30ca", 1.253, "Hectares"),
            ("1ha25a30ca", 1.253, "Hectares"),
            ("Terrain : 2 ha 5 a", 2.05, "Hectares"),
            ("12 a 50 ca", 0.125, "Hectares"),
            ("1 ha (2.47 acres)", 1.0, "Hectares"),
            ("1.25E2 m²", 125.0, "Square Meters"),
            ("200 sq yd", 200.0, "Square Yards"),
            ("200 gaj", 200.0, "Square Yards"),
            ("2 rai", 2.0, "Rai"),
            ("1 dunam", 1.0, "Dunam"),
            ("10 Marla", 10.0, "Marla"),
            ("1 Kanal", 1.0, "Kanal"),
            ("32坪", 32.0, "Tsubo"),
            ("34평", 34.0, "Pyeong"),
            ("1,200 sf", 1_200.0, "Square Feet"),
            ("850 ft²", 850.0, "Square Feet"),
        ] {
            assert_eq!(area_text(text), Some((area, Some(unit))), "{text}");
        }
    }

    #[test]
    fn a_bare_number_has_no_unit() {
        assert_eq!(area_text("1200"), Some((1_200.0, None)));
        assert_eq!(area_text("1,234"), Some((1_234.0, None)));
        assert_eq!(area_text("120.500"), Some((120.5, None)));
        assert_eq!(area_value(&json!(1200)), Some((1_200.0, None)));
    }

    #[test]
    fn what_is_no_area_is_none() {
        for text in [
            "n/a",
            "",
            "0 m²",
            "-4 m²",
            "5 smoots",
            "12 x 15 m",
            "100 - 120 m²",
            "10m",
            "3 rooms",
            "3 bed, 2 bath",
        ] {
            assert_eq!(area_text(text), None, "{text}");
        }
        assert_eq!(area_value(&json!(-4)), None);
        assert_eq!(area_value(&json!({"value": 5, "unitCode": "KGM"})), None);
    }

    #[test]
    fn units_are_read_from_codes_and_words() {
        for (text, unit) in [
            ("FTK", "Square Feet"),
            ("square_feet", "Square Feet"),
            ("squareFeet", "Square Feet"),
            ("MTK", "Square Meters"),
            ("M2", "Square Meters"),
            ("SQM", "Square Meters"),
            ("SQUARE_METERS", "Square Meters"),
            ("METRES_SQUARED", "Square Meters"),
            ("YDK", "Square Yards"),
            ("ACR", "Acres"),
            ("HAR", "Hectares"),
            ("sq ft living area", "Square Feet"),
        ] {
            assert_eq!(area_unit(text), Some(unit), "{text}");
        }
        for text in ["", "KGM", "m", "rooms", "accommodation", "harbour"] {
            assert_eq!(area_unit(text), None, "{text}");
        }
    }

    #[test]
    fn areas_are_read_from_quantitative_values() {
        for (value, area) in [
            (
                json!({"@type": "QuantitativeValue", "value": "1,234", "unitCode": "FTK"}),
                (1_234.0, Some(FEET)),
            ),
            (json!({"size": 90, "unit": "m²"}), (90.0, Some(METERS))),
            (json!({"unit": "METRES_SQUARED", "value": "120"}), (120.0, Some(METERS))),
            (json!({"value": "120.500", "unitCode": "MTK"}), (120.5, Some(METERS))),
            (json!({"value": 120}), (120.0, None)),
            (json!([{"value": 120, "unitText": "sqm"}]), (120.0, Some(METERS))),
        ] {
            assert_eq!(area_value(&value), Some(area), "{value}");
        }
    }
}
