//! Countries as ISO codes, and the currency in which a country prices homes.

use std::sync::LazyLock;

use iso_currency::{Country, Currency};

use super::country_names::COUNTRIES;
use super::fold::PhraseMap;

/// Characters of the longest name of a country.
const MAX_NAME: usize = 60;

static BY_NAME: LazyLock<PhraseMap<&'static str>> = LazyLock::new(|| {
    let rows = COUNTRIES.iter().flat_map(|(alpha2, alpha3, names)| {
        [*alpha2, *alpha3].into_iter().chain(names.iter().copied()).map(move |name| (name, *alpha2))
    });
    PhraseMap::new(&rows.collect::<Vec<_>>())
});

/// The ISO 3166-1 alpha-2 code of a country that is stated by code or name: "España", "Germany", "DEU", "de".
pub fn country_code(text: &str) -> Option<&'static str> {
    let text = crate::base::text::truncate(text.trim(), 4 * MAX_NAME);
    if text.chars().count() > MAX_NAME {
        return None;
    }
    // schema.org and geocoders write addresses as well: "https://www.wikidata.org/…/DE".
    let name = text.rsplit('/').next().filter(|_| text.contains("://")).unwrap_or(text);
    BY_NAME.get(name)
}

/// The only currency in which homes are priced in a country (alpha-2); `None` where several are usual.
pub fn only_currency_of(country: &str) -> Option<&'static str> {
    if SEVERAL.contains(&country) {
        return None;
    }
    if let Some((_, code)) = AMENDED.iter().find(|(known, _)| *known == country) {
        return Some(code);
    }
    let country = country.parse::<Country>().ok().filter(|country| *country != Country::Unspecified)?;
    let current = |currency: &Currency| currency.flags().is_empty();
    let mut currencies = Currency::from_country(country).into_iter().filter(current);
    match (currencies.next(), currencies.next()) {
        (Some(only), None) => Some(only.code()),
        _ => None,
    }
}

/// Where the table of the library is behind, or lists a currency that no home is priced in.
const AMENDED: &[(&str, &str)] = &[
    // The euro since 2023.
    ("HR", "EUR"),
    // The euro, without being a member.
    ("XK", "EUR"),
    // The dollar is the only money; the colón is history.
    ("SV", "USD"),
];

/// Countries where homes are commonly priced in a currency that is not the country's own, on the same portals:
/// an amount without a currency says nothing there. Not in the list are countries where law or habit has nearly all
/// prices in the own currency, though some sellers think in another (Poland, Hungary, Czechia, Israel, Thailand,
/// Colombia, the Philippines, the Emirates).
const SEVERAL: &[&str] = &[
    // US dollars for sales, the own currency for rents or not at all.
    "AR", "BO", "VE", "CR", "DO", "GT", "HN", "NI", "PA", "PE", "PY", "UY", "CU", "HT",
    // US dollars for foreign buyers: coasts, islands and resorts.
    "MX", "BS", "BB", "BZ", "JM", "KY", "TT", "AG", "AI", "DM", "GD", "KN", "LC", "MS", "VC", "AW", "CW",
    "SX", "BM", "ID", "VN", "MV", "MU", "SC", "FJ", "LK",
    // US dollars or euros against inflation.
    "EG", "TR", "LB", "SY", "IQ", "IR", "ZW", "NG", "GH", "AO", "MZ", "TZ", "UG", "KE", "ZM", "CD", "ET",
    "SD", "KH", "LA", "MM", "AF", // US dollars in what was the Soviet Union.
    "UA", "GE", "AM", "AZ", "BY", "KZ", "KG", "MD", "TJ", "TM", "UZ", "MN",
    // Euros beside the own currency. Bulgaria changed to the euro in 2026, and pages have both.
    "BG", "RO", "RS", "BA", "MK", "AL", "MA", "TN", "DZ", "CV",
    // Two currencies are legal tender, or the neighbour's is usual.
    "BT", "LS", "SZ", "NA", "PS", "IO", "LI",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_known_by_code_and_name() {
        for (text, code) in [
            ("España", "ES"),
            ("Spain", "ES"),
            ("Germany", "DE"),
            ("Deutschland", "DE"),
            ("DEU", "DE"),
            ("de", "DE"),
            ("DE", "DE"),
            ("United Kingdom", "GB"),
            ("UK", "GB"),
            ("England", "GB"),
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("United States of America", "US"),
            ("日本", "JP"),
            ("Österreich", "AT"),
            ("Osterreich", "AT"),
            ("België", "BE"),
            ("Belgique", "BE"),
            ("Polska", "PL"),
            ("Sverige", "SE"),
            ("Italia", "IT"),
            ("Schweiz", "CH"),
            ("Brasil", "BR"),
            ("México", "MX"),
            ("UAE", "AE"),
            ("Türkiye", "TR"),
            ("Turkey", "TR"),
            ("Czech Republic", "CZ"),
            ("Россия", "RU"),
            ("الإمارات العربية المتحدة", "AE"),
            ("대한민국", "KR"),
            ("Éire", "IE"),
            ("The Netherlands", "NL"),
            ("Nederland", "NL"),
        ] {
            assert_eq!(country_code(text), Some(code), "{text}");
        }
        for text in ["", "Atlantis", "Toledo", "XX", "12", "Main Street"] {
            assert_eq!(country_code(text), None, "{text}");
        }
    }

    #[test]
    fn the_only_currency_of_a_country_is_inferred() {
        for (country, code) in [
            ("DE", "EUR"),
            ("HR", "EUR"),
            ("GB", "GBP"),
            ("US", "USD"),
            ("CH", "CHF"),
            ("CA", "CAD"),
            ("PL", "PLN"),
            ("SE", "SEK"),
            ("JP", "JPY"),
            ("AE", "AED"),
            ("TH", "THB"),
            ("CO", "COP"),
            ("PH", "PHP"),
            ("BR", "BRL"),
            ("EC", "USD"),
            ("CL", "CLP"),
            ("ZA", "ZAR"),
            ("IN", "INR"),
        ] {
            assert_eq!(only_currency_of(country), Some(code), "{country}");
        }
    }

    #[test]
    fn where_several_currencies_are_usual_none_is_inferred() {
        for country in [
            "AR", "UY", "PE", "VE", "KH", "LB", "TR", "GE", "UA", "DO", "CR", "MX", "RO", "BG", "RS", "",
            "XX", "de",
        ] {
            assert_eq!(only_currency_of(country), None, "{country}");
        }
    }
}
