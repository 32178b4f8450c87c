//! Counts of rooms: bedrooms, all rooms and bathrooms, from a phrase such as "3 bed, 2½ bath", "4 pièces", "3LDK",
//! "2 BHK" or from one value. Rooms are not bedrooms: "3 Zimmer" says nothing about bedrooms.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::area::fractions;
use super::fold::{PhraseMap, PhraseSet, fold, is_cjk, spaced, squeeze};
use super::number;
use super::room_words::{NOUNS, Noun};
use super::text::{elements, inner, short};

/// Numbers of a text that are looked at.
const MAX_NUMBERS: usize = 12;
/// Words behind a number in which its noun is looked for: "2 large double bedrooms".
const MAX_WORDS: usize = 3;

/// What a text says about rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RoomsText {
    /// A studio has 0.
    pub bedrooms: Option<i64>,
    /// All rooms but kitchen and bath, as the text counts them; halves are usual in Switzerland.
    pub rooms: Option<f64>,
    /// A half or partial bathroom counts 0.5.
    pub bathrooms: Option<f64>,
}

/// The counts that a text names.
pub fn rooms_text(text: &str) -> RoomsText {
    let text = fractions(&number::normalize(&short(text)));
    let mut found = layout(&text).unwrap_or_default();
    let (mut full, mut part) = (None, None);
    for (count, noun) in counted(&text) {
        let slot = match noun {
            Noun::Bedrooms => {
                let whole = (count.fract() == 0.0).then_some(count as i64);
                found.bedrooms = found.bedrooms.or(whole);
                continue;
            }
            Noun::Rooms => &mut found.rooms,
            Noun::Bathrooms => &mut found.bathrooms,
            Noun::FullBaths => &mut full,
            Noun::HalfBaths | Noun::ThreeQuarterBaths => {
                let size = if noun == Noun::HalfBaths { 0.5 } else { 0.75 };
                part = Some(part.unwrap_or(0.0) + count * size);
                continue;
            }
            Noun::Other => continue,
        };
        *slot = slot.or(Some(count));
    }
    if full.is_some() || part.is_some() {
        let whole = full.or(found.bathrooms).unwrap_or(0.0);
        found.bathrooms = Some(whole + part.unwrap_or(0.0));
    }
    let counts_none = found.bedrooms.is_none() && found.rooms.is_none_or(|rooms| rooms <= 1.0);
    if counts_none && STUDIO.is_in(&spaced(&text)) {
        found.bedrooms = Some(0);
    }
    found
}

/// The numbers of a text with the nouns that they count.
fn counted(text: &str) -> Vec<(f64, Noun)> {
    let text = &words_to_digits(text);
    let numbers = number::numbers(text, MAX_NUMBERS);
    let mut counted = Vec::new();
    for (index, one) in numbers.iter().enumerate() {
        let until = numbers.get(index + 1).map_or(text.len(), |next| next.start);
        let since = if index == 0 { 0 } else { numbers[index - 1].end };
        let (before, behind) = (&text[since..one.start], &text[one.end..until]);
        let is_range = before.trim() == "-" || behind.trim() == "-" || behind.trim() == "/";
        if is_range || before.ends_with('-') && !before.trim_end_matches('-').ends_with(char::is_alphabetic) {
            continue;
        }
        let noun = noun_behind(behind).or_else(|| noun_before(before, behind));
        if let Some(noun) = noun {
            counted.push((one.decimal, noun));
        }
    }
    counted
}

/// The noun in the first words behind a number, up to a comma, a slash or a bracket.
fn noun_behind(behind: &str) -> Option<Noun> {
    let clause = behind.trim_start_matches([' ', '\n', '+', 'x', '×', '.', '-']);
    let clause = clause.split([',', ';', '|', '/', '(', '·', '•', '&']).next().unwrap_or_default();
    let folded = fold(clause);
    let words: Vec<&str> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .collect();
    for start in 0..words.len() {
        let longest = (start + 1..=words.len()).rev().find_map(|end| noun(&words[start..end].concat()));
        if longest.is_some() {
            return longest;
        }
    }
    None
}

/// The noun in front of a number: "Bedrooms: 3", "Zimmer 4". Only where nothing else follows the number.
fn noun_before(before: &str, behind: &str) -> Option<Noun> {
    if behind.chars().any(char::is_alphabetic)
        && !behind.trim_start().starts_with([',', ';', '|', '\n', '·', '/'])
    {
        return None;
    }
    let clause = before.rsplit([',', ';', '|', '/', '(', '·', '•', '\n']).next().unwrap_or_default();
    let folded = fold(clause);
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let most = words.len().min(MAX_WORDS);
    (1..=most).rev().find_map(|count| noun(&words[words.len() - count..].concat()))
}

fn noun(squeezed: &str) -> Option<Noun> {
    let known = BY_WORD.get_squeezed(squeezed);
    known.or_else(|| {
        if !squeezed.starts_with(is_cjk) {
            return None;
        }
        // Scripts without blanks: the noun begins the run of letters.
        let starts = |table: &&(&str, Noun)| table.0.chars().all(is_cjk) && squeezed.starts_with(table.0);
        NOUNS.iter().find(starts).map(|(_, noun)| *noun)
    })
}

/// English numerals up to ten, as headings write them.
fn words_to_digits(text: &str) -> String {
    const NUMERALS: [&str; 10] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let numeral = |word: &str| NUMERALS.iter().position(|known| word.eq_ignore_ascii_case(known));
    let mut plain = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !c.is_alphabetic()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphabetic());
        match numeral(word) {
            Some(index) => {
                plain.push_str(&(index + 1).to_string());
                plain.push_str(&piece[word.len()..]);
            }
            None => plain.push_str(piece),
        }
    }
    plain
}

/// Layouts of one token: "3LDK" of Japan, "2 BHK" of India, "T3" of Portugal and France, "3+kk" of Czechia.
fn layout(text: &str) -> Option<RoomsText> {
    let part = |form: Option<&Regex>| -> Option<i64> { form?.captures(text)?.get(1)?.as_str().parse().ok() };
    if let Some(bedrooms) = part(JAPANESE.as_ref()).or_else(|| part(INDIAN.as_ref())) {
        return Some(RoomsText { bedrooms: Some(bedrooms), ..RoomsText::default() });
    }
    if let Some(rooms) = part(CZECH.as_ref()) {
        return Some(RoomsText { rooms: Some(rooms as f64), ..RoomsText::default() });
    }
    let count = part(TYPOLOGY.as_ref())?;
    // A T3 has three bedrooms in Portugal and three rooms in France, where there is no T0.
    if count == 0 || PORTUGUESE.is_in(&spaced(text)) {
        return Some(RoomsText { bedrooms: Some(count), ..RoomsText::default() });
    }
    Some(RoomsText { rooms: Some(count as f64), ..RoomsText::default() })
}

/// A count that is at least zero, possibly as text or in an object: "3", "2½", "3 bd", "studio".
pub fn count_value(value: &Value) -> Option<f64> {
    let count = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => count_text(text)?,
        Value::Array(values) => return elements(values).find_map(count_value),
        Value::Object(object) => return inner(object).and_then(count_value),
        Value::Null | Value::Bool(_) => return None,
    };
    (count.is_finite() && count >= 0.0).then_some(count)
}

/// The only number of a text. Of "3-4" neither is known to be right.
fn count_text(text: &str) -> Option<f64> {
    let text = fractions(&number::normalize(&short(text)));
    if squeeze(&text) == "studio" {
        return Some(0.0);
    }
    let text = words_to_digits(&text);
    let numbers = number::numbers(&text, 2);
    let first = numbers.first()?;
    let is_negative = text[..first.start].trim_start().ends_with('-');
    let is_range =
        numbers.get(1).is_some_and(|next| matches!(text[first.end..next.start].trim(), "-" | "~" | "to"));
    (!is_negative && !is_range).then_some(first.decimal)
}

/// A count without a fraction: half a bedroom is a misreading.
pub fn whole_value(value: &Value) -> Option<i64> {
    count_value(value).filter(|count| count.fract() == 0.0 && *count <= 1e15).map(|count| count as i64)
}

/// Bathrooms in a value that is told to be their number: "2½", "1¾", "1 Full / 1 Partial".
pub fn baths_value(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match rooms_text(text) {
            RoomsText { bathrooms: Some(bathrooms), .. } => Some(bathrooms),
            found if found == RoomsText::default() => count_value(value),
            _ => None,
        },
        Value::Array(values) => elements(values).find_map(baths_value),
        Value::Object(object) => inner(object).and_then(baths_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => count_value(value),
    }
}

static JAPANESE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9A-Za-z])(\d{1,2})(?:S?L?DK|S?LK|SK|S?K|R)(?:[^0-9A-Za-z]|$)").ok()
});
static INDIAN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:^|[^0-9a-z.])(\d{1,2})\s?-?(?:B\.?H\.?K|RK)\b").ok());
static CZECH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:^|[^0-9a-z])(\d{1,2})\s?\+\s?kk\b").ok());
static TYPOLOGY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^0-9A-Za-z])[TF]([0-9])(?:\+\d)?(?:[^0-9A-Za-z]|$)").ok());

static STUDIO: LazyLock<PhraseSet> = LazyLock::new(|| {
    PhraseSet::new(&[
        "studio",
        "studios",
        "monolocale",
        "kawalerka",
        "garsoniera",
        "kitnet",
        "bedsit",
        "ワンルーム",
        "원룸",
        "estudio",
    ])
});
static PORTUGUESE: LazyLock<PhraseSet> = LazyLock::new(|| {
    PhraseSet::new(&[
        "apartamento",
        "moradia",
        "quarto",
        "quartos",
        "venda",
        "arrendamento",
        "arrendar",
        "andar",
        "tipologia",
        "casa",
        "vivenda",
        "imóvel",
        "duplex t",
        "lisboa",
        "porto",
    ])
});
static BY_WORD: LazyLock<PhraseMap<Noun>> = LazyLock::new(|| PhraseMap::new(NOUNS));

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bedrooms(count: i64) -> RoomsText {
        RoomsText { bedrooms: Some(count), ..RoomsText::default() }
    }

    fn rooms(count: f64) -> RoomsText {
        RoomsText { rooms: Some(count), ..RoomsText::default() }
    }

    #[test]
    fn bedrooms_are_counted_in_many_languages() {
        for (text, count) in [
            ("3 bed", 3),
            ("3 bedroom house", 3),
            ("3-bedroom house", 3),
            ("Three bedroom house", 3),
            ("2 large double bedrooms", 2),
            ("4BR", 4),
            ("Bedrooms: 3", 3),
            ("3 chambres", 3),
            ("3 Schlafzimmer", 3),
            ("3 habitaciones", 3),
            ("3 dormitorios", 3),
            ("3 quartos", 3),
            ("3 camere da letto", 3),
            ("3 slaapkamers", 3),
            ("3 sypialnie", 3),
            ("3 sovrum", 3),
            ("寝室3", 3),
            ("Studio", 0),
            ("Studio apartment", 0),
            ("3LDK", 3),
            ("2SLDK", 2),
            ("1K", 1),
            ("1R", 1),
            ("2 BHK", 2),
            ("3BHK flat", 3),
            ("Apartamento T3", 3),
            ("T0", 0),
        ] {
            assert_eq!(rooms_text(text), bedrooms(count), "{text}");
        }
    }

    #[test]
    fn rooms_are_not_bedrooms() {
        for (text, count) in [
            ("4 pièces", 4.0),
            ("3 Zimmer", 3.0),
            ("4½ Zimmer", 4.5),
            ("3,5 Zimmer", 3.5),
            ("3-Zimmer-Wohnung", 3.0),
            ("Zimmer: 4", 4.0),
            ("3 pokoje", 3.0),
            ("5 rok", 5.0),
            ("4 vani", 4.0),
            ("4 locali", 4.0),
            ("3 camere", 3.0),
            ("Apartament cu 3 camere", 3.0),
            ("2 camere decomandate", 2.0),
            ("3 kamers", 3.0),
            ("4 rooms", 4.0),
            ("T4", 4.0),
            ("F3", 3.0),
            ("3+kk", 3.0),
            ("2 tuba", 2.0),
            ("3.5 חדרים", 3.5),
            ("2-комнатная квартира", 2.0),
        ] {
            assert_eq!(rooms_text(text), rooms(count), "{text}");
        }
    }

    #[test]
    fn bathrooms_have_halves_and_quarters() {
        for (text, count) in [
            ("1¾", 1.75),
            ("2½", 2.5),
            ("2 1/2", 2.5),
            ("2.5 baths", 2.5),
            ("1 Full / 1 Partial", 1.5),
            ("2 full, 1 half", 2.5),
            ("2 full baths, 1 half bath", 2.5),
            ("2 bathrooms", 2.0),
            ("2 salles de bains", 2.0),
            ("2 Bäder", 2.0),
            ("1 baño", 1.0),
            ("3", 3.0),
        ] {
            assert_eq!(baths_value(&json!(text)), Some(count), "{text}");
        }
        for value in [json!("-1"), json!(-1), json!("none"), json!("2-3"), json!(null)] {
            assert_eq!(baths_value(&value), None, "{value}");
        }
    }

    #[test]
    fn one_text_may_count_several_kinds() {
        let all = rooms_text("5 rooms, 3 bed, 2½ bath, 1,234 sq ft");

        assert_eq!(all, RoomsText { bedrooms: Some(3), rooms: Some(5.0), bathrooms: Some(2.5) });
        assert_eq!(
            rooms_text("3 bedroom house, 2 reception rooms"),
            RoomsText { bedrooms: Some(3), ..RoomsText::default() }
        );
    }

    #[test]
    fn what_counts_no_rooms_is_none() {
        for text in ["", "12 Oak St", "-1", "3-4 bed", "house", "120 m²", "2 cars", "1,234 sq ft"] {
            assert_eq!(rooms_text(text), RoomsText::default(), "{text}");
        }
    }

    #[test]
    fn counts_are_read_from_every_shape() {
        assert_eq!(count_value(&json!(2.5)), Some(2.5));
        assert_eq!(count_value(&json!("2 1/2")), Some(2.5));
        assert_eq!(count_value(&json!("½")), Some(0.5));
        assert_eq!(count_value(&json!("3.0E0")), Some(3.0));
        assert_eq!(count_value(&json!({"@type": "QuantitativeValue", "value": "4"})), Some(4.0));
        assert_eq!(count_value(&json!("many")), None);
        assert_eq!(whole_value(&json!("1987")), Some(1987));
        assert_eq!(whole_value(&json!(2.5)), None);
    }
}
