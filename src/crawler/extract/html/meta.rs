//! Facts in `<meta>` elements: Open Graph and its product words, Twitter's labels, geo and ICBM positions. Their
//! contents describe the page as a whole.

use serde_json::{Value, json};

use super::super::draft::{At, Draft};
use super::super::field::Field;
use super::super::values::{self, CurrencyHint};
use super::dictionary::meaning;
use super::draft_facts::apply_pair;
use super::fold::fold;
use super::labels::Pair;
use super::outline::Outline;
use crate::crawler::page::Page;
use crate::crawler::page_url::normalise;
use crate::protocol::property::MediaKind;

/// Pictures of a page.
const MAX_IMAGES: usize = 20;
/// Steps of looking a name up among all.
const LOOKUP_STEPS: u64 = 2;

/// Names of facts whose content is taken as it is.
const PLAIN: [(&str, Field); 14] = [
    ("og:street-address", Field::Street),
    ("og:street_address", Field::Street),
    ("place:street-address", Field::Street),
    ("og:locality", Field::City),
    ("og:city", Field::City),
    ("og:region", Field::State),
    ("og:postal-code", Field::PostalCode),
    ("og:postal_code", Field::PostalCode),
    ("og:country-name", Field::Country),
    ("og:country_name", Field::Country),
    ("og:price:standard_amount", Field::OriginalListPrice),
    ("product:original_price:amount", Field::OriginalListPrice),
    ("og:description", Field::Description),
    ("description", Field::Description),
];

/// The `<meta>` elements of a page.
pub(super) struct Metas<'a> {
    outline: &'a Outline<'a>,
    page: &'a Page,
}

impl<'a> Metas<'a> {
    pub(super) fn new(outline: &'a Outline<'a>, page: &'a Page) -> Self {
        Self { outline, page }
    }

    /// The first content of a name, ignoring case, that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.page.budget().charge_steps(LOOKUP_STEPS * self.outline.metas.len() as u64);
        let found = self
            .outline
            .metas
            .iter()
            .filter(move |(of, content)| !content.is_empty() && of.eq_ignore_ascii_case(name));
        found.map(|(_, content)| *content)
    }

    fn first_of(&self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// What `og:type` says, in lower case.
    pub(super) fn og_type(&self) -> Option<String> {
        self.get("og:type").filter(|kind| kind.len() <= 50).map(str::to_lowercase)
    }

    /// The currency that stands beside a price in `<meta>` elements.
    pub(super) fn currency(&self) -> CurrencyHint {
        let names = ["product:price:currency", "og:price:currency", "product:sale_price:currency"];
        let code = self.first_of(&names).and_then(|(_, code)| values::currency_code(code));
        code.map_or(CurrencyHint::None, CurrencyHint::Code)
    }

    /// Sets the price: before all others, since it is stated with its currency.
    pub(super) fn set_price(&self, draft: &mut Draft) {
        let names = ["product:sale_price:amount", "product:price:amount", "og:price:amount", "og:price"];
        let Some((name, amount)) = self.first_of(&names) else { return };
        let currency =
            self.first_of(&["product:price:currency", "og:price:currency", "product:sale_price:currency"]);
        let value = match currency {
            Some((_, currency)) => json!({"amount": amount, "currency": currency}),
            None => Value::from(amount),
        };
        self.set(draft, Field::ListPrice, &value, name);
    }

    /// Sets everything else.
    pub(super) fn set_facts(&self, draft: &mut Draft) {
        self.set_twitter_labels(draft);
        for (name, field) in PLAIN {
            if let Some(content) = self.get(name) {
                self.set(draft, field, &Value::from(content), name);
            }
        }
        self.set_position(draft);
        self.set_region(draft);
        self.set_url(draft);
        let images: Vec<Value> = self.all("og:image").take(MAX_IMAGES).map(Value::from).collect();
        if !images.is_empty() {
            self.set(draft, Field::Media(MediaKind::Photo), &Value::Array(images), "og:image");
        }
    }

    /// `twitter:label1` "Price", `twitter:data1` "£425,000".
    fn set_twitter_labels(&self, draft: &mut Draft) {
        for (label, data) in [("twitter:label1", "twitter:data1"), ("twitter:label2", "twitter:data2")] {
            let (Some(label), Some(value)) = (self.get(label), self.get(data)) else { continue };
            if label.len() > 60 || value.len() > 100 {
                continue;
            }
            if let Some(meaning) = meaning(&fold(label)) {
                let pair = Pair { meaning, label: label.to_owned(), value: value.to_owned(), place: 0 };
                apply_pair(draft, &pair, self.page);
            }
        }
    }

    fn set_position(&self, draft: &mut Draft) {
        if let Some((name, both)) = self.first_of(&["geo.position", "ICBM"]) {
            let both = both.replace(';', ",");
            self.set(draft, Field::LatLon, &Value::from(both), name);
        }
        for (latitude, longitude) in [
            ("place:location:latitude", "place:location:longitude"),
            ("og:latitude", "og:longitude"),
            ("og:location:latitude", "og:location:longitude"),
        ] {
            if let (Some(lat), Some(lon)) = (self.get(latitude), self.get(longitude)) {
                self.set(draft, Field::LatLon, &json!({"latitude": lat, "longitude": lon}), latitude);
            }
        }
    }

    /// `geo.placename` "Berlin, Germany", `geo.region` "DE-BE" (ISO 3166-2).
    fn set_region(&self, draft: &mut Draft) {
        if let Some(place) = self.get("geo.placename") {
            let city = place.split(',').next().unwrap_or_default().trim();
            if !city.is_empty() && city.len() <= 80 && !city.contains(|one: char| one.is_ascii_digit()) {
                self.set(draft, Field::City, &Value::from(city), "geo.placename");
            }
        }
        let Some(region) = self.get("geo.region").filter(|region| region.len() <= 20) else { return };
        let (country, part) = region.split_once('-').unwrap_or((region, ""));
        if values::country_code(country).is_none() {
            return;
        }
        self.set(draft, Field::Country, &Value::from(country), "geo.region");
        if !part.is_empty() {
            self.set(draft, Field::State, &Value::from(part), "geo.region");
        }
    }

    /// The page's own URL, where it says the same as the address: the home page and the page of a category are given as
    /// `og:url` as often as not.
    fn set_url(&self, draft: &mut Draft) {
        let Some(text) = self.get("og:url").filter(|url| url.len() <= 2_000) else { return };
        let stated = self.page.base().join(text).ok().and_then(normalise);
        let own = stated.is_some_and(|url| {
            let canonical = self.page.canonical();
            url.host_str() == canonical.host_str() && url.path() == canonical.path() && url.path() != "/"
        });
        if own {
            self.set(draft, Field::Url, &Value::from(self.page.canonical().as_str()), "og:url");
        }
    }

    fn set(&self, draft: &mut Draft, field: Field, value: &Value, name: &str) {
        let fragment = format!("meta[{name}]");
        draft.set(
            field,
            value,
            &At { base: self.page.base(), budget: self.page.budget(), fragment: &fragment },
        );
    }
}
