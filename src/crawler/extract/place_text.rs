//! Texts of addresses: which are none, and the parts of those that hold several.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::fold;
use crate::protocol::property::Address;

/// Letters and digits of the shortest street without a number.
const LEAST_STREET: usize = 3;
/// Characters of a text that are looked at; the wire's bound on a whole address.
const MAX_TEXT: usize = 300;
/// Characters of a city; the wire's bound.
const MAX_CITY: usize = 100;
/// Words that say how exactly a place is shown, which some data keep where others keep the address.
const DISPLAY_MODES: [&str; 24] = [
    "all",
    "approximate",
    "approx",
    "area",
    "city",
    "default",
    "district",
    "exact",
    "full",
    "hidden",
    "hide",
    "map",
    "none",
    "partial",
    "postcode",
    "precise",
    "private",
    "public",
    "region",
    "show",
    "street",
    "visible",
    "withheld",
    "zip",
];

/// A postal code in front of a city: `12345 Neustadt`, `D-12345 Neustadt`, `12-345 Miasto`.
static CODE_AND_CITY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:[A-Z]{1,2}[- ])?(\d{4,6}|\d{2}-\d{3}) +(\p{L}[^\d]*)$").ok());

/// A postal code of the United Kingdom, or the first half of one.
static BRITISH_CODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Z]{1,2}\d[A-Z\d]?( ?\d[A-Z]{2})?$").ok());

/// Whether a text may name a place. Names have no underscores; identifiers have.
pub(super) fn is_place_name(text: &str) -> bool {
    !text.contains('_')
}

/// Whether a text may be a street or a whole address. Abbreviations such as `NC` (not told) are none, nor are words for
/// how a place is shown. A lower-case word in page state is an identifier.
pub(super) fn is_street_text(text: &str, is_page_state: bool) -> bool {
    if !text.is_ascii() {
        return true;
    }
    let count = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let is_identifier = is_page_state && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_mode = DISPLAY_MODES.iter().any(|mode| text.eq_ignore_ascii_case(mode));
    (count >= LEAST_STREET || has_digit) && !is_identifier && !is_mode
}

/// Splits texts that hold several parts of an address, as far as the other parts prove what they are. `number` is the
/// number of the house. Each entry names a part that was found and the part that held it.
pub(super) fn tidy(address: &mut Address, number: Option<&str>) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    split_city(address, &mut found);
    if address.street.is_none()
        && let Some(line) = address.unparsed.as_deref().filter(|line| is_street_line(line, number))
    {
        address.street = Some(line.to_owned());
        found.push(("address.street", "address.unparsed"));
    }
    split_street(address, &mut found);
    found
}

/// `12345 Land - Neustadt` in the place of the city.
fn split_city(address: &mut Address, found: &mut Vec<(&'static str, &'static str)>) {
    let Some(text) = address.city.as_deref() else { return };
    let parts = CODE_AND_CITY.as_ref().and_then(|pattern| pattern.captures(text));
    let Some((code, city)) = parts.and_then(|parts| Some((parts.get(1)?.as_str(), parts.get(2)?.as_str())))
    else {
        return;
    };
    if address.postal_code.as_deref().is_some_and(|known| fold(known) != fold(code)) {
        return;
    }
    let code = code.to_owned();
    let state = address.state_or_province.as_deref().map(fold);
    let city = match city.split_once(" - ") {
        Some((before, after)) if state.as_deref() == Some(fold(before).as_str()) => after,
        _ => city,
    };
    let city = city.trim().to_owned();
    address.city = Some(city);
    if address.postal_code.is_none() {
        address.postal_code = Some(code);
        found.push(("address.postal_code", "address.city"));
    }
}

/// Whether an address is one street with the number of the house.
fn is_street_line(line: &str, number: Option<&str>) -> bool {
    let mut words = line.split_whitespace();
    let has_number = number.is_some_and(|number| line.split_whitespace().any(|word| word == number));
    let has_name = words.any(|word| word.chars().any(char::is_alphabetic));
    has_number && has_name && !line.contains([',', ';', '|']) && line.chars().count() <= 200
}

/// `Oak Road, Town, AB1` in the place of the street: what follows the street is told by the other parts.
fn split_street(address: &mut Address, found: &mut Vec<(&'static str, &'static str)>) {
    let Some(street) = address.street.clone().filter(|street| street.chars().count() <= MAX_TEXT) else {
        return;
    };
    let mut parts: Vec<&str> = street.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let whole = parts.len();
    if whole < 2 {
        return;
    }
    let mut postal = None;
    if let Some(last) = parts.last().filter(|last| is_postal_part(last, address)) {
        postal = Some((*last).to_owned());
        parts.pop();
    }
    let city = address.city.as_deref().map(fold).filter(|city| !city.is_empty());
    let at_city = parts.iter().skip(1).position(|part| city.as_ref() == Some(&fold(part)));
    if let Some(at) = at_city {
        parts.truncate(at + 1);
    } else if let ([_, town], Some(_), None) = (&parts[..], &postal, &city)
        && town.chars().count() <= MAX_CITY
    {
        // Street, town and code are three parts; with more of them the town may be a county.
        address.city = Some((*town).to_owned());
        found.push(("address.city", "address.street"));
        parts.truncate(1);
    }
    if let Some(code) = postal.filter(|_| address.postal_code.is_none()) {
        address.postal_code = Some(code);
        found.push(("address.postal_code", "address.street"));
    }
    if parts.len() == whole || parts.is_empty() {
        return;
    }
    address.street = Some(parts.join(", "));
    if address.unparsed.is_none() {
        address.unparsed = Some(street);
        found.push(("address.unparsed", "address.street"));
    }
}

/// Whether the last part of a street is the postal code, or the first half of it.
fn is_postal_part(part: &str, address: &Address) -> bool {
    let (folded, country) = (fold(part), address.country.as_deref());
    match address.postal_code.as_deref().map(fold) {
        // The first half has letters; digits alone may be the number of the house.
        Some(known) => {
            let is_half = folded.len() >= 2 && folded.starts_with(char::is_alphabetic);
            known == folded || is_half && known.starts_with(&folded)
        }
        None => country == Some("GB") && BRITISH_CODE.as_ref().is_some_and(|pattern| pattern.is_match(part)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(parts: &[(&str, &str)]) -> Address {
        let mut address = Address::default();
        for (name, text) in parts {
            let text = Some((*text).to_owned());
            match *name {
                "street" => address.street = text,
                "city" => address.city = text,
                "state" => address.state_or_province = text,
                "code" => address.postal_code = text,
                "country" => address.country = text,
                _ => address.unparsed = text,
            }
        }
        address
    }

    fn tidied(parts: &[(&str, &str)], number: Option<&str>) -> Address {
        let mut address = address(parts);
        tidy(&mut address, number);
        address
    }

    #[test]
    fn a_code_before_the_city_is_the_postal_code() {
        for (told, split) in [
            (vec![("city", "12345 Neustadt")], vec![("city", "Neustadt"), ("code", "12345")]),
            (
                vec![("city", "12345 Land - Neustadt"), ("state", "Land")],
                vec![("city", "Neustadt"), ("code", "12345"), ("state", "Land")],
            ),
            (vec![("city", "12345 Alt - Neustadt")], vec![("city", "Alt - Neustadt"), ("code", "12345")]),
            (vec![("city", "D-12345 Neustadt")], vec![("city", "Neustadt"), ("code", "12345")]),
            (vec![("city", "12-345 Miasto")], vec![("city", "Miasto"), ("code", "12-345")]),
        ] {
            assert_eq!(tidied(&told, None), address(&split), "{told:?}");
        }
        for same in [
            vec![("city", "12345 Neustadt"), ("code", "54321")],
            vec![("city", "6 October City")],
            vec![("city", "12345")],
            vec![("city", "Paris 15")],
        ] {
            assert_eq!(tidied(&same, None), address(&same));
        }
    }

    #[test]
    fn what_follows_a_street_is_told_by_the_other_parts() {
        let whole = "Oak Road, Town, AB1";
        let split = [("street", "Oak Road"), ("city", "Town"), ("unparsed", whole)];
        let with = |more: &[(&'static str, &'static str)]| [&split[..], more].concat();

        for (told, wanted) in [
            (vec![("street", whole), ("code", "AB1 2CD")], with(&[("code", "AB1 2CD")])),
            (vec![("street", whole), ("country", "GB")], with(&[("country", "GB"), ("code", "AB1")])),
            (
                vec![("street", "Oak Road, Town, Shire AB1"), ("city", "Town")],
                vec![("street", "Oak Road"), ("city", "Town"), ("unparsed", "Oak Road, Town, Shire AB1")],
            ),
        ] {
            assert_eq!(tidied(&told, None), address(&wanted), "{told:?}");
        }
        for same in [
            vec![("street", whole)],
            vec![("street", "12 Oak Road, Flat 3"), ("city", "Town")],
            vec![("street", "Oak Road, Flat 1"), ("code", "12345")],
            vec![("street", "Via Roma, 20"), ("code", "20121")],
        ] {
            assert_eq!(tidied(&same, None), address(&same));
        }
    }

    #[test]
    fn an_address_of_a_name_and_the_number_is_the_street() {
        let line = |unparsed: &'static str, number| tidied(&[("unparsed", unparsed)], number).street;

        assert_eq!(line("Oak Road 6", Some("6")).as_deref(), Some("Oak Road 6"));
        assert_eq!(line("Oak Road 6", None), None);
        assert_eq!(line("Oak Road 6", Some("7")), None);
        assert_eq!(line("Oak Road 6, Town", Some("6")), None);
    }
}
