//! Takes a visible address without a postal code apart, as far as its words make the parts certain: "Lindi tn 8, Kesklinn,
//! Tallinn, Harjumaa". What a part is is never guessed from its place alone.

use std::sync::LazyLock;

use regex::Regex;

use super::super::values;
use super::fold::fold;
use super::street_words::{is_bare_number, is_street_and_number, is_worded_street, street_in};

/// Bytes of an address, and its parts.
pub(super) const MAX_TEXT: usize = 240;
const MAX_PARTS: usize = 10;
/// Characters and words of the name of a place.
const MAX_NAME: usize = 40;
const MAX_NAME_WORDS: usize = 5;
/// Parts of a heading that begins with a region: less may be a slogan.
const LEAST_HEADING: usize = 3;
/// Words of municipalities, which hold several towns, and of counties that hold several municipalities.
const MUNICIPALITIES: [&str; 8] =
    ["comarca", "gmina", "kommun", "kommune", "kunta", "okres", "powiat", "vald"];

/// The parts that are certain. `text` is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::crawler::extract) struct AddressParts {
    pub(in crate::crawler::extract) text: String,
    pub(in crate::crawler::extract) street: Option<String>,
    pub(in crate::crawler::extract) city: Option<String>,
    pub(in crate::crawler::extract) state: Option<String>,
    pub(in crate::crawler::extract) postal_code: Option<String>,
}

/// What says that a text is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Its element is called so.
    Named,
    /// It is a part of a heading, which may say anything.
    Heading,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// With the word of a street.
    Street,
    /// A name and the number of a house.
    Numbered,
    /// The number of a house.
    Number,
    District,
    Region,
    Country,
    Name,
    Other,
}

/// How the language of a street's word orders an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The city is the last name: Swedish, Norwegian, Danish, Hebrew.
    CityLast,
    /// The city is the first name and the street is last: Polish, Russian.
    CityFirst,
    Unknown,
}

/// The parts of `text`; `None` where nothing in it is certain. A named text of several names is told as a whole.
pub(super) fn take_apart(text: &str, source: Source) -> Option<AddressParts> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let parts = parts_of(text, source);
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return None;
    }
    let by_code = values::address_text(text, None).unwrap_or_default();
    let has_code = by_code.postal_code.is_some();
    let street = street_of(&parts, source, has_code);
    let city = city_of(&parts, street.as_ref().map(|(at, _)| *at), source);
    let has_city = city.is_some();
    let names = parts.iter().filter(|(_, kind)| *kind == Kind::Name).count();
    let found = AddressParts {
        text: text.to_owned(),
        street: by_code.street.or_else(|| street.map(|(_, street)| street)),
        city: by_code.city.or_else(|| city.map(str::to_owned).filter(|_| !has_code)),
        state: by_code.state.or_else(|| region_of(&parts).filter(|_| has_city && !has_code)),
        postal_code: by_code.postal_code,
    };
    let is_certain = found.street.is_some() || found.city.is_some();
    let is_whole = source == Source::Named && names >= 2 && names == parts.len();
    (is_certain || is_whole).then_some(found)
}

/// The streets with the number of a house in `text`.
pub(super) fn numbered_streets(text: &str) -> Vec<String> {
    let parts = text.split([',', '|', '·', ';']).take(MAX_PARTS).map(str::trim);
    let has_digit = |part: &&str| part.contains(|one: char| one.is_ascii_digit());
    let streets = parts.filter(has_digit).filter(|part| is_street_and_number(part) || is_worded_street(part));
    streets.map(str::to_owned).collect()
}

/// The city in the items of a list that goes from the street to the region, one a line: the name that the last item,
/// "municipality, province", repeats.
pub(super) fn repeated_city<'a>(items: &[&'a str]) -> Option<&'a str> {
    let (last, before) = items.split_last()?;
    let (municipality, _) = last.split_once(", ")?;
    let municipality = fold(municipality);
    let is_repeated = |name: &&'a str| {
        let name = fold(name);
        municipality.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let names = before.iter().skip(1).filter(|item| kind_of(item, Source::Named) == Kind::Name);
    names.copied().find(is_repeated)
}

/// Whether a text may be the name of a city, where its element says that it is one.
pub(super) fn is_city_name(text: &str) -> bool {
    is_name(text) && !is_worded_street(text)
}

fn parts_of(text: &str, source: Source) -> Vec<(&str, Kind)> {
    let parts = text.split([',', '|', '·', ';', '،']).map(str::trim).filter(|part| !part.is_empty());
    parts.take(MAX_PARTS + 1).map(|part| (part, kind_of(part, source))).collect()
}

fn kind_of(part: &str, source: Source) -> Kind {
    let has_digit = part.contains(|one: char| one.is_ascii_digit());
    if is_bare_number(part) {
        return Kind::Number;
    }
    if !has_digit && part.chars().count() > 3 && values::country_code(part).is_some() {
        return Kind::Country;
    }
    if values::is_district(part) {
        return Kind::District;
    }
    if values::is_region(part) {
        return Kind::Region;
    }
    let is_told_street = source == Source::Named && has_digit && values::listing_type(part).is_none();
    if is_worded_street(part) && (is_told_street || !is_about_home(part)) {
        return Kind::Street;
    }
    if is_about_home(part) {
        return if street_in(part).is_some() { Kind::Street } else { Kind::Other };
    }
    if is_street_and_number(part) {
        return Kind::Numbered;
    }
    if street_in(part).is_some() {
        return Kind::Street;
    }
    if is_name(part) && !is_municipality(part) { Kind::Name } else { Kind::Other }
}

/// Whether a part says what is offered, and how.
fn is_about_home(part: &str) -> bool {
    let rooms = values::rooms_text(part);
    values::listing_type(part).is_some()
        || values::property_type(part).is_some()
        || rooms.bedrooms.is_some()
        || rooms.rooms.is_some()
        || HOME_WORDS.as_ref().is_some_and(|words| words.is_match(&fold(part)))
}

/// Homes in languages whose types are not read as types.
static HOME_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(^|\s)(korter|maja|tuba|квартира|квартиры|дом|דירה|בית|penthouse|lagenhet|bostad)(\s|$)")
        .ok()
});

fn is_name(part: &str) -> bool {
    let is_sign = |one: char| {
        one.is_ascii_digit()
            || matches!(one, '(' | ')' | ':' | '/' | '!' | '?' | '•' | '€' | '%' | '+' | '&' | '"')
    };
    part.chars().next().is_some_and(|one| one.is_alphabetic() && !one.is_lowercase())
        && part.chars().count() <= MAX_NAME
        && part.split_whitespace().count() <= MAX_NAME_WORDS
        && !part.contains(is_sign)
        && !part.ends_with('.')
}

fn is_municipality(part: &str) -> bool {
    let folded = fold(part);
    let mut words = folded.split_whitespace();
    let first = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or_default();
    MUNICIPALITIES.contains(&first) || MUNICIPALITIES.contains(&last)
}

/// The street and its place among the parts. A name with a number is one where it is first or last and something else says
/// that the text is an address: in "Praha 4" the number is a district's.
fn street_of(parts: &[(&str, Kind)], source: Source, has_code: bool) -> Option<(usize, String)> {
    let places = |wanted: Kind| {
        let found = parts.iter().enumerate().filter(move |(_, (_, kind))| *kind == wanted);
        found.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let at = match (places(Kind::Street).as_slice(), places(Kind::Numbered).as_slice()) {
        ([one], _) => *one,
        ([], [one]) if is_numbered_street(parts, *one, source, has_code) => *one,
        _ => return None,
    };
    let (part, _) = parts.get(at)?;
    let street = if is_about_home(part) && !is_worded_street(part) { street_in(part)? } else { *part };
    let street = street_in(street).unwrap_or(street);
    let has_number = street.contains(|one: char| one.is_ascii_digit());
    let number = parts.get(at + 1).filter(|(_, kind)| *kind == Kind::Number && !has_number);
    // A heading without a number, a second part or a preposition is a name like any other: "Leicester Square".
    let is_alone = parts.len() == 1 && street.len() == part.len();
    if source == Source::Heading && is_alone && !has_number {
        return None;
    }
    let street = number.map_or_else(|| street.to_owned(), |(number, _)| format!("{street}, {number}"));
    Some((at, street))
}

fn is_numbered_street(parts: &[(&str, Kind)], at: usize, source: Source, has_code: bool) -> bool {
    let is_said = |(_, kind): &(&str, Kind)| !matches!(kind, Kind::Other | Kind::Numbered | Kind::Number);
    let is_region = |(_, kind): &(&str, Kind)| *kind == Kind::Region;
    let is_outer = !parts.iter().take(at).any(is_said) || !parts.iter().skip(at + 1).any(is_said);
    let is_address = match source {
        Source::Named => parts.iter().any(is_said),
        Source::Heading => parts.iter().any(is_region),
    };
    is_outer && (is_address || has_code)
}

/// The part that can only be the city.
fn city_of<'a>(parts: &[(&'a str, Kind)], street: Option<usize>, source: Source) -> Option<&'a str> {
    let name_at = |at: usize| parts.get(at).filter(|(_, kind)| *kind == Kind::Name).map(|(name, _)| *name);
    let kind_at = |at: usize| parts.get(at).map(|(_, kind)| *kind);
    let ends_in_country = kind_at(parts.len().wrapping_sub(1)) == Some(Kind::Country);
    let first = usize::from(kind_at(0) == Some(Kind::Country));
    let last = parts.len().checked_sub(1 + usize::from(ends_in_country))?;
    let is_heading = source == Source::Heading;
    // A region stands beside the city.
    if kind_at(first) == Some(Kind::Region) && (!is_heading || parts.len() >= LEAST_HEADING) {
        return name_at(first + 1);
    }
    if kind_at(last) == Some(Kind::Region) && (!is_heading || street.is_some()) {
        return name_at(last.checked_sub(1)?);
    }
    if is_heading {
        return None;
    }
    let mut names = parts.iter().filter(|(_, kind)| *kind == Kind::Name).map(|(name, _)| *name);
    let only = names.next().filter(|_| names.next().is_none());
    let has_district = parts.iter().any(|(_, kind)| *kind == Kind::District);
    if ends_in_country && only.is_some() {
        return name_at(last);
    }
    if only.is_some() && street.is_some() && has_district {
        return only;
    }
    let at = street?;
    let (text, _) = parts.get(at)?;
    match order_of(text) {
        Order::CityLast if at == 0 => name_at(last).filter(|_| last > 0),
        Order::CityFirst if parts.iter().skip(at + 1).all(|(_, kind)| *kind == Kind::Number) => {
            name_at(first).filter(|name| first < at && !is_adjective(name))
        }
        _ => None,
    }
}

fn region_of(parts: &[(&str, Kind)]) -> Option<String> {
    let mut regions = parts.iter().filter(|(_, kind)| *kind == Kind::Region).map(|(region, _)| *region);
    let region = regions.next()?;
    regions.next().is_none().then(|| region.to_owned())
}

/// Polish counties are adjectives: "piaseczyński".
fn is_adjective(name: &str) -> bool {
    let folded = fold(name);
    let first = folded.split_whitespace().next().unwrap_or_default();
    first.ends_with("ski") || first.ends_with("cki") || first.ends_with("skie")
}

fn order_of(street: &str) -> Order {
    let folded = fold(street);
    if folded.contains(|one: char| ('\u{5d0}'..='\u{5ea}').contains(&one)) {
        return Order::CityLast;
    }
    let is_polish = ["ul.", "ul ", "al.", "os.", "ulica ", "aleja ", "osiedle "];
    let is_russian = ["ул.", "ул ", "улица ", "просп", "пер.", "шоссе ", "наб.", "бульвар "];
    if is_polish.iter().chain(&is_russian).any(|start| folded.starts_with(*start)) {
        return Order::CityFirst;
    }
    let words = folded.split_whitespace();
    // The number, and a letter behind it: "Storgatan 5 b".
    let mut names =
        words.filter(|word| word.chars().count() > 1 && !word.starts_with(|one: char| one.is_ascii_digit()));
    let last = names.next_back().unwrap_or_default();
    let scandinavian = ["gatan", "vagen", "vej", "gade", "veien", "plads"];
    if scandinavian.iter().any(|end| last.ends_with(*end) && last.len() > end.len()) {
        return Order::CityLast;
    }
    let is_russian_end = ["улица", "проспект", "переулок", "шоссе", "бульвар", "набережная"].contains(&last);
    if is_russian_end { Order::CityFirst } else { Order::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, source: Source) -> [String; 3] {
        let parts = take_apart(text, source).unwrap_or_default();
        [parts.street, parts.city, parts.state].map(Option::unwrap_or_default)
    }

    #[test]
    fn words_make_the_parts_of_a_named_address_certain() {
        for (text, expected) in [
            ("Lindi tn 8, Kesklinn, Tallinn, Harjumaa", ["Lindi tn 8", "Tallinn", "Harjumaa"]),
            ("Tartumaa, Tartu, Ropka, Kase 61", ["Kase 61", "Tartu", "Tartumaa"]),
            ("Москва, ЦАО, р-н Арбат, ул. Липовая, 44", ["ул. Липовая, 44", "Москва", ""]),
            ("Московская область, Химки, ул. Липовая, 4", ["ул. Липовая, 4", "Химки", "Московская область"]),
            ("Lindgatan 15, 6 tr, Norra Parken, Stockholm", ["Lindgatan 15", "Stockholm", ""]),
            ("Lindevej 5, København", ["Lindevej 5", "København", ""]),
            ("הדקל 57, דירה, מרכז / צפון, חולון", ["הדקל 57", "חולון", ""]),
            ("Warszawa, Mokotów, ul. Lipowa 10", ["ul. Lipowa 10", "Warszawa", ""]),
            ("mazowieckie, Radom, ul. Lipowa 10", ["ul. Lipowa 10", "Radom", "mazowieckie"]),
            ("Rua das Tílias 3, Bairro Norte, Braga", ["Rua das Tílias 3", "Braga", ""]),
            ("Via dei Tigli 8, Lucca, Italia", ["Via dei Tigli 8", "Lucca", ""]),
            ("12 Oak Street, Toledo, OH", ["12 Oak Street", "Toledo", "OH"]),
            ("Lindenstraße 5, Nordstadt, Bayern", ["Lindenstraße 5", "Nordstadt", "Bayern"]),
            ("Lindenstraße, 5, Ortsteil West, Ulm", ["Lindenstraße, 5", "Ulm", ""]),
        ] {
            assert_eq!(told(text, Source::Named), expected, "{text}");
        }
    }

    #[test]
    fn names_that_may_be_anything_stay_together() {
        for text in ["Estrela, Norte, Lisboa", "Delicias, Madrid"] {
            let parts = take_apart(text, Source::Named).unwrap();
            assert_eq!((parts.text.as_str(), parts.street, parts.city), (text, None, None));
        }
        for (text, street) in [
            ("Calle Mayor 3, Delicias, Madrid", "Calle Mayor 3"),
            ("Lindenstraße 5, Mitte, Berlin", "Lindenstraße 5"),
            ("Kase tee 5, Peetri alevik, Rae vald, Harjumaa", ""),
            ("piaseczyński, Lesznowola, ul. Lipowa 3", "ul. Lipowa 3"),
            ("Praha 4, Praha 5", ""),
        ] {
            assert_eq!(told(text, Source::Named)[1], "", "{text}");
            if !street.is_empty() {
                assert_eq!(told(text, Source::Named)[0], street);
            }
        }
    }

    #[test]
    fn a_heading_tells_less_than_a_named_element() {
        for (text, expected) in [
            ("Tartumaa, Tartu, Ropka", ["", "Tartu", "Tartumaa"]),
            ("Casa à venda na Rua das Tílias", ["Rua das Tílias", "", ""]),
            ("Piso en venta en CL Tilos", ["CL Tilos", "", ""]),
            ("Casa in vendita in via dei Tigli", ["via dei Tigli", "", ""]),
            ("12 Oak Street", ["12 Oak Street", "", ""]),
            ("Oak Street, Leeds", ["Oak Street", "", ""]),
            ("Wonderful views, Kent", ["", "", ""]),
            ("Leicester Square", ["", "", ""]),
            ("Wohnung, Balkon, Garage 2", ["", "", ""]),
            ("Piso cerca de la calle Mayor", ["", "", ""]),
            ("3 bedroom house for sale", ["", "", ""]),
        ] {
            assert_eq!(told(text, Source::Heading), expected, "{text}");
        }
    }

    #[test]
    fn a_name_that_the_municipality_repeats_is_the_city() {
        let items = ["Rua das Tílias", "Bairro Norte", "Braga", "Braga e Sul", "Braga, Minho"];
        assert_eq!(repeated_city(&items), Some("Braga"));
        assert_eq!(repeated_city(&["CL Tilos", "Madrid", "Madrid capital, Madrid"]), Some("Madrid"));
        assert_eq!(repeated_city(&["CL Tilos", "Norte", "Sur"]), None);
    }
}
