//! From draft to listing: the key, the values that several fields give together, and the wire's bounds.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::draft::Draft;
use super::extraction::{Layer, Listing};
use super::vocabulary::normalize_key;
use crate::base::hex::hex;
use crate::base::money::{self, MinorUnits};
use crate::crawler::page::Page;
use crate::protocol::property::{Address, PropertyInput, StandardStatus};

/// Bounds of the wire on `listing_key` and `source`.
const MAX_KEY: usize = 200;
const MAX_SOURCE: usize = 100;

/// The listings, and how many had nothing to make a key from.
pub(super) fn finalize(drafts: Vec<(Layer, Draft)>, page: &Page, most: usize) -> (Vec<Listing>, u32) {
    let canonical = page.canonical();
    let source = source(page.url());
    let anonymous = drafts.iter().filter(|(_, draft)| is_anonymous(draft, canonical)).count();
    let mut taken = HashSet::new();
    let mut listings = Vec::new();
    let mut unkeyed = 0;
    for (layer, draft) in drafts {
        if listings.len() >= most {
            break;
        }
        // The page's own path names one listing; where several would claim it, their addresses distinguish them.
        let shared = anonymous > 1 && is_anonymous(&draft, canonical);
        let key = key(&draft, canonical, shared).filter(|key| !taken.contains(key));
        let Some(key) =
            key.or_else(|| address_key(&draft, canonical)).filter(|key| taken.insert(key.clone()))
        else {
            unkeyed += 1;
            continue;
        };
        listings.push(Listing { property: property(draft, key, &source, canonical), layer });
    }
    (listings, unkeyed)
}

/// The page's host, with its port where that is not the scheme's own.
fn source(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let source = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    shorten(source, MAX_SOURCE)
}

/// Whether neither a key nor a URL of its own names the listing.
fn is_anonymous(draft: &Draft, canonical: &Url) -> bool {
    let own_url = draft.property.source_url.as_deref().is_some_and(|url| url != canonical.as_str());
    draft.property.listing_key.is_none() && !own_url
}

fn key(draft: &Draft, canonical: &Url, shared: bool) -> Option<String> {
    if let Some(key) = &draft.property.listing_key {
        return Some(shorten(key.clone(), MAX_KEY));
    }
    if shared {
        return None;
    }
    let own = draft.property.source_url.as_deref().and_then(|url| Url::parse(url).ok());
    Some(shorten(path_key(own.as_ref().unwrap_or(canonical)), MAX_KEY))
}

/// The path, and the query without parameters that only track where the visitor came from.
fn path_key(url: &Url) -> String {
    let tracks = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.starts_with("utm_")
            || matches!(name, "gclid" | "fbclid" | "msclkid" | "ref" | "referrer" | "sid" | "session")
    };
    let query: Vec<_> =
        url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !tracks(pair)).collect();
    if query.is_empty() { url.path().to_owned() } else { format!("{}?{}", url.path(), query.join("&")) }
}

fn address_key(draft: &Draft, canonical: &Url) -> Option<String> {
    let Address { unparsed, street, postal_code, city, .. } = draft.property.address.as_ref()?;
    let street = street.as_ref().or(unparsed.as_ref())?;
    let parts = [Some(street), postal_code.as_ref().or(city.as_ref())];
    let address: Vec<_> = parts.into_iter().flatten().map(|part| normalize_key(part)).collect();
    // The path stays readable; the whole must be stable and short.
    Some(shorten(format!("{}#{}", canonical.path(), digest(&address.join("|"))), MAX_KEY))
}

/// `text` as it is, or a beginning of it and a digest of all of it.
fn shorten(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let start: String = text.chars().take(most - 17).collect();
    format!("{start}~{}", digest(&text))
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

fn property(draft: Draft, key: String, source: &str, canonical: &Url) -> PropertyInput {
    let bathrooms_total = bathrooms(&draft);
    // Portals put the bedrooms into schema.org's `numberOfRooms` as often as not; it is used for want of better data.
    let bedrooms = draft.rooms.filter(|rooms| rooms.fract() == 0.0).map(|rooms| rooms as i64);
    let attributes = attributes(&draft, canonical);
    let mut property = draft.property;
    property.listing_key = Some(key);
    property.source = Some(source.to_owned());
    property.source_url = property.source_url.or_else(|| Some(canonical.to_string()));
    property.bathrooms_total = bathrooms_total;
    property.bedrooms_total = property.bedrooms_total.or(bedrooms);
    property.attributes = attributes;
    if property.latitude.is_none() || property.longitude.is_none() || is_null_island(&property) {
        (property.latitude, property.longitude) = (None, None);
    }
    if property.standard_status.is_none() && property.closed_at.is_some() && property.close_price.is_some() {
        property.standard_status = Some(StandardStatus::Closed);
    }
    bound_prices(&mut property);
    property
}

/// Halves count as 0.5. A total that counts them as whole ones (RESO's integer) is corrected if they are given.
fn bathrooms(draft: &Draft) -> Option<f64> {
    let halves = draft.half_baths.unwrap_or(0.0);
    match (draft.full_baths, draft.baths) {
        (Some(full), _) => Some(full + halves / 2.0),
        (None, Some(total)) if total.fract() == 0.0 && total >= halves => Some(total - halves / 2.0),
        (None, Some(total)) => Some(total),
        (None, None) => draft.half_baths.map(|halves| halves / 2.0),
    }
}

/// What has no field of its own, from the listing's own page only: `attributes` is replaced as a whole, and a teaser
/// in a list would erase what the page gave, at every visit.
fn attributes(draft: &Draft, canonical: &Url) -> Option<BTreeMap<String, Value>> {
    if draft.property.source_url.as_deref().is_some_and(|url| url != canonical.as_str()) {
        return None;
    }
    let rooms = draft.rooms.map(Value::from);
    let pairs = [
        ("name", draft.name.clone().map(Value::from)),
        ("description", draft.description.clone().map(Value::from)),
        ("rooms_total", rooms),
        ("price_period", draft.price_period.map(Value::from)),
    ];
    let attributes: BTreeMap<_, _> =
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!attributes.is_empty()).then_some(attributes)
}

/// Zero degrees on both axes is a missing value that went through a number.
fn is_null_island(property: &PropertyInput) -> bool {
    property.latitude == Some(0.0) && property.longitude == Some(0.0)
}

/// Rounds prices to the currency's minor unit, and drops those that can't be stored.
fn bound_prices(property: &mut PropertyInput) {
    let currency = property.currency.clone().unwrap_or_else(|| "USD".to_owned());
    let units = money::minor_per_major(&currency) as f64;
    for price in [&mut property.list_price, &mut property.original_list_price, &mut property.close_price] {
        *price = price.and_then(|amount| {
            let rounded = (amount * units).round() / units;
            MinorUnits::from_major(rounded, &currency)
                .map(|minor| minor.to_major(&currency))
                .filter(|amount| *amount > 0.0)
        });
    }
    let priced = property.list_price.or(property.original_list_price).or(property.close_price);
    if priced.is_none() {
        property.currency = None;
    }
}
