//! What a page is: the page of one home, a list of homes, or neither.

use super::agreement::{Agreement, Candidate};
use super::draft::Draft;
use super::extraction::{Layer, PageKind};
use super::html::PageFacts;

/// Words of a heading that are looked at.
const MAX_WORDS: usize = 40;
/// Like blocks with a link and a price that make a list.
const LEAST_CARDS: usize = 3;
/// Facts of a home that make an object of page state one, if nothing names it.
const LEAST_FACTS: usize = 3;
/// Words of the headings of lists. The title of a home's page may hold them too, so they only weigh where no home agrees
/// with the page.
const LIST_HEADINGS: [&str; 34] = [
    "houses for sale",
    "homes for sale",
    "properties for sale",
    "flats for sale",
    "apartments for sale",
    "condos for sale",
    "houses for rent",
    "homes for rent",
    "apartments for rent",
    "properties for rent",
    "houses to rent",
    "flats to rent",
    "properties to rent",
    "search results",
    "wohnungen in",
    "wohnungen kaufen",
    "wohnungen mieten",
    "häuser in",
    "häuser kaufen",
    "immobilien in",
    "appartements à vendre",
    "maisons à vendre",
    "annonces immobilières",
    "casas en venta",
    "pisos en venta",
    "viviendas en",
    "case in vendita",
    "appartamenti in vendita",
    "casas à venda",
    "apartamentos à venda",
    "huizen te koop",
    "mieszkania na sprzedaż",
    "domy na sprzedaż",
    "bostäder till salu",
];

/// Homes in the plural, as the headings of lists name them, in lower case.
const PLURALS: [&str; 39] = [
    "houses",
    "homes",
    "properties",
    "flats",
    "apartments",
    "condos",
    "wohnungen",
    "mietwohnungen",
    "eigentumswohnungen",
    "häuser",
    "immobilien",
    "grundstücke",
    "appartements",
    "maisons",
    "annonces",
    "biens",
    "terrains",
    "pisos",
    "casas",
    "viviendas",
    "apartamentos",
    "terrenos",
    "anuncios",
    "moradias",
    "imóveis",
    "anúncios",
    "case",
    "appartamenti",
    "annunci",
    "huizen",
    "woningen",
    "appartementen",
    "mieszkania",
    "domy",
    "ogłoszenia",
    "bostäder",
    "lägenheter",
    "villor",
    "boliger",
];
/// What follows them: that they are for sale or to let.
const OFFERS: [&str; 29] = [
    "for sale",
    "for rent",
    "to rent",
    "to let",
    "kaufen",
    "mieten",
    "zu verkaufen",
    "zu vermieten",
    "zum kauf",
    "zur miete",
    "à vendre",
    "à louer",
    "en venta",
    "en alquiler",
    "à venda",
    "para venda",
    "para alugar",
    "para arrendar",
    "para comprar",
    "in vendita",
    "in affitto",
    "te koop",
    "te huur",
    "na sprzedaż",
    "do wynajęcia",
    "na wynajem",
    "till salu",
    "att hyra",
    "til salgs",
];
/// Words between the two: "casas e apartamentos para arrendar".
const MOST_BETWEEN: usize = 3;

/// What else is on the page.
pub(super) struct Surroundings {
    /// An object that says that the page is one of search results.
    has_list_page: bool,
    /// Homes that are entries of lists, or have pages of their own.
    neighbours: usize,
    neighbours_prices: Vec<f64>,
    /// Homes that may be the page's own.
    own_listings: usize,
    /// Like blocks, unless the page declares itself to be one thing (`og:type`).
    has_cards: bool,
    has_list_heading: bool,
    /// Visible facts of a home and its price, in front of all cards.
    tells_home: bool,
    /// Several prices, on a page that does not say that its home is gone.
    has_prices: bool,
    is_wall: bool,
}

impl Surroundings {
    pub(super) fn of(all: &[Candidate], facts: &PageFacts) -> Self {
        let is_listing = |one: &&Candidate| one.draft.is_listing();
        let is_neighbour =
            |one: &&Candidate| one.agreement.is_elsewhere() || one.draft.in_list && !one.agreement.is_named();
        let neighbours = || all.iter().filter(is_listing).filter(is_neighbour);
        let mut headings = facts.headings.iter().take(10).map(|heading| heading.to_lowercase());
        Self {
            has_list_page: all.iter().any(|one| one.draft.list_page),
            neighbours: neighbours().count(),
            neighbours_prices: neighbours().filter_map(|one| one.draft.property.list_price).collect(),
            own_listings: all.iter().filter(is_listing).filter(|one| !is_neighbour(one)).count(),
            has_cards: facts.cards >= LEAST_CARDS && !facts.og_type.as_deref().is_some_and(is_one_thing),
            has_list_heading: headings.any(|heading| is_list_heading(&heading)),
            tells_home: facts.tells_home,
            has_prices: facts.visible_prices.len() >= LEAST_CARDS && !facts.gone && !facts.wall,
            is_wall: facts.wall,
        }
    }

    /// The kind of a page on which no home was found.
    pub(super) fn kind(&self) -> PageKind {
        let is_list = self.has_list_page
            || self.neighbours > 0
            || self.has_cards
            || self.own_listings > 1
            || self.has_list_heading && self.has_prices;
        if is_list { PageKind::List } else { PageKind::Neither }
    }
}

/// Whether a heading in lower case is that of a list.
fn is_list_heading(heading: &str) -> bool {
    if LIST_HEADINGS.iter().any(|words| heading.contains(words)) {
        return true;
    }
    let words: Vec<&str> = heading
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
        .collect();
    let plurals = words.iter().enumerate().filter(|(_, word)| PLURALS.contains(word));
    plurals.map(|(at, _)| &words[at + 1..]).any(|after| {
        let starts = (0..=MOST_BETWEEN).filter_map(|skipped| after.get(skipped..));
        starts.map(|rest| rest.join(" ")).any(|rest| OFFERS.iter().any(|offer| begins_with(&rest, offer)))
    })
}

/// Whether `text` begins with `words` as whole words.
fn begins_with(text: &str, words: &str) -> bool {
    text.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether an `og:type` means one home or one product.
fn is_one_thing(og_type: &str) -> bool {
    let words = ["product", "house", "apartment", "home", "property", "listing", "residence"];
    !og_type.contains("group") && words.iter().any(|word| og_type.contains(word))
}

/// Whether there is enough evidence that `home` is a home and the one that the page is about.
pub(super) fn is_home_of_page(home: &Draft, agreement: Agreement, around: &Surroundings) -> bool {
    home.is_listing() && (agreement.holds() || is_likely(home, around))
}

/// The same where nothing on the page agrees with it.
fn is_likely(home: &Draft, around: &Surroundings) -> bool {
    let is_crowded = around.has_cards || around.has_list_heading && around.neighbours > 1;
    if around.has_list_page || !home.has_price() && around.neighbours_prices.len() > 1 {
        return false;
    }
    let is_named = home.property.listing_key.is_some() || home.has_street();
    match home.layer {
        // Rules are read of every page, and say nothing of its kind.
        Layer::Rule => false,
        Layer::JsonLd | Layer::Microdata | Layer::Rdfa => !is_crowded || home.residence && is_named,
        Layer::PageState => !is_crowded && (is_named || home.home_facts() >= LEAST_FACTS),
        Layer::Html => {
            // Facts outside of the cards are those of a home, not of the cards.
            let known = home.home_facts();
            let is_told = home.residence && (known >= LEAST_FACTS || known > 0 && around.tells_home);
            // Rooms in a heading alone may be those of an article.
            let has_facts = home.residence || known > 0;
            let is_list = around.has_list_heading || is_crowded && !is_told;
            // The visible price of the only entry of a list is that entry's.
            let is_neighbours =
                home.property.list_price.is_some_and(|price| around.neighbours_prices.contains(&price));
            !is_list && !is_neighbours && !around.is_wall && has_facts && home.has_price()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::CurrencyHint;
    use super::*;

    #[test]
    fn a_list_names_homes_in_the_plural_and_offers_them() {
        for heading in [
            "casas e apartamentos para arrendar em cascais",
            "132 anúncios de apartamentos para arrendar",
            "maisons et appartements à vendre – 29200 (brest)",
            "wohnungen in köln mieten",
            "homes in toledo for sale",
            "houses for sale",
        ] {
            assert!(is_list_heading(heading), "{heading}");
        }
        for heading in [
            "moradia independente à venda na rua dos castanheiros",
            "3 bedroom house for sale, oak street",
            "oak homes",
            "apartments at oak court, a new building that is for sale",
            "appartement à vendre",
            "",
        ] {
            assert!(!is_list_heading(heading), "{heading}");
        }
    }

    #[test]
    fn the_heading_of_a_list_and_several_prices_are_a_list() {
        let kind = |heading: &str, prices: usize, gone: bool| {
            let facts = PageFacts {
                headings: vec![heading.to_owned()],
                visible_prices: vec![(1_000.0, CurrencyHint::Code(*b"EUR")); prices],
                gone,
                ..PageFacts::default()
            };
            Surroundings::of(&[], &facts).kind()
        };

        assert_eq!(kind("Casas para alugar", 3, false), PageKind::List);
        assert_eq!(kind("Casas para alugar", 2, false), PageKind::Neither);
        assert_eq!(kind("Casas para alugar", 3, true), PageKind::Neither);
        assert_eq!(kind("Casa", 9, false), PageKind::Neither);
    }
}
