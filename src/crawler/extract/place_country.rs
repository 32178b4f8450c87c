//! The country that an address implies by its form, where none is stated. It decides what a shared sign of a currency
//! means and is not told as the address's country.

use std::sync::LazyLock;

use regex::Regex;

use crate::protocol::property::Address;

static ZIP_CODE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(\d{3})\d{2}(-\d{4})?$").ok());
static CANADIAN_CODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Z]\d[A-Z][ -]?\d[A-Z]\d$").ok());
static BRITISH_CODE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([A-Z]{1,2})\d[A-Z\d]? ?\d[A-Z]{2}$").ok());
static AUSTRALIAN_CODE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\d{4}$").ok());

/// Areas of postal codes in the British form that are not in the United Kingdom: Guernsey, Gibraltar, Man, Jersey.
const OUTSIDE_BRITAIN: [&str; 4] = ["GY", "GX", "IM", "JE"];
const CANADIAN_PROVINCES: [&str; 13] =
    ["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];
const AUSTRALIAN_STATES: [&str; 8] = ["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"];
/// States of the US and the first three digits of their ZIP codes (USPS). Provinces of Italy and Spain have
/// the same abbreviations and codes of the same length, but other digits. Memphis in Tennessee (380, 381) is left out:
/// Trento has `TN` and these digits.
const ZIP_CODES: &[(&str, &[(u16, u16)])] = &[
    ("AK", &[(995, 999)]),
    ("AL", &[(350, 369)]),
    ("AR", &[(716, 729)]),
    ("AZ", &[(850, 865)]),
    ("CA", &[(900, 961)]),
    ("CO", &[(800, 816)]),
    ("CT", &[(60, 69)]),
    ("DC", &[(200, 205)]),
    ("DE", &[(197, 199)]),
    ("FL", &[(320, 349)]),
    ("GA", &[(300, 319), (398, 399)]),
    ("HI", &[(967, 968)]),
    ("IA", &[(500, 528)]),
    ("ID", &[(832, 838)]),
    ("IL", &[(600, 629)]),
    ("IN", &[(460, 479)]),
    ("KS", &[(660, 679)]),
    ("KY", &[(400, 427)]),
    ("LA", &[(700, 714)]),
    ("MA", &[(10, 27)]),
    ("MD", &[(206, 219)]),
    ("ME", &[(39, 49)]),
    ("MI", &[(480, 499)]),
    ("MN", &[(550, 567)]),
    ("MO", &[(630, 658)]),
    ("MS", &[(386, 397)]),
    ("MT", &[(590, 599)]),
    ("NC", &[(270, 289)]),
    ("ND", &[(580, 588)]),
    ("NE", &[(680, 693)]),
    ("NH", &[(30, 38)]),
    ("NJ", &[(70, 89)]),
    ("NM", &[(870, 884)]),
    ("NV", &[(889, 898)]),
    ("NY", &[(100, 149)]),
    ("OH", &[(430, 459)]),
    ("OK", &[(730, 749)]),
    ("OR", &[(970, 979)]),
    ("PA", &[(150, 196)]),
    ("RI", &[(28, 29)]),
    ("SC", &[(290, 299)]),
    ("SD", &[(570, 577)]),
    ("TN", &[(370, 379), (382, 385)]),
    ("TX", &[(750, 799), (885, 885)]),
    ("UT", &[(840, 847)]),
    ("VA", &[(201, 201), (220, 246)]),
    ("VT", &[(50, 59)]),
    ("WA", &[(980, 994)]),
    ("WI", &[(530, 549)]),
    ("WV", &[(247, 268)]),
    ("WY", &[(820, 831)]),
];

/// The country (ISO 3166-1 alpha-2) that the postal code, with the state where the code alone says too little, implies.
pub(super) fn implied_country(address: &Address) -> Option<&'static str> {
    if address.country.is_some() {
        return None;
    }
    let code = address.postal_code.as_deref().filter(|code| code.len() <= 12)?.trim().to_ascii_uppercase();
    let state = address.state_or_province.as_deref().filter(|state| state.len() <= 4);
    let state = state.map(|state| state.trim().to_ascii_uppercase()).unwrap_or_default();
    let fits = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|known| known.is_match(&code));
    if is_zip_of(&code, &state) {
        Some("US")
    } else if fits(&CANADIAN_CODE) && CANADIAN_PROVINCES.contains(&state.as_str()) {
        Some("CA")
    } else if fits(&AUSTRALIAN_CODE) && AUSTRALIAN_STATES.contains(&state.as_str()) {
        Some("AU")
    } else {
        is_british(&code).then_some("GB")
    }
}

fn is_zip_of(code: &str, state: &str) -> bool {
    let parts = ZIP_CODE.as_ref().and_then(|pattern| pattern.captures(code));
    let first = parts.and_then(|parts| parts.get(1)?.as_str().parse::<u16>().ok());
    let known = ZIP_CODES.iter().find(|(known, _)| *known == state);
    first
        .zip(known)
        .is_some_and(|(first, (_, ranges))| ranges.iter().any(|(low, high)| (*low..=*high).contains(&first)))
}

fn is_british(code: &str) -> bool {
    let parts = BRITISH_CODE.as_ref().and_then(|pattern| pattern.captures(code));
    let area = parts.as_ref().and_then(|parts| parts.get(1));
    area.is_some_and(|area| !OUTSIDE_BRITAIN.contains(&area.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implied(state: &str, code: &str) -> Option<&'static str> {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        implied_country(&Address {
            state_or_province: part(state),
            postal_code: part(code),
            ..Address::default()
        })
    }

    #[test]
    fn a_state_with_its_own_postal_code_implies_the_country() {
        for (state, code, country) in [
            ("OH", "43604", Some("US")),
            ("oh", "43604-1234", Some("US")),
            ("DC", "20007", Some("US")),
            ("CT", "06470", Some("US")),
            ("TX", "88510", Some("US")),
            ("OH", "90210", None),
            // Cagliari, Catania, Trento and Cádiz.
            ("CA", "09121", None),
            ("CT", "95121", None),
            ("TN", "38121", None),
            ("CA", "11001", None),
            ("", "43604", None),
            ("OH", "", None),
            ("ON", "M5V 2T6", Some("CA")),
            ("", "M5V 2T6", None),
            ("NSW", "2145", Some("AU")),
            ("WA", "6000", Some("AU")),
            ("Vienna", "1010", None),
            ("", "SE1 4AB", Some("GB")),
            ("", "ec1a1bb", Some("GB")),
            ("", "SE1", None),
            ("", "JE2 3AB", None),
        ] {
            assert_eq!(implied(state, code), country, "{state} {code}");
        }
    }

    #[test]
    fn a_stated_country_is_not_doubted() {
        let address = Address {
            state_or_province: Some("OH".to_owned()),
            postal_code: Some("43604".to_owned()),
            country: Some("Atlantis".to_owned()),
            ..Address::default()
        };

        assert_eq!(implied_country(&address), None);
    }
}
