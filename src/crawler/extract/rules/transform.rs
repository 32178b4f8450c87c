//! What is done to a value that a rule found before it is read as that of its field.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::super::values;
use crate::base::text::truncate;
use crate::protocol::spider_rules::FieldTransform;

/// Characters of a text that is transformed, and bytes of a URL.
const MAX_TEXT: usize = 12_000;
const MAX_URL: usize = 2_000;
/// Whole numbers up to this are exact.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value after `transform`; `None` where nothing is left of it.
pub(super) fn transformed(value: &Value, transform: FieldTransform) -> Option<Value> {
    let text = plain_text(value)?;
    match transform {
        FieldTransform::Text => Some(Value::from(text)),
        FieldTransform::Lowercase => Some(Value::from(text.to_lowercase())),
        FieldTransform::Uppercase => Some(Value::from(text.to_uppercase())),
        FieldTransform::Digits => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| Value::from(digits))
        }
        FieldTransform::DecimalComma => with_number(&text, ','),
        FieldTransform::DecimalPoint => with_number(&text, '.'),
        FieldTransform::LastPathSegment => last_segment(&text).map(Value::from),
    }
}

/// The text that a value is or stands for, with single blanks.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        other => values::text(other, MAX_TEXT),
    }
}

/// The text with its first number written so that it is read in one way: a number where it is all of the text, and else
/// a text that keeps the currency and the unit beside it.
fn with_number(text: &str, decimal: char) -> Option<Value> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = number_end(rest);
    let whole = &rest[..end];
    // Behind the decimal sign are digits; anything else is a date, a list, or a number of the other form.
    let decimals = whole.split_once(decimal).map_or("", |(_, decimals)| decimals);
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let written: String = whole.chars().filter(|c| c.is_ascii_digit() || *c == decimal).collect();
    let number: f64 = written.replace(decimal, ".").parse().ok().filter(|number: &f64| number.is_finite())?;
    let (before, after) = (&text[..start], &rest[end..]);
    let is_negative = matches!(before.trim(), "-" | "−");
    if (before.trim().is_empty() || is_negative) && after.trim().is_empty() {
        let number = if is_negative { -number } else { number };
        let is_whole = number.fract() == 0.0 && number.abs() < MAX_EXACT;
        return Some(if is_whole { Value::from(number as i64) } else { Value::from(number) });
    }
    Some(Value::from(format!("{before}{}{after}", unambiguous(number))))
}

/// The end of the number that `text` begins with: digits, and separators of groups and of decimals between them.
fn number_end(text: &str) -> usize {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        let digits = || text[next..].bytes().take_while(u8::is_ascii_digit).count();
        let goes_on = match character {
            '0'..='9' => true,
            '.' | ',' => digits() > 0,
            '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => digits() == 3,
            _ => false,
        };
        if !goes_on {
            break;
        }
        end = next;
    }
    end
}

/// The number with a decimal point. Three decimals could be read as thousands, so that there is a fourth one.
fn unambiguous(number: f64) -> String {
    let written = number.to_string();
    let decimals = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals == 3 { format!("{written}0") } else { written }
}

/// The last segment of the path of an absolute or a relative URL, decoded.
fn last_segment(text: &str) -> Option<String> {
    let text = truncate(text.trim(), MAX_URL);
    let parsed = Url::parse(text).ok().filter(Url::has_host);
    let path = parsed.as_ref().map_or_else(|| text.split(['?', '#']).next().unwrap_or_default(), Url::path);
    let segment = path.rsplit('/').find(|segment| !segment.is_empty())?;
    Some(percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(value: &Value, transform: FieldTransform) -> Value {
        transformed(value, transform).unwrap_or_default()
    }

    #[test]
    fn texts_are_changed_as_a_whole() {
        assert_eq!(told(&json!("  Oak \n St "), FieldTransform::Text), json!("Oak St"));
        assert_eq!(told(&json!("FOR Sale"), FieldTransform::Lowercase), json!("for sale"));
        assert_eq!(told(&json!("eur"), FieldTransform::Uppercase), json!("EUR"));
        assert_eq!(told(&json!("Ref. A-12/34"), FieldTransform::Digits), json!("1234"));
        assert_eq!(told(&json!("none"), FieldTransform::Digits), json!(null));
        assert_eq!(told(&json!({"label": "Sold"}), FieldTransform::Text), json!("Sold"));
        assert_eq!(told(&json!(2.5), FieldTransform::Text), json!("2.5"));
        assert_eq!(told(&json!(null), FieldTransform::Text), json!(null));
    }

    #[test]
    fn a_number_is_read_by_its_decimal_sign() {
        use FieldTransform::{DecimalComma, DecimalPoint};

        for (text, comma, point) in [
            ("1.250", json!(1250), json!(1.25)),
            ("1.234,5", json!(1234.5), json!(null)),
            ("1 250 000", json!(1_250_000), json!(1_250_000)),
            ("1,250.75", json!(null), json!(1250.75)),
            ("-3,5", json!(-3.5), json!(-35)),
            ("€ 1.250 / Monat", json!("€ 1250 / Monat"), json!("€ 1.25 / Monat")),
            ("1,125 m²", json!("1.1250 m²"), json!("1125 m²")),
            ("3 4 rooms", json!("3 4 rooms"), json!("3 4 rooms")),
            ("on request", json!(null), json!(null)),
        ] {
            let read = |transform| match told(&json!(text), transform) {
                Value::Number(number) => json!(number.as_f64()),
                other => other,
            };
            let wanted = |value: &Value| value.as_f64().map_or_else(|| value.clone(), |number| json!(number));
            assert_eq!(read(DecimalComma), wanted(&comma), "{text}");
            assert_eq!(read(DecimalPoint), wanted(&point), "{text}");
        }
    }

    #[test]
    fn the_last_segment_of_a_path_is_taken() {
        let segment = |text: &str| told(&json!(text), FieldTransform::LastPathSegment);

        assert_eq!(segment("https://homes.example.com/sale/K-7/?a=/x#y"), json!("K-7"));
        assert_eq!(segment("/sale/caf%C3%A9"), json!("café"));
        assert_eq!(segment("K-7?page=2"), json!("K-7"));
        assert_eq!(segment("https://homes.example.com/"), json!(null));
    }
}
