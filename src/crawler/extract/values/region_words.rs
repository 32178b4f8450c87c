//! Words and names that say what a part of an address is: a region, or a district of a city.

use super::address_words::{
    AUSTRALIAN_STATES, BUNDESLANDER, CANADIAN_PROVINCES, FEDERAL_REGIONS, UK_COUNTIES, US_STATES,
    VOIVODESHIPS,
};
use super::fold::fold;
use crate::base::text::truncate;

/// Bytes of a name that is looked at.
const MAX_TEXT: usize = 120;
/// Characters of the shortest county of Estonia.
const LEAST_COUNTY: usize = 6;
/// States of Germany that are cities, folded.
const CITY_STATES: [&str; 3] = ["berlin", "bremen", "hamburg"];
/// What begins the name of a region, folded and without a point.
const REGION_BEGINS: [&str; 12] = [
    "co",
    "county",
    "judet",
    "judetul",
    "kreis",
    "landkreis",
    "oblast",
    "provincia",
    "woj",
    "wojewodztwo",
    "респ",
    "республика",
];
/// What ends one: county, Swedish, Norwegian, Hungarian, Lithuanian and Croatian regions, and those of Russia.
const REGION_ENDS: [&str; 14] = [
    "apskritis",
    "county",
    "fylke",
    "kraj",
    "lan",
    "maakond",
    "megye",
    "oblast",
    "zupanija",
    "краи",
    "обл",
    "область",
    "респ",
    "республика",
];
/// What begins or ends the name of a district, folded and without a point.
const DISTRICT_WORDS: [&str; 31] = [
    "bairro",
    "barrio",
    "bezirk",
    "buurt",
    "district",
    "distrito",
    "dzielnica",
    "freguesia",
    "kerulet",
    "linnaosa",
    "neighborhood",
    "neighbourhood",
    "ortsteil",
    "quartier",
    "quartiere",
    "stadsdeel",
    "stadtbezirk",
    "stadtteil",
    "urb",
    "urbanizacao",
    "urbanizacion",
    "wijk",
    "жк",
    "м",
    "метро",
    "микрораион",
    "мкр",
    "мкрн",
    "р-н",
    "раион",
    "שכונת",
];

/// Whether a part of an address names a region: "Harjumaa", "OH", "Kent", "Московская обл.", "Stockholms län". A city
/// that is a state as well is none.
pub fn is_region(text: &str) -> bool {
    let text = text.trim();
    if [US_STATES, AUSTRALIAN_STATES, CANADIAN_PROVINCES].iter().any(|states| states.contains(&text)) {
        return true;
    }
    let folded = fold(truncate(text, MAX_TEXT));
    let is_named = [BUNDESLANDER, UK_COUNTIES, VOIVODESHIPS, FEDERAL_REGIONS]
        .iter()
        .any(|names| names.contains(&folded.as_str()));
    if is_named {
        return !CITY_STATES.contains(&folded.as_str());
    }
    let words = words_of(&folded);
    match words.as_slice() {
        [] => false,
        [only] => only.ends_with("maa") && only.chars().count() >= LEAST_COUNTY,
        [first, .., last] => REGION_BEGINS.contains(first) || REGION_ENDS.contains(last),
    }
}

/// Whether a part of an address names a district: "Barrio Delicias", "р-н Центральный", "ЦАО".
pub fn is_district(text: &str) -> bool {
    let text = text.trim();
    let is_okrug = text.ends_with("АО") && text.len() <= 10 && text.chars().all(char::is_uppercase);
    let folded = fold(truncate(text, MAX_TEXT));
    let words = words_of(&folded);
    let is_worded = match words.as_slice() {
        [first, .., last] => DISTRICT_WORDS.contains(first) || DISTRICT_WORDS.contains(last),
        _ => false,
    };
    is_okrug || is_worded
}

fn words_of(folded: &str) -> Vec<&str> {
    folded.split_whitespace().map(|word| word.trim_end_matches('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_name_and_by_word() {
        for text in [
            "Harjumaa",
            "OH",
            "NSW",
            "Kent",
            "Bayern",
            "mazowieckie",
            "Łódzkie",
            "Stockholms län",
            "Московская обл.",
            "Краснодарский край",
            "Татарстан",
            "Co. Cork",
        ] {
            assert!(is_region(text), "{text}");
        }
        for text in ["Berlin", "Hamburg", "Tallinn", "Madrid", "Москва", "maa", "Ohio Street 5", ""] {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn districts_are_known_by_word() {
        for text in
            ["Barrio Norte", "Bairro Alto da Serra", "р-н Центральный", "Северный район", "ЦАО", "м. Парк"]
        {
            assert!(is_district(text), "{text}");
        }
        for text in ["Barrio", "Norte", "Москва", "МАО Цветы", ""] {
            assert!(!is_district(text), "{text}");
        }
    }
}
