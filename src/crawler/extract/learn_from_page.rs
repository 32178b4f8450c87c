//! What the page says of its home outside of the home's own data: whether it is for sale or for lease, the parts of an
//! address that is written in one text, and the address that it shows.

use percent_encoding::percent_decode_str;
use url::Url;

use super::draft::{Draft, fold};
use super::extraction::{Layer, Origin};
use super::html::{AddressParts, PageFacts, VisibleAddress};
use super::values::{self, AddressText};
use crate::base::text::truncate;
use crate::crawler::page::Page;
use crate::protocol::property::{Address, ListingType};

/// Bytes of a path that are looked at.
const MAX_PATH: usize = 2_000;
/// Steps of looking at a text, beside those for its length.
const TEXT_STEPS: u64 = 400;
/// Characters of a street, a place, a postal code.
const MAX_STREET: usize = 200;
const MAX_PLACE: usize = 100;
const MAX_POSTAL_CODE: usize = 20;
/// Characters of a whole address.
const MAX_UNPARSED: usize = 300;

impl Draft {
    /// Adds what no data of the home told.
    pub(super) fn learn_from_page(mut self, page: &Page, facts: &PageFacts) -> Self {
        self.learn_listing_type(page, facts);
        self.learn_address(page);
        self.learn_house_number(&facts.visible_address);
        self.learn_visible_address(&facts.visible_address);
        self
    }

    fn learn_listing_type(&mut self, page: &Page, facts: &PageFacts) {
        if self.property.listing_type.is_some() {
            return;
        }
        let Some((told, fragment)) = listing_type_of_page(page, facts) else { return };
        // A period makes a lease, whatever the page calls itself.
        if told == ListingType::Sale && self.property.rental_period.is_some() {
            return;
        }
        self.property.listing_type = Some(told);
        let fragment = fragment.to_owned();
        self.origins.insert("listing_type", Origin { layer: Layer::Html, fragment });
    }

    /// Takes the city and the postal code out of a text that holds them with the street.
    fn learn_address(&mut self, page: &Page) {
        let Some(address) = &mut self.property.address else { return };
        let country = address.country.as_deref().and_then(values::country_code);
        let split = |text: Option<&String>| {
            let text = text?;
            let can = page.budget().charge_steps(TEXT_STEPS + text.len() as u64);
            can.then(|| values::address_text(text, country)).flatten()
        };
        let in_street = split(address.street.as_ref()).filter(|parts| parts.street.is_some());
        let in_text = split(address.unparsed.as_ref());
        let mut learned = Vec::new();
        if let Some(parts) = in_street {
            let whole = address.street.take();
            if address.unparsed.is_none() {
                address.unparsed = whole;
                learned.push(("address.unparsed", "address.street"));
            }
            learned.extend(fill_address(address, &parts, "address.street"));
        }
        if let Some(parts) = in_text {
            learned.extend(fill_address(address, &parts, "address.unparsed"));
        }
        for (part, from) in learned {
            if let Some(origin) = self.origins.get(from).cloned() {
                self.origins.insert(part, origin);
            }
        }
    }

    /// The number of the house, where the page shows the street that is known with one number only.
    fn learn_house_number(&mut self, visible: &VisibleAddress) {
        let address = self.property.address.as_mut();
        let Some(street) = address.and_then(|address| address.street.as_mut()) else { return };
        if self.house_number.is_some() || street.contains(|one: char| one.is_ascii_digit()) {
            return;
        }
        let known = fold(street);
        let mut lines = visible.numbered_streets.iter().filter(|line| fold(without_number(line)) == known);
        let Some(line) = lines.next().filter(|line| line.chars().count() <= MAX_STREET) else { return };
        if lines.all(|other| fold(other) == fold(line)) {
            street.clone_from(line);
            self.origins.insert("address.street", visible_origin("heading"));
        }
    }

    /// Adds the parts of the visible address that are missing, unless it is another one. It is kept as a whole where the
    /// street or the city is not certain.
    fn learn_visible_address(&mut self, visible: &VisibleAddress) {
        let Some(parts) = &visible.parts else { return };
        let mut address = self.property.address.clone().unwrap_or_default();
        if is_another(&address, parts) {
            return;
        }
        let told = AddressText {
            street: parts.street.clone(),
            city: parts.city.clone(),
            state: parts.state.clone(),
            postal_code: parts.postal_code.clone(),
        };
        let mut learned = fill_address(&mut address, &told, "");
        let is_open = address.street.is_none() || address.city.is_none();
        let is_new = address.unparsed.is_none() && !parts.text.is_empty();
        if is_open && is_new && parts.text.chars().count() <= MAX_UNPARSED {
            address.unparsed = Some(parts.text.clone());
            learned.push(("address.unparsed", ""));
        }
        if learned.is_empty() {
            return;
        }
        self.property.address = Some(address);
        for (name, _) in learned {
            self.origins.insert(name, visible_origin(visible.fragment));
        }
    }
}

fn visible_origin(fragment: &str) -> Origin {
    Origin { layer: Layer::Html, fragment: fragment.to_owned() }
}

/// A street without the number of the house in front of it or behind it.
fn without_number(line: &str) -> &str {
    let is_number = |word: &str| word.starts_with(|one: char| one.is_ascii_digit());
    match (line.split_once(' '), line.rsplit_once(' ')) {
        (Some((number, street)), _) if is_number(number) => street,
        (_, Some((street, number))) if is_number(number) => street,
        _ => line,
    }
}

/// Whether two addresses tell other cities, postal codes or streets. "St" may be "Street", and a city may be named with
/// its district.
fn is_another(known: &Address, visible: &AddressParts) -> bool {
    let differ = |one: Option<&String>, other: Option<&String>| {
        one.zip(other).is_some_and(|(one, other)| {
            let (one, other) = (fold(one), fold(other));
            !one.contains(&other) && !other.contains(&one)
        })
    };
    differ(known.city.as_ref(), visible.city.as_ref())
        || differ(known.postal_code.as_ref(), visible.postal_code.as_ref())
        || differ(known.street.as_ref(), visible.street.as_ref())
}

/// Fills what is missing. The names of what was filled, each with the name of the text.
fn fill_address(
    address: &mut Address,
    parts: &AddressText,
    from: &'static str,
) -> Vec<(&'static str, &'static str)> {
    let slots = [
        ("address.street", &mut address.street, &parts.street, MAX_STREET),
        ("address.city", &mut address.city, &parts.city, MAX_PLACE),
        ("address.state_or_province", &mut address.state_or_province, &parts.state, MAX_PLACE),
        ("address.postal_code", &mut address.postal_code, &parts.postal_code, MAX_POSTAL_CODE),
    ];
    let mut filled = Vec::new();
    for (name, slot, told, most) in slots {
        let told = told.as_ref().filter(|told| slot.is_none() && told.chars().count() <= most);
        if let Some(told) = told {
            *slot = Some(told.clone());
            filled.push((name, from));
        }
    }
    filled
}

/// The kind of offer that the page's address, its headings and its breadcrumbs name, if they name one only, and which
/// of them did.
fn listing_type_of_page(page: &Page, facts: &PageFacts) -> Option<(ListingType, &'static str)> {
    let bytes: usize = facts.headings.iter().chain(&facts.breadcrumbs).map(String::len).sum();
    let texts = (2 + facts.headings.len() + facts.breadcrumbs.len()) as u64;
    if !page.budget().charge_steps(TEXT_STEPS * texts + bytes as u64) {
        return None;
    }
    let in_address = [page.url(), page.canonical()].into_iter().flat_map(in_path);
    let in_headings = facts.headings.iter().filter_map(|heading| values::listing_type(heading));
    // "Location" is the name of a list of places in English, and of leases in French.
    let crumbs = facts.breadcrumbs.iter().filter(|crumb| !crumb.eq_ignore_ascii_case("location"));
    let in_crumbs = crumbs.filter_map(|crumb| values::listing_type(crumb));
    let mut told = in_address
        .map(|kind| (kind, "address"))
        .chain(in_headings.map(|kind| (kind, "heading")))
        .chain(in_crumbs.map(|kind| (kind, "breadcrumb")));
    let first = told.next()?;
    told.all(|(kind, _)| kind == first.0).then_some(first)
}

fn in_path(url: &Url) -> Vec<ListingType> {
    let path = percent_decode_str(truncate(url.path(), MAX_PATH)).decode_utf8_lossy();
    values::listing_types_in_path(&path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::field::Field;

    fn learned(address: &str, facts: &PageFacts, told: &[(Field, Value)]) -> Draft {
        let url = address.parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let mut draft = Draft::new(Layer::Microdata);
        for (field, value) in told {
            draft.set(*field, value, &At { base: &url, budget: page.budget(), fragment: "" });
        }
        draft.learn_from_page(&page, facts)
    }

    fn kind(
        path: &str,
        headings: &[&str],
        breadcrumbs: &[&str],
        told: &[(Field, Value)],
    ) -> Option<ListingType> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let facts =
            PageFacts { headings: owned(headings), breadcrumbs: owned(breadcrumbs), ..PageFacts::default() };
        learned(&format!("https://homes.example.com{path}"), &facts, told).property.listing_type
    }

    #[test]
    fn address_headings_and_breadcrumbs_name_the_kind_of_offer() {
        use ListingType::{Lease, Sale};

        assert_eq!(kind("/for-sale/7", &[], &[], &[]), Some(Sale));
        assert_eq!(kind("/oferta/sprzeda%C5%BC-7", &[], &[], &[]), Some(Sale));
        assert_eq!(kind("/h/7", &["Flat to rent in Leeds"], &[], &[]), Some(Lease));
        assert_eq!(kind("/h/7", &[], &["Inicio", "Venta", "Madrid"], &[]), Some(Sale));
        assert_eq!(kind("/h/7", &["Oak Street 12"], &["Home", "Location", "Leeds"], &[]), None);
    }

    #[test]
    fn words_that_do_not_agree_name_none() {
        assert_eq!(kind("/rent/7", &["House for sale"], &[], &[]), None);
        assert_eq!(kind("/h/7", &["Houses for sale and to rent"], &[], &[]), None);
        assert_eq!(kind("/h/7", &["House for sale"], &["Home", "Rent"], &[]), None);
    }

    #[test]
    fn what_the_data_of_the_home_say_comes_first() {
        let rent = (Field::ListingType, json!("rent"));
        let period = (Field::RentalPeriod, json!("month"));

        assert_eq!(kind("/for-sale/7", &[], &[], &[rent]), Some(ListingType::Lease));
        assert_eq!(kind("/for-sale/7", &[], &[], &[period]), None);
    }

    #[test]
    fn parts_of_an_address_are_taken_out_of_its_text() {
        let address = |told: &[(Field, Value)]| {
            let learned = learned("https://homes.example.com/h/7", &PageFacts::default(), told);
            let address = learned.property.address.unwrap();
            (address.street, address.city, address.postal_code)
        };
        let some = |text: &str| Some(text.to_owned());

        assert_eq!(
            address(&[(Field::Unparsed, json!("12 Oak St, Toledo, OH 43604"))]),
            (some("12 Oak St"), some("Toledo"), some("43604"))
        );
        assert_eq!(
            address(&[(Field::Unparsed, json!("26127 Oldenburg")), (Field::Country, json!("DE"))]),
            (None, some("Oldenburg"), some("26127"))
        );
        assert_eq!(
            address(&[(Field::Street, json!("Oak Road London SE1")), (Field::Country, json!("GB"))]),
            (some("Oak Road"), some("London"), some("SE1"))
        );
        assert_eq!(
            address(&[(Field::Street, json!("Oak Road, Leeds, LS1 4DY"))]),
            (some("Oak Road"), some("Leeds"), some("LS1 4DY"))
        );
        assert_eq!(
            address(&[(Field::Unparsed, json!("Oak Road, Leeds, LS1 4DY")), (Field::City, json!("Otley"))]),
            (some("Oak Road"), some("Otley"), some("LS1 4DY"))
        );
        assert_eq!(address(&[(Field::Street, json!("Oak Road 12"))]), (some("Oak Road 12"), None, None));
    }

    fn shown(parts: AddressParts, lines: &[&str]) -> PageFacts {
        let numbered_streets = lines.iter().map(|line| (*line).to_owned()).collect();
        let visible_address = VisibleAddress { parts: Some(parts), fragment: "address", numbered_streets };
        PageFacts { visible_address, ..PageFacts::default() }
    }

    #[test]
    fn a_visible_address_adds_what_is_missing_unless_it_is_another() {
        let address = |told: &[(Field, Value)]| {
            let parts = AddressParts {
                text: "Lindi tn 8, Tallinn, Harjumaa".to_owned(),
                street: Some("Lindi tn 8".to_owned()),
                city: Some("Tallinn".to_owned()),
                ..AddressParts::default()
            };
            let facts = shown(parts, &["Lindi tn 8"]);
            let address = learned("https://homes.example.com/h/7", &facts, told).property.address.unwrap();
            [address.street, address.city, address.unparsed].map(Option::unwrap_or_default)
        };

        assert_eq!(address(&[]), ["Lindi tn 8", "Tallinn", ""]);
        assert_eq!(address(&[(Field::City, json!("Tallinn"))]), ["Lindi tn 8", "Tallinn", ""]);
        assert_eq!(address(&[(Field::City, json!("Narva"))]), ["", "Narva", ""]);
        assert_eq!(address(&[(Field::Street, json!("Kase tn 3"))]), ["Kase tn 3", "", ""]);
        assert_eq!(address(&[(Field::Street, json!("Lindi tn"))]), ["Lindi tn 8", "Tallinn", ""]);
    }

    #[test]
    fn a_known_street_gets_the_number_that_the_page_shows() {
        let street = |known: &str, lines: &[&str]| {
            let facts = shown(AddressParts::default(), lines);
            let told = [(Field::Street, json!(known)), (Field::City, json!("Town"))];
            learned("https://homes.example.com/h/7", &facts, &told).property.address.unwrap().street.unwrap()
        };

        assert_eq!(street("Lipowa", &["Lipowa 51"]), "Lipowa 51");
        assert_eq!(street("Oak Rd", &["5504 Oak Rd"]), "5504 Oak Rd");
        assert_eq!(street("Lipowa", &["Lipowa 51", "Lipowa 53"]), "Lipowa");
        assert_eq!(street("Lipowa", &["Lipowa Góra 51"]), "Lipowa");
        assert_eq!(street("Lipowa 3", &["Lipowa 51"]), "Lipowa 3");
    }
}
