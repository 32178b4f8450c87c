//! What names say about addresses: those of an element (its class, id, `itemprop`, test ids), that it shows one or which
//! part of one, and headings such as "Location".

use scraper::node::Element;

use super::fold::fold;
use crate::base::text::truncate;

/// Bytes of an attribute that are read.
const MAX_ATTRIBUTE: usize = 240;
/// Attributes in which sites name their elements.
const NAMES: [&str; 9] =
    ["class", "id", "itemprop", "data-testid", "data-test", "data-name", "data-qa", "data-cy", "data-role"];

/// Words for an address or a location as a whole.
const ADDRESS_WORDS: [&str; 28] = [
    "aadress",
    "addr",
    "address",
    "adres",
    "adresa",
    "adress",
    "adresse",
    "anschrift",
    "beliggenhed",
    "direccion",
    "emplazamiento",
    "endereco",
    "indirizzo",
    "ligging",
    "localisation",
    "localizacao",
    "localizacion",
    "localizzazione",
    "locatie",
    "location",
    "lokalizace",
    "lokalizacja",
    "morada",
    "objektadresse",
    "osoite",
    "sijainti",
    "standort",
    "ubicacion",
];
/// Words for a part of one.
const PART_WORDS: [(&str, AddressMark); 27] = [
    ("street", AddressMark::Street),
    ("strasse", AddressMark::Street),
    ("rue", AddressMark::Street),
    ("calle", AddressMark::Street),
    ("rua", AddressMark::Street),
    ("straat", AddressMark::Street),
    ("ulica", AddressMark::Street),
    ("gata", AddressMark::Street),
    ("city", AddressMark::City),
    ("town", AddressMark::City),
    ("locality", AddressMark::City),
    ("ville", AddressMark::City),
    ("ciudad", AddressMark::City),
    ("localidad", AddressMark::City),
    ("cidade", AddressMark::City),
    ("citta", AddressMark::City),
    ("comune", AddressMark::City),
    ("stadt", AddressMark::City),
    ("plaats", AddressMark::City),
    ("miasto", AddressMark::City),
    ("region", AddressMark::State),
    ("province", AddressMark::State),
    ("state", AddressMark::State),
    ("postal", AddressMark::PostalCode),
    ("postcode", AddressMark::PostalCode),
    ("zipcode", AddressMark::PostalCode),
    ("zip", AddressMark::PostalCode),
];
/// Words of elements that are about something else: who offers the home, other homes, forms, what only leads to a map.
const OTHER_WORDS: [&str; 66] = [
    "advertiser",
    "agency",
    "agent",
    "autocomplete",
    "billing",
    "branch",
    "broker",
    "btn",
    "button",
    "card",
    "claim",
    "company",
    "contact",
    "dealer",
    "developer",
    "email",
    "feedback",
    "field",
    "filter",
    "floor",
    "footer",
    "form",
    "hidden",
    "icon",
    "index",
    "input",
    "ip",
    "link",
    "links",
    "list",
    "login",
    "mail",
    "makelaar",
    "makler",
    "menu",
    "mini",
    "modal",
    "nav",
    "nearby",
    "neighbor",
    "neighbour",
    "office",
    "organization",
    "owner",
    "page",
    "picker",
    "placeholder",
    "popup",
    "promo",
    "realtor",
    "related",
    "result",
    "school",
    "search",
    "select",
    "selector",
    "seller",
    "shipping",
    "shop",
    "similar",
    "site",
    "suggest",
    "tab",
    "tabs",
    "teaser",
    "view",
];

/// Headings of the section that shows where the home is, folded.
const SECTIONS: [&str; 27] = [
    "aadress",
    "address",
    "adres",
    "adresa",
    "adress",
    "adresse",
    "asukoht",
    "beliggenhed",
    "direccion",
    "endereco",
    "indirizzo",
    "lage",
    "lage & adresse",
    "ligging",
    "localisation",
    "localizacao",
    "localizacion",
    "localizzazione",
    "location",
    "locatie",
    "lokalizacja",
    "morada",
    "posizione",
    "standort",
    "ubicacion",
    "адрес",
    "מיקום",
];

/// What an element shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressMark {
    Whole,
    Street,
    City,
    State,
    PostalCode,
}

/// Whether a heading begins the section that shows where the home is.
pub(super) fn is_place_heading(heading: &str) -> bool {
    SECTIONS.contains(&fold(heading).trim_end_matches(':'))
}

/// What the names of an element say. `inside` of an address a part is enough; elsewhere a word for an address has to stand
/// beside it.
pub(super) fn address_mark(element: &Element, inside: bool) -> Option<AddressMark> {
    let named = NAMES.iter().filter_map(|name| element.attr(name)).find_map(|value| {
        truncate(value, MAX_ATTRIBUTE).split_ascii_whitespace().find_map(|token| mark_of(token, inside))
    });
    named.or_else(|| (element.name() == "address" && !is_other(element)).then_some(AddressMark::Whole))
}

/// Whether the names of an `<address>` say whose it is.
fn is_other(element: &Element) -> bool {
    let values = NAMES.iter().filter_map(|name| element.attr(name));
    values.flat_map(|value| truncate(value, MAX_ATTRIBUTE).split_ascii_whitespace()).any(|token| {
        words(token).any(|word| OTHER_WORDS.iter().any(|other| word.eq_ignore_ascii_case(other)))
    })
}

fn mark_of(token: &str, inside: bool) -> Option<AddressMark> {
    let (mut is_address, mut part) = (false, None);
    for word in words(token) {
        let is = |known: &&str| word.eq_ignore_ascii_case(known);
        if OTHER_WORDS.iter().any(&is) {
            return None;
        }
        is_address |= ADDRESS_WORDS.iter().any(&is);
        part = part.or_else(|| Some(PART_WORDS.iter().find(|(known, _)| is(known))?.1));
    }
    match part {
        Some(part) => (is_address || inside).then_some(part),
        None => is_address.then_some(AddressMark::Whole),
    }
}

/// The words of a name: `addressLocality`, `listing-address__street`.
fn words(token: &str) -> impl Iterator<Item = &str> {
    let bytes = token.as_bytes();
    let mut start = 0;
    let mut ends = (1..=bytes.len()).filter(move |at| {
        let (Some(before), after) = (bytes.get(at - 1), bytes.get(*at)) else { return false };
        let is_new = after.is_none_or(|after| {
            !after.is_ascii_alphanumeric() || before.is_ascii_lowercase() && after.is_ascii_uppercase()
        });
        is_new || !before.is_ascii_alphanumeric()
    });
    std::iter::from_fn(move || {
        let end = ends.next()?;
        let word = token.get(start..end).unwrap_or_default();
        start = end;
        Some(word)
    })
    .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elements_say_which_part_of_an_address_they_show() {
        use AddressMark::{City, PostalCode, State, Street, Whole};

        for (token, mark) in [
            ("listing-address", Some(Whole)),
            ("StyledPropertyAddress", Some(Whole)),
            ("summary__location", Some(Whole)),
            ("addressLocality", Some(City)),
            ("streetAddress", Some(Street)),
            ("address__region", Some(State)),
            ("address-zip", Some(PostalCode)),
            ("city", None),
            ("agent-address", None),
            ("similar-listing__address", None),
            ("search-location-input", None),
            ("streetview", None),
            ("addressed", None),
            ("", None),
        ] {
            assert_eq!(mark_of(token, false), mark, "{token}");
        }
        assert_eq!(mark_of("city", true), Some(City));
        assert_eq!(mark_of("cityscape", true), None);
        assert_eq!(words("a-bC__d").collect::<Vec<_>>(), ["a", "b", "C", "d"]);
    }
}
