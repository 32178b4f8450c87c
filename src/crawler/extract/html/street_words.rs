//! Whether a part of a visible address is a street: by the word of one, by the number of a house, and inside of a heading
//! such as "House for sale on Oak Street".

use std::sync::LazyLock;

use regex::Regex;

use super::super::values;
use super::fold::fold;

/// Words of a street with its number.
const MAX_WORDS: usize = 7;
/// Bytes of a street.
const MAX_STREET: usize = 120;
/// Prepositions in front of the street on which a home is, folded.
const BEFORE_STREET: [&str; 14] =
    ["at", "em", "en", "i", "in", "na", "no", "on", "op", "pa", "przy", "w", "vid", "на"];
/// What stands between a preposition and the street, folded.
const ARTICLES: [&str; 12] = ["de", "dem", "den", "der", "het", "la", "the", "el", "a", "o", "las", "los"];
/// Words that say that a street is only near, folded.
const NEAR: [&str; 19] = [
    "blisko",
    "cerca",
    "frente",
    "junto",
    "minuten",
    "minutes",
    "minutos",
    "nabij",
    "nahe",
    "nara",
    "near",
    "off",
    "perto",
    "pres",
    "proche",
    "proximo",
    "vicino",
    "рядом",
    "около",
];
/// Names before a number that is none of a house, folded: units, floors, districts, and cities with numbered districts.
const NUMBERED_OTHERS: [&str; 72] = [
    "andar",
    "apartment",
    "appartement",
    "appt",
    "apt",
    "balcony",
    "balkon",
    "bed",
    "beds",
    "bezirk",
    "bloc",
    "block",
    "blok",
    "bloque",
    "box",
    "brno",
    "bucharest",
    "bucuresti",
    "budapest",
    "build",
    "building",
    "district",
    "dublin",
    "esc",
    "etage",
    "etaj",
    "fase",
    "flat",
    "floor",
    "garage",
    "house",
    "id",
    "kerrus",
    "korrus",
    "korter",
    "kosice",
    "lagenhet",
    "lgh",
    "lot",
    "lote",
    "lyon",
    "marseille",
    "nr",
    "numero",
    "parcel",
    "parcela",
    "paris",
    "phase",
    "pietro",
    "piso",
    "planta",
    "plot",
    "porta",
    "praha",
    "room",
    "rooms",
    "scala",
    "sector",
    "sektor",
    "stage",
    "suite",
    "tel",
    "tower",
    "tr",
    "typ",
    "type",
    "unit",
    "vaning",
    "wien",
    "zimmer",
    "zona",
    "zone",
];

static NAME_AND_NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = r"[1-9]\d{0,3}(?: ?\p{L})?(?:[/-]\d{1,4}\p{L}?)?";
    Regex::new(&format!(r"^(?P<name>\p{{L}}[\p{{L}}\p{{M}}'’.\- ]*) {number}$")).ok()
});
static BARE_NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[1-9]\d{0,3} ?\p{L}?(?:[/-]\d{1,4}\p{L}?)?(?: ?(?:с|к|стр|корп)\.? ?\d{1,3})?$").ok()
});

/// Whether a part is nothing but the number of a house: "44", "12a", "5к2".
pub(super) fn is_bare_number(part: &str) -> bool {
    part.len() <= 20 && BARE_NUMBER.as_ref().is_some_and(|pattern| pattern.is_match(part))
}

/// Whether a part has the word of a street and begins as a name or with a number.
pub(super) fn is_worded_street(part: &str) -> bool {
    if part.len() > MAX_STREET || part.split_whitespace().count() > MAX_WORDS {
        return false;
    }
    // "Al Barsha" is a district; "al. Lipowa" and "ul Lipowa" are streets.
    let is_abbreviated = !fold(part).starts_with("al ") && !fold(part).starts_with("c ");
    is_abbreviated && values::is_street(part) && !is_near(part)
}

/// Whether a part is a name and the number of a house: "Kase 61", "הדקל 57".
pub(super) fn is_street_and_number(part: &str) -> bool {
    if part.len() > MAX_STREET || part.split_whitespace().count() > MAX_WORDS || is_near(part) {
        return false;
    }
    let found = NAME_AND_NUMBER.as_ref().and_then(|pattern| pattern.captures(part));
    let Some(name) = found.and_then(|found| found.name("name")) else { return false };
    let name = name.as_str();
    let begins_as_name = name.chars().next().is_some_and(|one| !one.is_lowercase());
    let folded = fold(name);
    let is_other = folded.split_whitespace().any(|word| {
        NUMBERED_OTHERS.contains(&word.trim_end_matches(['.', ':'])) || BEFORE_STREET.contains(&word)
    });
    begins_as_name && !is_other && name.chars().count() >= 3 && values::country_code(name).is_none()
}

/// The street on which a heading says that the home is: what follows a preposition up to the end.
pub(super) fn street_in(part: &str) -> Option<&str> {
    if part.len() > 2 * MAX_STREET || is_near(part) {
        return None;
    }
    let mut rest = part;
    while let Some((word, behind)) = rest.split_once(' ') {
        let behind = behind.trim_start();
        let street = without_article(behind);
        if BEFORE_STREET.contains(&fold(word).as_str()) && is_worded_street(street) && is_tail(street) {
            return Some(street);
        }
        rest = behind;
    }
    None
}

/// Whether no further preposition is in it: "vendita in via Roma" is no street.
fn is_tail(street: &str) -> bool {
    let folded = fold(street);
    let mut words = folded.split_whitespace().skip(1);
    !words.any(|word| BEFORE_STREET.contains(&word))
}

fn without_article(text: &str) -> &str {
    match text.split_once(' ') {
        Some((first, rest)) if ARTICLES.contains(&first) => rest.trim_start(),
        _ => text,
    }
}

fn is_near(part: &str) -> bool {
    let folded = fold(part);
    folded.contains("close to") || folded.split_whitespace().rev().skip(1).any(|word| NEAR.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_the_number_of_a_house_is_a_street() {
        for part in ["Kase 61", "Kase tn 8", "הדקל 57", "Radwanska 51/3", "Am Markt 5a", "Storgatan 5 b"]
        {
            assert!(is_street_and_number(part), "{part}");
        }
        for part in
            ["Praha 4", "Flat 3", "lägenhet 2", "Paris 15", "Zimmer 3", "Kase", "61", "3 rooms", "Apt. 5"]
        {
            assert!(!is_street_and_number(part), "{part}");
        }
        assert!(is_bare_number("44") && is_bare_number("12a") && is_bare_number("5к2"));
        assert!(!is_bare_number("12345") && !is_bare_number("6 tr") && !is_bare_number(""));
    }

    #[test]
    fn a_heading_names_the_street_behind_a_preposition() {
        for (part, street) in [
            ("Flat to rent on Park Road", Some("Park Road")),
            ("Casa à venda na Rua das Tílias", Some("Rua das Tílias")),
            ("Wohnung in der Lindenstraße 5", Some("Lindenstraße 5")),
            ("Casa in vendita in via dei Tigli", Some("via dei Tigli")),
            ("House near Park Road", None),
            ("Piso cerca de la calle Mayor", None),
            ("Apartamento em frente à Rua Nova", None),
            ("House in Leeds", None),
        ] {
            assert_eq!(street_in(part), street, "{part}");
        }
    }
}
