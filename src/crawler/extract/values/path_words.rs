//! Words of sale and lease in the path of an address: `/for-sale/`, `/mieten/`, `/sprzedam-dom-…/`. Titles of listings
//! stand in paths as well, so that a word counts only in a place where it names the kind of offer.

use std::sync::LazyLock;

use super::fold::{PhraseMap, spaced};
use super::listing_type::phrases_in;
use crate::base::text::truncate;
use crate::protocol::property::ListingType;

use ListingType::{Lease, Sale};

/// Segments of a path that are looked at, and bytes of each.
const MAX_SEGMENTS: usize = 20;
const MAX_SEGMENT: usize = 200;

/// The kinds of offer that the segments of a decoded path name, each segment for itself.
pub fn listing_types_in_path(path: &str) -> Vec<ListingType> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .take(MAX_SEGMENTS)
        .map(|segment| spaced(without_extension(truncate(segment, MAX_SEGMENT))))
        .collect();
    let is_french = segments.iter().any(|words| words.split(' ').any(|word| FRENCH_HOMES.contains(&word)));
    segments.iter().flat_map(|words| types_of_segment(words, is_french)).collect()
}

fn without_extension(segment: &str) -> &str {
    let endings = [".html", ".htm", ".php", ".aspx", ".jsp"];
    endings.iter().find_map(|ending| segment.strip_suffix(ending)).unwrap_or(segment)
}

fn types_of_segment(spaced: &str, is_french: bool) -> Vec<ListingType> {
    let (is_sale, is_lease) = phrases_in(spaced);
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Vec::new() };
    let by_place = match words.len() {
        1 => WHOLE.get_squeezed(first).or_else(|| FIRST.get_squeezed(first)),
        _ => FIRST.get_squeezed(first).or_else(|| LAST.get_squeezed(last)),
    };
    // In English it is a place.
    let french = (is_french && matches!(*first, "location" | "locations")).then_some(Lease);
    let phrases = [is_sale.then_some(Sale), is_lease.then_some(Lease)];
    phrases.into_iter().chain([by_place, french]).flatten().collect()
}

/// Nouns of homes, in French only.
const FRENCH_HOMES: [&str; 7] =
    ["appartement", "appartements", "maison", "maisons", "logement", "logements", "immobilier"];

static WHOLE: LazyLock<PhraseMap<ListingType>> = LazyLock::new(|| PhraseMap::new(WHOLE_SEGMENTS));
static FIRST: LazyLock<PhraseMap<ListingType>> = LazyLock::new(|| PhraseMap::new(FIRST_WORDS));
static LAST: LazyLock<PhraseMap<ListingType>> = LazyLock::new(|| PhraseMap::new(LAST_WORDS));

/// Words that are a segment by themselves. "Location", "let" and "sell" mean other things too often.
const WHOLE_SEGMENTS: &[(&str, ListingType)] = &[
    ("sale", Sale),
    ("sales", Sale),
    ("buy", Sale),
    ("rent", Lease),
    ("rental", Lease),
    ("rentals", Lease),
    ("lease", Lease),
    ("lettings", Lease),
    ("kauf", Sale),
    ("kaufen", Sale),
    ("verkauf", Sale),
    ("miete", Lease),
    ("mieten", Lease),
    ("vermietung", Lease),
    ("ventes", Sale),
    ("achat", Sale),
    ("acheter", Sale),
    ("louer", Lease),
    ("compra", Sale),
    ("comprar", Sale),
    ("alquilar", Lease),
    ("alquileres", Lease),
    ("arriendo", Lease),
    ("arrendar", Lease),
    ("affitti", Lease),
    ("alugar", Lease),
    ("koop", Sale),
    ("huur", Lease),
    ("salu", Sale),
    ("hyra", Lease),
    // Japanese in Latin letters: rented homes; buying and selling.
    ("chintai", Lease),
    ("baibai", Sale),
];

/// Words that begin a segment: "vente-maison", "sprzedam-dom".
const FIRST_WORDS: &[(&str, ListingType)] = &[
    ("vente", Sale),
    ("venta", Sale),
    ("vendita", Sale),
    ("venda", Sale),
    ("vendesi", Sale),
    ("sprzedaż", Sale),
    ("sprzedam", Sale),
    ("koopwoningen", Sale),
    ("alquiler", Lease),
    ("affitto", Lease),
    ("affittasi", Lease),
    ("arrendamento", Lease),
    ("aluguel", Lease),
    ("aluguer", Lease),
    ("wynajem", Lease),
    ("wynajmę", Lease),
    ("huurwoningen", Lease),
    ("mietwohnung", Lease),
    ("mietwohnungen", Lease),
];

/// Words that end a segment: "wohnung-mieten".
const LAST_WORDS: &[(&str, ListingType)] = &[
    ("kaufen", Sale),
    ("mieten", Lease),
    ("sprzedaż", Sale),
    ("wynajem", Lease),
    ("vendesi", Sale),
    ("affittasi", Lease),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_name_the_kind_of_offer_in_ten_languages() {
        for (path, expected) in [
            ("/for-sale/details/7", Sale),
            ("/property-for-sale/property-7.html", Sale),
            ("/buy/7", Sale),
            ("/haus-kaufen/berlin/7", Sale),
            ("/vente/maison/7", Sale),
            ("/venta-pisos/7", Sale),
            ("/vendita/7", Sale),
            ("/comprar/casas/7", Sale),
            ("/koop/amsterdam/7", Sale),
            ("/oferta/sprzedaż-mieszkanie-7", Sale),
            ("/till-salu/7", Sale),
            ("/baibai/7", Sale),
            ("/to-let/7", Lease),
            ("/rent/7", Lease),
            ("/wohnung-mieten/7", Lease),
            ("/location/appartement/7", Lease),
            ("/alquiler-viviendas/7", Lease),
            ("/affitto/7", Lease),
            ("/arrendar/casas/7", Lease),
            ("/huur/amsterdam/7", Lease),
            ("/oferta/wynajem-dom-7", Lease),
            ("/att-hyra/7", Lease),
            ("/chintai/7", Lease),
        ] {
            assert_eq!(listing_types_in_path(path), [expected], "{path}");
        }
    }

    #[test]
    fn words_in_other_places_name_none() {
        for path in [
            "/",
            "/great-location/7",
            "/location/london/7",
            "/sell/7",
            "/current-rent-roll/7",
            "/garage-sale-street/7",
            "/haus-ideal-zur-vermietung-geeignet/7",
            "/buy-to-let-flat/7",
            "/parental-home/7",
        ] {
            assert_eq!(listing_types_in_path(path), [], "{path}");
        }
        assert_eq!(listing_types_in_path("/rent/flat-for-sale"), [Lease, Sale]);
    }
}
