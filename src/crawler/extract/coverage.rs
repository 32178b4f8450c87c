//! Coverage of a job's pages: a count for each field, for each layer and for what was doubtful, for the job's `stats`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extraction::{Extraction, Layer, Listing, PageKind};
use crate::protocol::property::PropertyInput;

/// Counts over many pages. Written as JSON it stays far below the bound of `stats`: the fields are a closed set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coverage {
    pub pages: u64,
    /// Pages with at least one listing.
    pub pages_with_listings: u64,
    /// Pages of each kind.
    pub kinds: BTreeMap<PageKind, u64>,
    /// Pages that show a price and rooms like a home's and told no listing.
    pub pages_without_expected_listing: u64,
    pub listings: u64,
    /// Listings with the field; parts of the address are counted as `address.city`.
    pub fields: BTreeMap<String, u64>,
    /// Listings by the best layer that told something of them.
    pub layers: BTreeMap<Layer, u64>,
    /// Fields for which two layers of a page told different values.
    pub disagreements: BTreeMap<String, u64>,
    /// Listings whose currency is the only one of their country.
    pub inferred_currencies: u64,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u64,
    /// Entries of lists with nothing to make a key from.
    pub unkeyed: u64,
}

impl Coverage {
    /// Adds one page.
    pub fn add_page(&mut self, page: &Extraction) {
        self.pages += 1;
        self.pages_with_listings += u64::from(!page.listings.is_empty());
        *self.kinds.entry(page.kind).or_default() += 1;
        self.pages_without_expected_listing += u64::from(page.signs.looks_like_listing);
        self.skipped_blocks += u64::from(page.skipped_blocks);
        self.unkeyed += u64::from(page.unkeyed);
        for (field, count) in &page.disagreements {
            *self.disagreements.entry(field.clone()).or_default() += u64::from(*count);
        }
        for listing in &page.listings {
            self.add_listing(listing);
        }
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        self.pages += other.pages;
        self.pages_with_listings += other.pages_with_listings;
        self.pages_without_expected_listing += other.pages_without_expected_listing;
        self.listings += other.listings;
        self.inferred_currencies += other.inferred_currencies;
        self.skipped_blocks += other.skipped_blocks;
        self.unkeyed += other.unkeyed;
        add_counts(&mut self.kinds, &other.kinds);
        add_counts(&mut self.fields, &other.fields);
        add_counts(&mut self.layers, &other.layers);
        add_counts(&mut self.disagreements, &other.disagreements);
    }

    fn add_listing(&mut self, listing: &Listing) {
        self.listings += 1;
        self.inferred_currencies += u64::from(listing.inferred_currency);
        *self.layers.entry(listing.layer).or_default() += 1;
        for field in fields_of(&listing.property) {
            *self.fields.entry(field).or_default() += 1;
        }
    }
}

/// The fields of a listing that are known, by their names on the wire; parts of the address as `address.city`.
pub fn fields_of(property: &PropertyInput) -> Vec<String> {
    // The wire's own names: whatever field is added there is counted here.
    let Ok(Value::Object(fields)) = serde_json::to_value(property) else { return Vec::new() };
    let mut names = Vec::with_capacity(fields.len());
    for (field, value) in fields {
        match value {
            Value::Object(parts) if field == "address" => {
                names.extend(parts.keys().map(|part| format!("address.{part}")));
            }
            _ => names.push(field),
        }
    }
    names
}

fn add_counts<K: Clone + Ord>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::extract::extraction::PageSigns;
    use crate::protocol::property::Address;

    fn page(layer: Layer, property: PropertyInput) -> Extraction {
        let listing = Listing {
            property,
            layer,
            told_key: true,
            ids: Vec::new(),
            origins: BTreeMap::new(),
            inferred_currency: layer == Layer::Microdata,
        };
        Extraction {
            kind: PageKind::Detail,
            listings: vec![listing],
            skipped_blocks: 1,
            disagreements: BTreeMap::from([("list_price".to_owned(), 2)]),
            ..Extraction::default()
        }
    }

    #[test]
    fn fields_layers_and_doubts_are_counted_and_counts_add_up() {
        let priced = PropertyInput { list_price: Some(1.0), ..PropertyInput::default() };
        let address = Address { city: Some("Toledo".to_owned()), ..Address::default() };
        let placed = PropertyInput { address: Some(address), ..priced.clone() };
        let unread = PageSigns { looks_like_listing: true, ..PageSigns::default() };
        let (mut total, mut other) = (Coverage::default(), Coverage::default());

        total.add_page(&page(Layer::JsonLd, priced));
        total.add_page(&Extraction { signs: unread, ..Extraction::default() });
        other.add_page(&page(Layer::Microdata, placed));
        total.merge(&other);

        assert_eq!(
            serde_json::to_value(&total).unwrap(),
            serde_json::json!({
                "pages": 3, "pages_with_listings": 2, "listings": 2, "skipped_blocks": 2, "unkeyed": 0,
                "kinds": {"detail": 2, "neither": 1}, "pages_without_expected_listing": 1,
                "fields": {"list_price": 2, "address.city": 1},
                "layers": {"json_ld": 1, "microdata": 1},
                "disagreements": {"list_price": 4}, "inferred_currencies": 1,
            })
        );
        let back: Coverage = serde_json::from_value(serde_json::to_value(&total).unwrap()).unwrap();
        assert_eq!(back, total);
    }

    #[test]
    fn counts_of_the_version_before_are_read() {
        let before = serde_json::json!({
            "pages": 3, "pages_with_listings": 2, "listings": 2, "skipped_blocks": 2, "unkeyed": 0,
            "fields": {"list_price": 2}, "layers": {"embedded": 2},
        });

        let read: Coverage = serde_json::from_value(before).unwrap();

        assert_eq!((read.pages, read.layers[&Layer::PageState]), (3, 2));
    }
}
