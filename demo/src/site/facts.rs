//! The facts of a detail page, the same in every dialect: the row of the table in the usual terms of a listings site.
//! Only facts of the data are stated: there is no street, and no city where the table has none.

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::calendar::{ListingState, listed_on};
use crate::catalogue::Catalogue;
use crate::data::{Dollars, LucasRow, SacramentoRow, grouped};

/// The structured data format of a page. Fixed per listing, a third of the rows each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    JsonLd,
    EmbeddedState,
    Microdata,
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::JsonLd, Self::EmbeddedState, Self::Microdata];

    /// The dialect of row `row`, counted from 0.
    pub fn of(row: usize) -> Self {
        Self::ALL[row % Self::ALL.len()]
    }
}

/// One listing while its page is served. What is `None` is not in the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub listing_key: String,
    pub name: String,
    /// The schema.org type of the home.
    pub schema_type: &'static str,
    pub property_type: &'static str,
    /// The asking price, or the sale price once sold.
    pub price: Dollars,
    pub listed_on: Option<NaiveDate>,
    /// Set once sold.
    pub closed_on: Option<NaiveDate>,
    pub bedrooms: u8,
    pub bathrooms: f64,
    pub living_area_sqft: u32,
    pub lot_size_sqft: Option<u32>,
    pub year_built: Option<u16>,
    pub stories: Option<f64>,
    pub city: Option<String>,
    /// Two letters.
    pub state: &'static str,
    pub zip: Option<String>,
    pub latitude: f64,
    pub longitude: f64,
    /// The rest of the row. It does not change when the home is sold.
    pub extras: Vec<Extra>,
}

/// A fact that has no field of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Extra {
    /// For machines, `snake_case`.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// For machines: a number, or the term in the file.
    pub value: Value,
    /// For people.
    pub shown: String,
}

impl Facts {
    /// The facts of row `row` on the day `on`; `None` while its page is not served.
    pub fn of(catalogue: &Catalogue, row: usize, on: NaiveDate) -> Option<Self> {
        let (price, closed_on) = match catalogue.listing_state(row, on) {
            ListingState::NotListed | ListingState::Gone => return None,
            ListingState::Open { price } => (price, None),
            ListingState::Closed { price, closed_on } => (price, Some(closed_on)),
        };
        let facts = match catalogue {
            Catalogue::LucasCounty(table) => lucas(&table.rows()[row], price),
            Catalogue::Sacramento(table) => sacramento(&table.rows()[row], price),
        };
        Some(Self { closed_on, ..facts })
    }

    /// An area of `value` square feet in its usual notation.
    pub fn area(value: u32) -> String {
        format!("{} sq ft", grouped(value))
    }

    /// The bathrooms that the crawler is to read: it takes zero for a missing value.
    pub fn known_bathrooms(&self) -> Option<f64> {
        Some(self.bathrooms).filter(|count| *count > 0.0)
    }

    /// One line for an index: `4 bed, 3.5 bath, 3,273 sq ft`.
    pub fn summary(&self) -> String {
        format!("{} bed, {} bath, {}", self.bedrooms, self.bathrooms, Self::area(self.living_area_sqft))
    }
}

fn lucas(row: &LucasRow, price: Dollars) -> Facts {
    Facts {
        name: format!("{}-bedroom house {} in Lucas County, OH", row.beds, row.listing_key),
        listing_key: row.listing_key.clone(),
        schema_type: "SingleFamilyResidence",
        property_type: "Single Family Residence",
        price,
        listed_on: Some(listed_on(row)),
        closed_on: None,
        bedrooms: row.beds,
        bathrooms: row.bathrooms(),
        living_area_sqft: row.living_area_sqft,
        lot_size_sqft: Some(row.lot_size_sqft),
        year_built: Some(row.year_built),
        stories: row.stories.count(),
        city: None,
        state: "OH",
        zip: None,
        latitude: row.latitude,
        longitude: row.longitude,
        extras: lucas_extras(row),
    }
}

fn lucas_extras(row: &LucasRow) -> Vec<Extra> {
    let mut extras = vec![
        Extra::word("county", "County", "Lucas County", "Lucas County"),
        Extra::word("stories_word", "Levels", row.stories.word(), row.stories.label()),
        Extra::word("wall", "Walls", row.wall.word(), row.wall.label()),
        Extra::number("rooms_total", "Rooms", row.rooms.into()),
        Extra::number("bathrooms_full", "Full baths", row.full_baths.into()),
        Extra::number("bathrooms_half", "Half baths", row.half_baths.into()),
        Extra::word("garage", "Garage", row.garage.word(), row.garage.label()),
    ];
    extras.extend(row.garage_sqft.map(|feet| Extra::area("garage_square_feet", "Garage area", feet)));
    extras.extend(row.frontage_feet.map(|feet| Extra::length("frontage_feet", "Frontage", feet)));
    extras.extend(row.depth_feet.map(|feet| Extra::length("depth_feet", "Depth", feet)));
    let assessed = row.assessed_value;
    let value = json!(assessed.0);
    let shown = assessed.to_string();
    extras.push(Extra { name: "assessed_value", label: "Assessed value", value, shown });
    extras
}

fn sacramento(row: &SacramentoRow, price: Dollars) -> Facts {
    Facts {
        name: format!("{}-bedroom home {} in {}, CA {}", row.beds, row.listing_key, row.city, row.zip),
        listing_key: row.listing_key.clone(),
        schema_type: row.home_type.schema_type(),
        property_type: row.home_type.label(),
        price,
        listed_on: None,
        closed_on: None,
        bedrooms: row.beds,
        bathrooms: row.baths,
        living_area_sqft: row.living_area_sqft,
        lot_size_sqft: None,
        year_built: None,
        stories: None,
        city: Some(row.city.clone()),
        state: "CA",
        zip: Some(row.zip.clone()),
        latitude: row.latitude,
        longitude: row.longitude,
        extras: Vec::new(),
    }
}

impl Extra {
    fn word(name: &'static str, label: &'static str, word: &str, shown: &str) -> Self {
        Self { name, label, value: json!(word), shown: shown.to_owned() }
    }

    fn number(name: &'static str, label: &'static str, number: u32) -> Self {
        Self { name, label, value: json!(number), shown: grouped(number) }
    }

    fn area(name: &'static str, label: &'static str, feet: u32) -> Self {
        Self { shown: Facts::area(feet), ..Self::number(name, label, feet) }
    }

    fn length(name: &'static str, label: &'static str, feet: u32) -> Self {
        Self { shown: format!("{} ft", grouped(feet)), ..Self::number(name, label, feet) }
    }
}
