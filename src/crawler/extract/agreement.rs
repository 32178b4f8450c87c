//! What the page says of itself that a listing can agree with: its addresses, its headings and its main price.

use url::Url;

use super::draft::Draft;
use super::extraction::Layer;
use super::html::PageFacts;
use super::key::{has_token, is_same_home, is_same_host, is_same_page, own_url};
use super::values::Amount;
use crate::crawler::page::Page;
use crate::crawler::page_url::{self, MAX_LINK_BYTES};

/// Elements that are searched for stated addresses: they are in the head.
const MAX_ELEMENTS: usize = 3_000;
/// Addresses that a page states.
const MAX_STATED: usize = 6;
/// Headings that are compared, and words of each.
const MAX_HEADINGS: usize = 10;
const MAX_WORDS: usize = 60;
/// A shorter key may be in an address by chance.
const LEAST_KEY: usize = 3;
/// Letters of the name of a street that is compared with headings.
const LEAST_STREET: usize = 4;
/// Letters of the name of a street beside its kind.
const LEAST_STREET_NAME: usize = 3;
/// Words between the number of a house and the kind of its street.
const STREET_DISTANCE: usize = 3;
/// Kinds of streets: behind the name, at its end, and in front of it.
const STREET_WORDS: [&str; 29] = [
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "lane",
    "ln",
    "drive",
    "dr",
    "close",
    "way",
    "court",
    "ct",
    "place",
    "pl",
    "terrace",
    "crescent",
    "boulevard",
    "blvd",
    "square",
    "gardens",
    "grove",
    "mews",
    "row",
    "hill",
    "walk",
    "circle",
    "trail",
];
const STREET_ENDINGS: [&str; 12] =
    ["strasse", "straße", "str", "weg", "allee", "platz", "gasse", "straat", "laan", "gatan", "vägen", "vej"];
const STREET_STARTS: [&str; 9] = ["rue", "calle", "via", "rua", "ulica", "ul", "avenida", "chemin", "carrer"];
/// Letters of a name that is more than a kind of home.
const LEAST_NAME: usize = 6;
/// Steps of resolving an address, beside those for its length.
const LINK_STEPS: u64 = 60;
/// Steps of comparing one draft with the page, beside those for each heading.
const DRAFT_STEPS: u64 = 400;
const HEADING_STEPS: u64 = 240;

/// The page, as far as a listing can agree with it.
pub(super) struct PageIdentity<'a> {
    page: &'a Page,
    /// Its own addresses on its own host.
    own: Vec<&'a Url>,
    /// What it states as its address, on whatever host: mirrors keep the address of the original.
    stated: Vec<Url>,
    /// The paths of its addresses in lower case.
    paths: Vec<String>,
    headings: Vec<Vec<String>>,
    main_price: Option<f64>,
    prices_near_heading: Vec<f64>,
}

/// A draft, and how the page agrees with it.
pub(super) struct Candidate {
    pub(super) draft: Draft,
    pub(super) agreement: Agreement,
}

/// How a draft and the page agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreement {
    /// The draft's URL is the page's.
    pub(super) own_url: bool,
    /// The draft has the URL of another page.
    pub(super) other_url: bool,
    /// Its key is in the page's address.
    pub(super) key: bool,
    /// Its name or its street is in a heading.
    pub(super) heading: bool,
    /// Its price is the page's main price.
    pub(super) price: bool,
    /// A heading has its street with another number.
    pub(super) other_number: bool,
    /// A heading has another street, and the page shows another price.
    pub(super) other_street: bool,
}

impl Agreement {
    /// Whether the page's address names this draft.
    pub(super) fn is_named(self) -> bool {
        self.own_url || self.key
    }

    /// Whether this is the home of another page, or a neighbour in the street. A URL that is wrong is outweighed by
    /// heading and price together.
    pub(super) fn is_elsewhere(self) -> bool {
        self.other_url && !self.key && !(self.heading && self.price)
            || (self.other_number || self.other_street) && !self.is_named() && !self.heading && !self.price
    }

    /// Whether anything says that the draft is what the page is about.
    pub(super) fn holds(self) -> bool {
        self.is_named() || (self.heading || self.price) && !self.is_elsewhere()
    }

    pub(super) fn score(self) -> i32 {
        let points =
            [(self.own_url, 8), (self.key, 8), (self.heading, 4), (self.price, 3), (self.other_url, -6)];
        points.into_iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum()
    }
}

impl<'a> PageIdentity<'a> {
    pub(super) fn new(page: &'a Page, facts: &PageFacts) -> Self {
        let own = vec![page.url(), own_url(page)];
        let stated = stated_urls(page);
        let addresses = own.iter().copied().chain(&stated);
        let paths = addresses.map(|url| path_and_ids(url).to_lowercase()).collect();
        let headings = facts.headings.iter().take(MAX_HEADINGS).map(|heading| words(heading)).collect();
        let main_price = facts.main_price.as_ref().and_then(|price| match price.amount {
            Some(Amount::One(amount)) => Some(amount),
            Some(Amount::Range { .. }) | None => None,
        });
        let prices_near_heading = facts.prices_near_heading.clone();
        Self { page, own, stated, paths, headings, main_price, prices_near_heading }
    }

    pub(super) fn agreement(&self, draft: &Draft) -> Agreement {
        let steps = DRAFT_STEPS + HEADING_STEPS * self.headings.len() as u64;
        if !self.page.budget().charge_steps(steps) {
            return Agreement::default();
        }
        let url = draft.property.source_url.as_deref().and_then(|url| Url::parse(url).ok());
        let own_url = url.as_ref().is_some_and(|url| self.is_own(url));
        // The visible text agrees with itself.
        let is_data = draft.layer != Layer::Html;
        Agreement {
            own_url,
            other_url: !own_url && url.as_ref().is_some_and(|url| self.is_comparable(url)),
            key: draft.property.listing_key.as_deref().is_some_and(|key| self.has_key(key)),
            heading: is_data && self.is_headed(draft),
            other_number: is_data && self.heads_another_number(draft),
            other_street: is_data && url.is_none() && self.heads_another_street(draft),
            price: is_data && self.main_price.is_some_and(|price| draft.property.list_price == Some(price)),
        }
    }

    /// Whether `url` is this page, or the page of the same home.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        self.own.iter().any(|own| is_same_home(own, url))
            || self.stated.iter().any(|own| is_same_page(own, url))
    }

    /// Whether another address than the page's is another page. On a host that the page does not name it may be the
    /// original of this one.
    fn is_comparable(&self, url: &Url) -> bool {
        let mut known = self.own.iter().copied().chain(&self.stated);
        known.any(|known| is_same_host(known, url))
    }

    fn has_key(&self, key: &str) -> bool {
        let key = key.to_lowercase();
        let is_telling = key.chars().count() >= LEAST_KEY && key.contains(|c: char| c.is_ascii_digit());
        is_telling && self.paths.iter().any(|path| has_token(path, &key))
    }

    fn is_headed(&self, draft: &Draft) -> bool {
        let name = draft.name.as_deref().map(words).filter(|name| is_telling(name));
        let street = draft.property.address.as_ref().and_then(|address| address.street.as_deref()).map(words);
        let street = street.filter(|street| is_telling(street));
        self.headings.iter().any(|heading| {
            let in_heading = |text: &Vec<String>| has_words(heading, text);
            let names_heading =
                name.as_ref().is_some_and(|name| heading.len() >= 3 && has_words(name, heading));
            names_heading || name.as_ref().is_some_and(in_heading) || street.as_ref().is_some_and(in_heading)
        })
    }
}

impl PageIdentity<'_> {
    /// Whether a heading has the draft's street with another number before it: `14 Oak Street` for `12 Oak Street`.
    fn heads_another_number(&self, draft: &Draft) -> bool {
        let street = draft.property.address.as_ref().and_then(|address| address.street.as_deref());
        let Some(street) = street.map(words) else { return false };
        let (numbers, name) = split_number(&street);
        let letters: usize = name.iter().map(|word| word.chars().count()).sum();
        if numbers.is_empty() || name.len() < 2 || letters < LEAST_STREET {
            return false;
        }
        let headed = self.headings.iter().filter_map(|heading| numbers_before(heading, name));
        let mut headed = headed.filter(|found| !found.is_empty()).peekable();
        headed.peek().is_some()
            && headed
                .all(|found| found.iter().all(|number| !numbers.iter().any(|own| is_number(own, number))))
    }
}

impl PageIdentity<'_> {
    /// Whether a heading has a street and none has the draft's, and the draft's price is none of those that the page
    /// shows near its heading. Without a price, the number of the house must be another one.
    fn heads_another_street(&self, draft: &Draft) -> bool {
        let address = draft.property.address.as_ref();
        let street = address.and_then(|address| address.street.as_deref().or(address.unparsed.as_deref()));
        let street = street.map(words).unwrap_or_default();
        let Some(price) = draft.property.list_price else { return self.heads_other_numbers(&street) };
        let Some(main) = self.main_price else { return false };
        if price == main || self.prices_near_heading.contains(&price) {
            return false;
        }
        let mut names = street.iter().filter(|word| is_street_name(word)).peekable();
        let joined: Vec<String> = self.headings.iter().map(|heading| heading.concat()).collect();
        names.peek().is_some()
            && self.headings.iter().any(|heading| holds_street(heading))
            && names.all(|name| !joined.iter().any(|heading| heading.contains(name.as_str())))
    }
}

impl PageIdentity<'_> {
    /// Whether a street has numbers, and a heading is about a house with others.
    fn heads_other_numbers(&self, street: &[String]) -> bool {
        let mut numbers = street.iter().filter(|word| is_house_number(word)).peekable();
        let in_heading = |number: &String| self.headings.iter().flatten().any(|word| is_number(word, number));
        numbers.peek().is_some()
            && self.headings.iter().any(|heading| holds_street(heading))
            && !numbers.any(in_heading)
    }
}

/// Whether a word of a street is its name: neither a number nor a kind of street.
fn is_street_name(word: &str) -> bool {
    word.chars().count() >= LEAST_STREET_NAME
        && word.chars().all(char::is_alphabetic)
        && !STREET_WORDS.contains(&word)
        && !STREET_STARTS.contains(&word)
}

/// Whether a heading has the number of a house with a street: `12 Elm Street`, `Lindenallee 7`, `Calle Mayor 5`.
fn holds_street(heading: &[String]) -> bool {
    // `250 000` is a price.
    let is_group = |at: usize| {
        heading
            .get(at + 1)
            .is_some_and(|next| next.len() == 3 && next.bytes().all(|one| one.is_ascii_digit()))
    };
    let mut numbers = heading.iter().enumerate().filter(|(at, word)| is_house_number(word) && !is_group(*at));
    numbers.any(|(at, _)| {
        let mut behind = heading.iter().skip(at + 2).take(STREET_DISTANCE);
        let before = heading.iter().take(at).rev();
        behind.any(|word| STREET_WORDS.contains(&word.as_str()))
            || before.clone().take(1).any(|word| STREET_ENDINGS.iter().any(|ending| word.ends_with(ending)))
            || before.skip(1).take(STREET_DISTANCE).any(|word| STREET_STARTS.contains(&word.as_str()))
    })
}

/// The numbers at the beginning of a street, and its name.
fn split_number(street: &[String]) -> (&[String], &[String]) {
    let end = street.iter().position(|word| !is_house_number(word)).unwrap_or(street.len());
    street.split_at(end)
}

/// The numbers right before the place where `heading` has `name`.
fn numbers_before<'h>(heading: &'h [String], name: &[String]) -> Option<&'h [String]> {
    let at = heading.windows(name.len()).position(|window| window == name)?;
    let before = heading.get(..at)?;
    let count = before.iter().rev().take_while(|word| is_house_number(word)).count();
    before.get(at - count..)
}

/// `12`, `12a`; not `250 000` of a price, nor an ordinal.
fn is_house_number(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=5).contains(&digits) && !word.starts_with('0') && word.len() <= digits + 1
}

/// Whether two numbers of houses have the same digits: `12` and `12a`.
fn is_number(a: &str, b: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    a.get(..digits(a)) == b.get(..digits(b))
}

/// The canonical and the og:url of a page, on whatever host.
fn stated_urls(page: &Page) -> Vec<Url> {
    let mut stated = Vec::new();
    for element in page.elements().take(MAX_ELEMENTS) {
        let attribute = |name| element.attr(name).unwrap_or_default();
        let link = match element.value().name() {
            "link" if attribute("rel").eq_ignore_ascii_case("canonical") => attribute("href"),
            "meta" if attribute("property").eq_ignore_ascii_case("og:url") => attribute("content"),
            _ => continue,
        };
        let link = link.trim();
        if link.is_empty() || link.len() > MAX_LINK_BYTES || stated.len() >= MAX_STATED {
            continue;
        }
        if !page.budget().charge_steps(LINK_STEPS + (page.base().as_str().len() + link.len()) as u64) {
            break;
        }
        let url = page.base().join(link).ok().and_then(page_url::normalise);
        stated.extend(url.filter(|url| url.path() != "/"));
    }
    stated
}

/// The path, and the parameters that hold an id.
fn path_and_ids(url: &Url) -> String {
    let mut text = url.path().to_owned();
    for (name, value) in url.query_pairs().take(20) {
        let name = name.to_ascii_lowercase();
        if name.ends_with("id")
            || matches!(name.as_str(), "key" | "ref" | "reference" | "listing" | "property")
        {
            text.push('/');
            text.push_str(&value);
        }
    }
    text
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(MAX_WORDS).map(str::to_lowercase).collect()
}

fn is_telling(words: &[String]) -> bool {
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    words.len() >= 2 && letters >= LEAST_NAME
}

/// Whether `part` is in `text`, word by word.
fn has_words(text: &[String], part: &[String]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::field::{Field, KeyRank};
    use crate::crawler::extract::values::PriceText;

    fn agreement_at(address: &str, head: &str, facts: &PageFacts, told: &[(Field, Value)]) -> Agreement {
        let url = address.parse().unwrap();
        let page = Page::parse(head, &url, PageBudget::for_page(head.len()));
        let mut draft = Draft::new(Layer::PageState);
        for (field, value) in told {
            draft.set(*field, value, &At { base: page.base(), budget: page.budget(), fragment: "" });
        }
        PageIdentity::new(&page, facts).agreement(&draft)
    }

    fn agreement(told: &[(Field, Value)]) -> Agreement {
        let facts = PageFacts { headings: vec!["12 Oak Street, Toledo".to_owned()], ..PageFacts::default() };
        agreement_at("https://homes.example.com/homes/K1-007", "", &facts, told)
    }

    #[test]
    fn a_url_is_this_page_or_another_one() {
        let at = |url: &str| agreement(&[(Field::Url, json!(url))]);

        assert!(at("/homes/K1-007").own_url);
        assert!(at("http://www.homes.example.com/homes/K1-007/?utm_source=x").own_url);
        assert!(at("/homes/K1-008").is_elsewhere());
        assert_eq!(at("https://other.example.com/homes/1"), Agreement::default());
    }

    #[test]
    fn a_key_in_the_address_names_the_home() {
        let with = |key: &str| agreement(&[(Field::Key(KeyRank::Listing), json!(key))]).key;

        assert!(with("K1-007") && with("007"));
        assert!(!with("K1-00") && !with("1-0070") && !with("homes") && !with("K1"));
    }

    #[test]
    fn name_or_street_stand_in_a_heading() {
        assert!(agreement(&[(Field::Street, json!("12 Oak Street"))]).heading);
        assert!(agreement(&[(Field::Name, json!("12 Oak Street, Toledo, OH 43604"))]).heading);
        assert!(!agreement(&[(Field::Street, json!("2 Oak Street"))]).heading);
        assert!(!agreement(&[(Field::Name, json!("Toledo"))]).heading);
    }

    #[test]
    fn another_number_in_the_street_of_a_heading_is_a_neighbour() {
        let elsewhere = |street: &str| agreement(&[(Field::Street, json!(street))]).is_elsewhere();

        assert!(elsewhere("14 Oak Street") && elsewhere("2 Oak Street"));
        for own in ["12 Oak Street", "12a Oak Street", "3/12 Oak Street", "Oak Street", "Elm House"] {
            assert!(!elsewhere(own), "{own}");
        }
        let named =
            [(Field::Street, json!("14 Oak Street")), (Field::Key(KeyRank::Listing), json!("K1-007"))];
        assert!(!agreement(&named).is_elsewhere());
        let priced =
            PageFacts { headings: vec!["£250,000 Oak Street, Toledo".to_owned()], ..PageFacts::default() };
        let street = [(Field::Street, json!("12 Oak Street"))];
        assert!(!agreement_at("https://homes.example.com/h/1", "", &priced, &street).is_elsewhere());
    }

    #[test]
    fn another_house_than_that_of_the_heading_is_a_neighbour_also_without_a_price() {
        let elsewhere = |heading: &str, street: &str| {
            let facts = PageFacts { headings: vec![heading.to_owned()], ..PageFacts::default() };
            let told = [(Field::Street, json!(street))];
            agreement_at("https://homes.example.com/h/elm", "", &facts, &told).is_elsewhere()
        };

        assert!(elsewhere("3341 P St NW, Washington, DC 20007", "1509 34th St NW"));
        assert!(elsewhere("Lindenallee 7, Berlin", "Hauptstraße 12"));
        for (heading, street) in [
            ("3341 P St NW, Washington, DC 20007", "3341 P Street Northwest"),
            ("12 Oak Street", "Flat 5, 12 Oak Street"),
            ("12 Oak Street", "Rowan House"),
            ("3 bedroom house in Toledo", "12 Oak Street"),
            ("Lindenallee 7, Berlin", "7 Linden Avenue"),
        ] {
            assert!(!elsewhere(heading, street), "{heading} {street}");
        }
    }

    #[test]
    fn another_street_with_another_price_is_a_neighbour() {
        let elsewhere = |heading: &str, told: &[(Field, Value)], near: Vec<f64>| {
            let price = PriceText { amount: Some(Amount::One(425_000.0)), ..PriceText::default() };
            let facts = PageFacts {
                headings: vec![heading.to_owned()],
                main_price: Some(price),
                prices_near_heading: near,
                ..PageFacts::default()
            };
            agreement_at("https://homes.example.com/h/elm", "", &facts, told).is_elsewhere()
        };
        let home =
            |street: &str, price: u32| vec![(Field::Street, json!(street)), (Field::ListPrice, json!(price))];

        for heading in ["12 Elm Street", "House, Lindenallee 7, Berlin", "Calle Mayor 5, Madrid"] {
            assert!(elsewhere(heading, &home("5 Oak Road", 200_000), vec![]), "{heading}");
        }
        assert!(!elsewhere("12 Elm Street", &home("5 Oak Road", 425_000), vec![]));
        assert!(!elsewhere("12 Elm Street", &home("5 Oak Road", 200_000), vec![200_000.0]));
        assert!(!elsewhere("12 Elm Street", &home("Elm St", 200_000), vec![]));
        assert!(!elsewhere("3 bedroom house", &home("5 Oak Road", 200_000), vec![]));
        assert!(!elsewhere("12 Elm Street", &[(Field::Street, json!("Oak Road"))], vec![]));
        let mut named = home("5 Oak Road", 200_000);
        named.push((Field::Url, json!("/h/elm")));
        assert!(!elsewhere("12 Elm Street", &named, vec![]));
    }

    #[test]
    fn a_mirror_keeps_the_address_of_the_original() {
        let head = "<link rel=canonical href='https://www.portal.example/h/77'>";
        let told = |url: &str| {
            agreement_at(
                "http://127.0.0.1:4000/3.html",
                head,
                &PageFacts::default(),
                &[(Field::Url, json!(url))],
            )
        };

        assert!(told("https://www.portal.example/h/77").own_url);
        assert!(told("https://www.portal.example/h/78").is_elsewhere());
    }
}
