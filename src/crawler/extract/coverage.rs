//! Coverage of a job's pages: a count for each field and for each layer, for the job's `stats`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extraction::{Extraction, Layer, Listing};

/// Counts over many pages. Written as JSON it stays far below the bound of `stats`: the fields are a closed set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub pages: u64,
    /// Pages with at least one listing.
    pub pages_with_listings: u64,
    pub listings: u64,
    /// Listings with the field; parts of the address are counted as `address.city`.
    pub fields: BTreeMap<String, u64>,
    /// Listings that the layer named.
    pub layers: BTreeMap<Layer, u64>,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u64,
    /// Listings with nothing to make a key from.
    pub unkeyed: u64,
}

impl Coverage {
    /// Adds the listings of one page.
    pub fn add_page(&mut self, page: &Extraction) {
        self.pages += 1;
        self.pages_with_listings += u64::from(!page.listings.is_empty());
        self.skipped_blocks += u64::from(page.skipped_blocks);
        self.unkeyed += u64::from(page.unkeyed);
        for listing in &page.listings {
            self.add_listing(listing);
        }
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: &Self) {
        self.pages += other.pages;
        self.pages_with_listings += other.pages_with_listings;
        self.listings += other.listings;
        self.skipped_blocks += other.skipped_blocks;
        self.unkeyed += other.unkeyed;
        for (field, count) in &other.fields {
            *self.fields.entry(field.clone()).or_default() += count;
        }
        for (layer, count) in &other.layers {
            *self.layers.entry(*layer).or_default() += count;
        }
    }

    fn add_listing(&mut self, listing: &Listing) {
        self.listings += 1;
        *self.layers.entry(listing.layer).or_default() += 1;
        // The wire's own names: whatever field is added there is counted here.
        let Ok(Value::Object(fields)) = serde_json::to_value(&listing.property) else { return };
        for (field, value) in fields {
            match value {
                Value::Object(parts) if field == "address" => {
                    for part in parts.keys() {
                        *self.fields.entry(format!("address.{part}")).or_default() += 1;
                    }
                }
                _ => *self.fields.entry(field).or_default() += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::property::{Address, PropertyInput};

    fn page(layer: Layer, property: PropertyInput) -> Extraction {
        Extraction { listings: vec![Listing { property, layer }], skipped_blocks: 1, unkeyed: 0 }
    }

    #[test]
    fn fields_and_layers_are_counted_and_counts_add_up() {
        let priced = PropertyInput { list_price: Some(1.0), ..PropertyInput::default() };
        let address = Address { city: Some("Toledo".to_owned()), ..Address::default() };
        let placed = PropertyInput { address: Some(address), ..priced.clone() };
        let (mut total, mut other) = (Coverage::default(), Coverage::default());

        total.add_page(&page(Layer::JsonLd, priced));
        total.add_page(&Extraction::default());
        other.add_page(&page(Layer::Microdata, placed));
        total.merge(&other);

        assert_eq!(
            serde_json::to_value(&total).unwrap(),
            serde_json::json!({
                "pages": 3, "pages_with_listings": 2, "listings": 2, "skipped_blocks": 2, "unkeyed": 0,
                "fields": {"list_price": 2, "address.city": 1},
                "layers": {"json_ld": 1, "microdata": 1},
            })
        );
        let back: Coverage = serde_json::from_value(serde_json::to_value(&total).unwrap()).unwrap();
        assert_eq!(back, total);
    }
}
