//! Takes an address that is written in one text apart, where a postal code beside a name makes the parts certain:
//! "12 Oak St, Toledo, OH 43604", "26127 Oldenburg", "Oak Road, Leeds, LS1 4DY". A text without such a code is left as it is.

use std::sync::LazyLock;

use regex::Regex;

use super::address_words::{
    AUSTRALIAN_STATES, BUNDESLANDER, CANADIAN_PROVINCES, FIVE_DIGITS, FOUR_DIGITS, OTHER_STREET_ENDS,
    STREET_BEGINS, STREET_ENDS, STREET_SUFFIXES, UK_COUNTIES, US_STATES,
};
use super::country::country_code;
use super::fold::fold;
use crate::base::text::truncate;

/// Bytes of an address, and parts between its commas.
const MAX_TEXT: usize = 300;
const MAX_PARTS: usize = 8;
/// Characters of the name of a place.
const MAX_NAME: usize = 40;

/// The parts that are certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressText {
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
}

/// The parts of `text`, if it holds a postal code. `country` is the one that is stated beside it, as ISO 3166-1 alpha-2.
pub fn address_text(text: &str, country: Option<&str>) -> Option<AddressText> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > MAX_TEXT {
        return None;
    }
    if let Some(parts) = japanese(&text) {
        return Some(parts);
    }
    let mut parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > MAX_PARTS {
        return None;
    }
    let mut country = country;
    if parts.len() > 1
        && let Some(stated) =
            parts.last().copied().filter(|part| !part.contains(is_digit)).and_then(country_code)
    {
        country = country.or(Some(stated));
        parts.pop();
    }
    after_state(&parts).or_else(|| british(&parts, country)).or_else(|| before_name(&parts, country))
}

fn is_digit(one: char) -> bool {
    one.is_ascii_digit()
}

/// "Toledo, OH 43604", "Greystanes NSW 2145", "Toronto, ON M5V 2T6": the state tells which code is one.
fn after_state(parts: &[&str]) -> Option<AddressText> {
    let (last, before) = parts.split_last()?;
    // "Toledo, OH, 43604"
    let joined = match before.split_last() {
        Some((state, _)) if is_state(state) => Some(format!("{state} {last}")),
        _ => None,
    };
    let (line, before) = match &joined {
        Some(line) => (line.as_str(), before.get(..before.len() - 1)?),
        None => (*last, before),
    };
    let found = STATE_AND_CODE.as_ref()?.captures(line)?;
    let (name, state, code) = (
        found.name("name").map(|name| name.as_str()),
        found.name("state")?.as_str(),
        found.name("code")?.as_str(),
    );
    if !is_code_of(state, code) {
        return None;
    }
    // Without a comma nothing tells where the street ends.
    let (city, streets) = match (name, before.split_last()) {
        (None, Some((city, streets))) => (Some(*city), streets),
        (Some(name), Some(_)) => (Some(name), before),
        (_, None) => (None, before),
    };
    Some(AddressText {
        street: street_of(streets),
        city: city.and_then(place),
        state: Some(state.to_owned()),
        postal_code: Some(code.to_owned()),
    })
}

fn is_state(text: &str) -> bool {
    [US_STATES, AUSTRALIAN_STATES, CANADIAN_PROVINCES].iter().any(|states| states.contains(&text))
}

fn is_code_of(state: &str, code: &str) -> bool {
    let bytes = code.as_bytes();
    if bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return CANADIAN_PROVINCES.contains(&state);
    }
    match bytes.len() {
        4 => AUSTRALIAN_STATES.contains(&state),
        _ => US_STATES.contains(&state),
    }
}

/// "Leeds, LS1 4DY", "Bracknell, Berkshire RG12", "Oak Street London SE17". Half a code looks like the name of a room, so
/// that the country or the county has to tell what it is.
fn british(parts: &[&str], country: Option<&str>) -> Option<AddressText> {
    let (last, before) = parts.split_last()?;
    let found = BRITISH.as_ref()?.captures(last)?;
    let name = found.name("name").map(|name| name.as_str()).filter(|name| !name.is_empty());
    let (outward, inward) = (found.name("outward")?.as_str(), found.name("inward").map(|part| part.as_str()));
    let (name, mut before) = match (name, before.split_last()) {
        (Some(name), _) => (name, before),
        (None, Some((name, streets))) => (*name, streets),
        (None, None) => return None,
    };
    let is_county = |name: &str| UK_COUNTIES.contains(&fold(name).as_str());
    let is_certain = inward.is_some() || country == Some("GB") || is_county(name);
    if !is_certain || country.is_some_and(|country| country != "GB") {
        return None;
    }
    let postal_code = inward.map_or_else(|| outward.to_owned(), |inward| format!("{outward} {inward}"));
    let (mut city, mut street) = (Some(name), None);
    if is_county(name) {
        (city, before) = match before.split_last() {
            Some((city, streets)) => (Some(*city), streets),
            None => (None, before),
        };
    } else if before.is_empty() {
        // "Oak Street London SE17": one word behind the word of a street.
        (street, city) = match name.rsplit_once(' ') {
            Some((street, city)) if is_street(street) => (Some(street.to_owned()), Some(city)),
            Some(_) => (None, None),
            None => (None, city),
        };
    }
    Some(AddressText {
        street: street.or_else(|| street_of(before)),
        city: city.and_then(place),
        state: None,
        postal_code: Some(postal_code),
    })
}

/// "75011 Paris", "D-26127 Oldenburg", "1011 AB Amsterdam", "00-001 Warszawa", "1050-120 Lisboa": the code comes first.
fn before_name(parts: &[&str], country: Option<&str>) -> Option<AddressText> {
    for (at, part) in parts.iter().enumerate().rev() {
        let Some(found) = CODE_FIRST.as_ref()?.captures(part) else { continue };
        let (code, name) = (found.name("code")?.as_str(), found.name("name")?.as_str());
        let digits = code.len() == code.bytes().filter(u8::is_ascii_digit).count();
        // "1250 NE Broadway" begins like "1250 NE Amsterdam".
        let is_direction = |letters: &str| matches!(letters, "NE" | "NW" | "SE" | "SW");
        if is_direction(code.trim_start_matches(is_digit).trim_start()) && country != Some("NL") {
            continue;
        }
        // Digits alone may be the number of a house.
        let is_code = match (digits, code.len()) {
            (true, 5) => country.map_or(at > 0, |country| FIVE_DIGITS.contains(&country)),
            (true, _) => country.is_some_and(|country| FOUR_DIGITS.contains(&country)),
            (false, _) => true,
        };
        if !is_code || is_street(name) {
            continue;
        }
        let (state, city) = region_and_city(name)?;
        return Some(AddressText {
            street: street_of(parts.get(..at)?),
            city: place(city),
            state: state.map(str::to_owned),
            postal_code: Some(code.to_owned()),
        });
    }
    None
}

/// "Niedersachsen - Oldenburg" names the state first. Of two other names nothing tells which is the city.
fn region_and_city(name: &str) -> Option<(Option<&str>, &str)> {
    let Some((region, city)) = name.split_once(" - ") else { return Some((None, name)) };
    BUNDESLANDER.contains(&fold(region.trim()).as_str()).then(|| (Some(region.trim()), city.trim()))
}

/// "東京都 足立区 栗原２丁目": the prefecture, the municipality, the rest.
fn japanese(text: &str) -> Option<AddressText> {
    let found = JAPANESE.as_ref()?.captures(text)?;
    let mut city = found.name("city")?.as_str().to_owned();
    let mut rest = found.name("rest")?.as_str();
    // "四日市市": the name itself ends like a municipality.
    if let Some(behind) = rest.strip_prefix('市') {
        city.push('市');
        rest = behind;
    }
    // A town of a district whose own name ends so: where it ends is not certain.
    if city.contains('郡') && city.ends_with('市') {
        return None;
    }
    let street = rest.split_whitespace().next().filter(|street| !street.is_empty());
    Some(AddressText {
        street: street.map(str::to_owned),
        city: Some(city),
        state: Some(found.name("state")?.as_str().to_owned()),
        postal_code: found.name("code").map(|code| code.as_str().to_owned()),
    })
}

/// The name of a place, if it may be one.
fn place(name: &str) -> Option<String> {
    let is_name = name.chars().count() <= MAX_NAME
        && name.contains(char::is_alphabetic)
        && !name.contains(|one: char| is_digit(one) || matches!(one, '(' | '|' | ':' | '/'))
        && !is_street(name);
    is_name.then(|| name.to_owned())
}

/// The only part in front of the city, if it is a street.
fn street_of(parts: &[&str]) -> Option<String> {
    let [street] = parts else { return None };
    is_street(street).then(|| (*street).to_owned())
}

/// Whether a text has the word of a street at its end or at its beginning, beside numbers: "12 Oak St", "rue de la Paix".
pub fn is_street(text: &str) -> bool {
    let folded = fold(truncate(text, MAX_TEXT));
    let words: Vec<&str> =
        folded.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut names = words.iter().copied().filter(|word| !word.starts_with(is_digit));
    let (Some(first), last) = (names.next(), names.next_back()) else { return false };
    let last = last.unwrap_or(first);
    // "12 St Johns Rd NW"
    let ends = words.iter().rev().find(|word| !word.starts_with(is_digit) && !is_direction(word));
    let is_pair = words.len() >= 2;
    let has_suffix = STREET_SUFFIXES.iter().any(|suffix| last.len() > suffix.len() && last.ends_with(suffix));
    let is_end = |word: &&str| STREET_ENDS.contains(word) || OTHER_STREET_ENDS.contains(word);
    has_suffix || is_pair && (STREET_BEGINS.contains(&first) || ends.is_some_and(is_end))
}

fn is_direction(word: &str) -> bool {
    matches!(word, "n" | "s" | "e" | "w" | "ne" | "nw" | "se" | "sw")
}

static STATE_AND_CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let code = r"\d{5}(?:-\d{4})?|\d{4}|[A-Z]\d[A-Z] ?\d[A-Z]\d";
    Regex::new(&format!(r"^(?:(?P<name>.+) )?(?P<state>[A-Z]{{2,3}}) (?P<code>{code})$")).ok()
});
static BRITISH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:(?P<name>.*) )?(?P<outward>[A-Z]{1,2}\d[A-Z\d]?)(?: ?(?P<inward>\d[A-Z]{2}))?$").ok()
});
static CODE_FIRST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let code = r"\d{5}|\d{4} ?[A-Z]{2}|\d{2}-\d{3}|\d{4}-\d{3}|\d{3} \d{2}|\d{4}";
    Regex::new(&format!(r"^(?:[A-Z]{{1,2}}-)?(?P<code>{code}) (?P<name>\p{{Lu}}[^\d]+)$")).ok()
});
static JAPANESE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let state = r"北海道|東京都|京都府|大阪府|[\x{4e00}-\x{9fff}]{2,3}県";
    let code = r"(?:〒? ?(?P<code>\d{3}-\d{4}) ?)?";
    Regex::new(&format!(r"^{code}(?P<state>{state}) ?(?P<city>[^\s\d]{{1,6}}?[市区町村])(?P<rest>.*)$")).ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, country: Option<&str>) -> [String; 4] {
        let parts = address_text(text, country).unwrap_or_default();
        [parts.street, parts.city, parts.state, parts.postal_code].map(Option::unwrap_or_default)
    }

    #[test]
    fn a_postal_code_beside_a_name_takes_an_address_apart() {
        for (text, country, expected) in [
            ("12 Oak St, Toledo, OH 43604", None, ["12 Oak St", "Toledo", "OH", "43604"]),
            ("12 Oak St NW, Toledo, OH, 43604, USA", None, ["12 Oak St NW", "Toledo", "OH", "43604"]),
            ("Toledo, OH 43604-1234", None, ["", "Toledo", "OH", "43604-1234"]),
            ("7 Oak Street, Penrith NSW 2750", None, ["7 Oak Street", "Penrith", "NSW", "2750"]),
            ("5 Oak Ave, Toronto, ON M5V 2T6", None, ["5 Oak Ave", "Toronto", "ON", "M5V 2T6"]),
            ("Oak Road, Leeds, LS1 4DY", None, ["Oak Road", "Leeds", "", "LS1 4DY"]),
            ("Oak Road, Leeds, LS1", Some("GB"), ["Oak Road", "Leeds", "", "LS1"]),
            ("Oak Road, Reading, Berkshire RG1", None, ["Oak Road", "Reading", "", "RG1"]),
            ("Oak Street London SE1", Some("GB"), ["Oak Street", "London", "", "SE1"]),
            ("26127 Oldenburg", Some("DE"), ["", "Oldenburg", "", "26127"]),
            ("26127 Niedersachsen - Oldenburg", Some("DE"), ["", "Oldenburg", "Niedersachsen", "26127"]),
            ("Hauptstraße 12, 10115 Berlin", None, ["Hauptstraße 12", "Berlin", "", "10115"]),
            ("3 rue de la Paix, 75002 Paris, France", None, ["3 rue de la Paix", "Paris", "", "75002"]),
            ("Damrak 1, 1012 LG Amsterdam", None, ["", "Amsterdam", "", "1012 LG"]),
            ("ul. Polna 3, 00-625 Warszawa", None, ["ul. Polna 3", "Warszawa", "", "00-625"]),
            ("Bahnhofstrasse 1, 8001 Zürich", Some("CH"), ["Bahnhofstrasse 1", "Zürich", "", "8001"]),
            ("東京都 足立区 栗原２丁目", None, ["栗原２丁目", "足立区", "東京都", ""]),
            ("三重県四日市市中部1-2", None, ["中部1-2", "四日市市", "三重県", ""]),
        ] {
            assert_eq!(parts(text, country), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left_out() {
        assert_eq!(parts("7 Oak Rd Penrith NSW 2750", None), ["", "", "NSW", "2750"]);
        assert_eq!(parts("Flat 2, Oak House, Oak Road, Leeds, LS1 4DY", None), ["", "Leeds", "", "LS1 4DY"]);
        assert_eq!(parts("Kensington High Street West London W8 5TT", None), ["", "", "", "W8 5TT"]);
        for (text, country) in [
            ("", None),
            ("Warszawa, Ursynów", None),
            ("Oak Road, Block B12", None),
            ("13915 Marble Creek Ct", None),
            ("13915 Broadway", None),
            ("13915 Broadway", Some("US")),
            ("1250 Oak Avenue", None),
            ("1250 NE Broadway", None),
            ("1012 Wien", None),
            ("10115 Mitte - Berlin", Some("DE")),
            ("Oak Road, Leeds, LS1", Some("ES")),
            ("Austin, XX 12345", None),
        ] {
            assert_eq!(address_text(text, country), None, "{text}");
        }
    }
}
