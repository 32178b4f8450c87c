//! A property as a flat record, for tables: a column a field, `address.city` for the parts of its address, and JSON
//! text for what has parts of its own. A value that is not known is an empty cell.

use std::borrow::Cow;

use serde::Serialize;

use super::property::{ListingType, Property, RentalPeriod};

/// The columns, in the order of the fields of [`Property`].
pub const COLUMNS: [&str; 46] = [
    "property_id",
    "source",
    "listing_key",
    "source_url",
    "standard_status",
    "listing_type",
    "rental_period",
    "list_price",
    "list_price_low",
    "list_price_high",
    "original_list_price",
    "close_price",
    "currency",
    "property_type",
    "bedrooms_total",
    "bathrooms_total",
    "rooms_total",
    "living_area",
    "living_area_units",
    "lot_size_area",
    "lot_size_units",
    "year_built",
    "stories",
    "parking_total",
    "energy_rating",
    "tenure",
    "address.unparsed",
    "address.street",
    "address.city",
    "address.state_or_province",
    "address.postal_code",
    "address.country",
    "latitude",
    "longitude",
    "listed_at",
    "price_changed_at",
    "closed_at",
    "first_seen_at",
    "last_seen_at",
    "updated_at",
    "removed",
    "description",
    "media",
    "list_office_name",
    "list_agent_name",
    "attributes",
];

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Empty,
    /// A text of the source: it may hold anything.
    Text(&'a str),
    /// A number, a time, a word of a closed set or JSON, as the server writes it.
    Value(Cow<'a, str>),
}

impl Cell<'_> {
    /// The text of the cell as it is.
    pub fn plain(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Text(text) => text,
            Self::Value(text) => text,
        }
    }

    /// The text of the cell for a spreadsheet: a text of the source that a spreadsheet would take for a formula has
    /// an apostrophe before it. Numbers stay numbers.
    pub fn for_spreadsheet(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) if text.starts_with(FORMULA_STARTS) => format!("'{text}").into(),
            Self::Empty | Self::Text(_) | Self::Value(_) => self.plain().into(),
        }
    }
}

/// The characters with which a spreadsheet's formula may begin.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The cells of a property, one for each of [`COLUMNS`].
pub fn cells(property: &Property) -> [Cell<'_>; 46] {
    // Without `..`: a new field needs a column.
    let Property {
        property_id,
        source,
        listing_key,
        source_url,
        standard_status,
        listing_type,
        rental_period,
        list_price,
        list_price_low,
        list_price_high,
        original_list_price,
        close_price,
        currency,
        property_type,
        bedrooms_total,
        bathrooms_total,
        rooms_total,
        living_area,
        living_area_units,
        lot_size_area,
        lot_size_units,
        year_built,
        stories,
        parking_total,
        energy_rating,
        tenure,
        address,
        latitude,
        longitude,
        listed_at,
        price_changed_at,
        closed_at,
        first_seen_at,
        last_seen_at,
        updated_at,
        removed,
        description,
        media,
        list_office_name,
        list_agent_name,
        attributes,
    } = property;
    let address = address.as_ref();
    [
        written(property_id),
        Cell::Text(source),
        Cell::Text(listing_key),
        text(source_url.as_deref()),
        word(Some(standard_status.name())),
        word(listing_type.map(ListingType::name)),
        word(rental_period.map(RentalPeriod::name)),
        number(list_price.as_ref()),
        number(list_price_low.as_ref()),
        number(list_price_high.as_ref()),
        number(original_list_price.as_ref()),
        number(close_price.as_ref()),
        text(currency.as_deref()),
        text(property_type.as_deref()),
        number(bedrooms_total.as_ref()),
        number(bathrooms_total.as_ref()),
        number(rooms_total.as_ref()),
        number(living_area.as_ref()),
        text(living_area_units.as_deref()),
        number(lot_size_area.as_ref()),
        text(lot_size_units.as_deref()),
        number(year_built.as_ref()),
        number(stories.as_ref()),
        number(parking_total.as_ref()),
        text(energy_rating.as_deref()),
        text(tenure.as_deref()),
        text(address.and_then(|address| address.unparsed.as_deref())),
        text(address.and_then(|address| address.street.as_deref())),
        text(address.and_then(|address| address.city.as_deref())),
        text(address.and_then(|address| address.state_or_province.as_deref())),
        text(address.and_then(|address| address.postal_code.as_deref())),
        text(address.and_then(|address| address.country.as_deref())),
        number(latitude.as_ref()),
        number(longitude.as_ref()),
        word(listed_at.as_deref()),
        word(price_changed_at.as_deref()),
        word(closed_at.as_deref()),
        word(Some(first_seen_at)),
        word(Some(last_seen_at)),
        word(Some(updated_at)),
        written(removed),
        text(description.as_deref()),
        json(media.as_ref()),
        text(list_office_name.as_deref()),
        text(list_agent_name.as_deref()),
        json(attributes.as_ref()),
    ]
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Empty, Cell::Text)
}

fn word(word: Option<&str>) -> Cell<'_> {
    word.map_or(Cell::Empty, |word| Cell::Value(word.into()))
}

fn written<'a>(value: &impl ToString) -> Cell<'a> {
    Cell::Value(value.to_string().into())
}

/// Without an exponent, and without decimals where there are none.
fn number<'a>(number: Option<&impl ToString>) -> Cell<'a> {
    number.map_or(Cell::Empty, written)
}

fn json<'a>(value: Option<&impl Serialize>) -> Cell<'a> {
    // What was read as JSON always serialises.
    let text = value.and_then(|value| serde_json::to_string(value).ok());
    text.map_or(Cell::Empty, |text| Cell::Value(text.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use poem_openapi::types::Example;
    use serde_json::Value;

    use super::*;
    use crate::protocol::property::Address;

    /// A property of which everything is known.
    fn whole() -> Property {
        let some = || Some("x".to_owned());
        Property {
            listing_type: Some(ListingType::Lease),
            rental_period: Some(RentalPeriod::Month),
            list_price: Some(1_000_000_000_000_000.0),
            list_price_low: Some(1.5),
            list_price_high: Some(2.0),
            original_list_price: Some(3.0),
            close_price: Some(0.25),
            lot_size_area: Some(0.3),
            lot_size_units: some(),
            stories: Some(2.5),
            energy_rating: some(),
            tenure: some(),
            address: Some(Address {
                unparsed: some(),
                street: some(),
                city: some(),
                state_or_province: some(),
                postal_code: some(),
                country: some(),
            }),
            price_changed_at: some(),
            closed_at: some(),
            ..Property::example()
        }
    }

    fn cell<'a>(property: &'a Property, column: &str) -> Cell<'a> {
        let at = COLUMNS.iter().position(|name| *name == column).unwrap();
        cells(property)[at].clone()
    }

    #[test]
    fn every_field_of_the_wire_has_its_column() {
        let Value::Object(fields) = serde_json::to_value(whole()).unwrap() else { panic!("no object") };
        let mut expected = BTreeSet::new();
        for (name, value) in fields {
            match value {
                Value::Object(parts) if name == "address" => {
                    expected.extend(parts.keys().map(|part| format!("address.{part}")));
                }
                _ => drop(expected.insert(name)),
            }
        }

        assert_eq!(COLUMNS.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), expected);
        assert!(cells(&whole()).iter().all(|cell| *cell != Cell::Empty), "{:?}", cells(&whole()));
    }

    #[test]
    fn a_cell_holds_the_value_of_its_column() {
        let home = whole();

        for (column, expected) in [
            ("property_id", "303"),
            ("standard_status", "active"),
            ("rental_period", "month"),
            ("list_price", "1000000000000000"),
            ("list_price_low", "1.5"),
            ("list_price_high", "2"),
            ("longitude", "-83.54"),
            ("bedrooms_total", "3"),
            ("removed", "false"),
            ("attributes", r#"{"garage_spaces":2}"#),
        ] {
            assert_eq!(cell(&home, column).plain(), expected, "{column}");
        }
        let media: Value = serde_json::from_str(cell(&home, "media").plain()).unwrap();
        assert_eq!(media[0]["kind"], "photo");
        let unknown = Property { address: None, list_price: None, ..home };
        assert_eq!(
            [cell(&unknown, "address.city"), cell(&unknown, "list_price")],
            [Cell::Empty, Cell::Empty]
        );
    }

    #[test]
    fn only_a_text_that_looks_like_a_formula_gets_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(Cell::Text(text).for_spreadsheet(), format!("'{text}"));
            assert_eq!(Cell::Text(text).plain(), text);
        }
        for text in ["", "a=1", "'=1", " =1", "1-2"] {
            assert_eq!(Cell::Text(text).for_spreadsheet(), text);
        }
        assert_eq!(Cell::Value("-83.54".into()).for_spreadsheet(), "-83.54");
    }
}
