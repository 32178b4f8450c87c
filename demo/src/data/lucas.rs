//! One sale in Lucas County, Ohio, as in `lucas_county_house.csv`: every column, with its unit in its name.

use chrono::NaiveDate;
use serde::Deserialize;

use super::columns::{is_valid_coordinate, unknown_when_zero, whole};
use super::dollars::Dollars;
use super::table::Row;
use super::vocabulary::words;

/// A single-family home and its sale.
///
/// Measured over the 25,357 rows: no field is empty, no key or location occurs twice, the assessed value is never
/// zero (lowest 1,714), and 54 rows were sold at exactly their assessed value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LucasRow {
    pub listing_key: String,
    #[serde(rename = "price")]
    pub sale_price: Dollars,
    /// As in the file; 138 homes have a year after that of their sale.
    #[serde(rename = "yrbuilt")]
    pub year_built: u16,
    pub stories: Stories,
    #[serde(rename = "TLA")]
    pub living_area_sqft: u32,
    pub wall: Wall,
    #[serde(deserialize_with = "whole")]
    pub beds: u8,
    /// Zero with no half bath either in 3 rows, one of which has no bedroom: shown unchanged, and read as unknown.
    #[serde(rename = "baths", deserialize_with = "whole")]
    pub full_baths: u8,
    #[serde(rename = "halfbaths", deserialize_with = "whole")]
    pub half_baths: u8,
    /// Zero in 31 rows: no lot has that, so it is unknown there.
    #[serde(rename = "frontage", deserialize_with = "unknown_when_zero")]
    pub frontage_feet: Option<u32>,
    /// Zero in 3,878 rows, likewise.
    #[serde(rename = "depth", deserialize_with = "unknown_when_zero")]
    pub depth_feet: Option<u32>,
    pub garage: Garage,
    /// Zero in exactly the 3,488 rows without a garage.
    #[serde(rename = "garagesqft", deserialize_with = "unknown_when_zero")]
    pub garage_sqft: Option<u32>,
    pub rooms: u8,
    /// Independent: in two rows of three it is not frontage times depth.
    #[serde(rename = "lotsize")]
    pub lot_size_sqft: u32,
    #[serde(rename = "avalue")]
    pub assessed_value: Dollars,
    pub sale_date: NaiveDate,
    pub latitude: f64,
    pub longitude: f64,
}

impl LucasRow {
    /// Full baths and half as much for each half bath: 2 and 1 are 2.5.
    pub fn bathrooms(&self) -> f64 {
        f64::from(self.full_baths) + 0.5 * f64::from(self.half_baths)
    }
}

impl Row for LucasRow {
    fn listing_key(&self) -> &str {
        &self.listing_key
    }

    fn fault(&self) -> Option<&'static str> {
        let has_garage = self.garage != Garage::None;
        match self {
            _ if self.sale_price == Dollars(0) => Some("the sale price is zero"),
            _ if self.assessed_value == Dollars(0) => Some("the assessed value is zero"),
            _ if self.living_area_sqft == 0 => Some("the living area is zero"),
            _ if self.lot_size_sqft == 0 => Some("the lot size is zero"),
            _ if has_garage != self.garage_sqft.is_some() => Some("the garage and its size disagree"),
            _ if !is_valid_coordinate(self.latitude, self.longitude) => {
                Some("the coordinates are not on the globe")
            }
            _ => None,
        }
    }
}

words! {
    /// The number of layers, in the assessor's terms.
    Stories {
        One = "one" shown "One story",
        OneAndHalf = "one+half" shown "One and a half stories",
        Two = "two" shown "Two stories",
        TwoAndHalf = "two+half" shown "Two and a half stories",
        Three = "three" shown "Three stories",
        Bilevel = "bilevel" shown "Bi-level",
        Multilevel = "multilvl" shown "Multi-level",
    }
}

impl Stories {
    /// The number, where the term has one. A bi-level has two layers by its name; "multi-level" (723 rows) is a split
    /// house of an unstated number of layers, so it has no number and pages show the term alone.
    pub fn count(self) -> Option<f64> {
        match self {
            Self::One => Some(1.0),
            Self::OneAndHalf => Some(1.5),
            Self::Two | Self::Bilevel => Some(2.0),
            Self::TwoAndHalf => Some(2.5),
            Self::Three => Some(3.0),
            Self::Multilevel => None,
        }
    }
}

words! {
    /// What the outer walls are made of.
    Wall {
        Brick = "brick" shown "Brick",
        PartBrick = "partbrk" shown "Partly brick",
        Wood = "wood" shown "Wood",
        MetalVinyl = "metlvnyl" shown "Metal or vinyl",
        Stucco = "stucdrvt" shown "Stucco or dryvit",
        Stone = "stone" shown "Stone",
        BlockTile = "ccbtile" shown "Concrete block or tile",
    }
}

words! {
    /// The kind of garage.
    Garage {
        None = "no garage" shown "None",
        Attached = "attached" shown "Attached",
        Detached = "detached" shown "Detached",
        Basement = "basement" shown "Basement",
        Carport = "carport" shown "Carport",
    }
}

#[cfg(test)]
mod tests {
    use super::super::lucas_county;
    use super::*;

    #[test]
    fn the_first_row_is_read_column_by_column() {
        let table = lucas_county().unwrap();
        let row = &table.rows()[0];

        assert_eq!((row.sale_price, row.assessed_value), (Dollars(303_000), Dollars(306_514)));
        assert_eq!((row.beds, row.bathrooms(), row.rooms), (4, 3.5, 12));
        assert_eq!((row.stories.count(), row.wall), (Some(1.5), Wall::PartBrick));
        assert_eq!((row.frontage_feet, row.depth_feet), (Some(177), None));
        assert_eq!((row.garage, row.garage_sqft), (Garage::Attached, Some(625)));
        assert_eq!((row.year_built, row.living_area_sqft, row.lot_size_sqft), (1978, 3_273, 53_496));
        assert_eq!(row.sale_date.to_string(), "1996-04-23");
        assert_eq!((row.latitude, row.longitude), (41.416_904, -83.879_641));
    }

    #[test]
    fn the_counts_the_comments_state_are_those_of_the_data() {
        let table = lucas_county().unwrap();
        let count = |matches: fn(&LucasRow) -> bool| table.rows().iter().filter(|row| matches(row)).count();

        assert_eq!(count(|row| row.sale_price == row.assessed_value), 54);
        assert_eq!(count(|row| row.frontage_feet.is_none()), 31);
        assert_eq!(count(|row| row.depth_feet.is_none()), 3_878);
        assert_eq!(count(|row| row.garage == Garage::None), 3_488);
        assert_eq!(count(|row| row.stories.count().is_none()), 723);
        assert_eq!(count(|row| i32::from(row.year_built) > chrono::Datelike::year(&row.sale_date)), 138);
        assert_eq!(count(|row| row.bathrooms() == 0.0), 3);
        assert_eq!(count(|row| row.beds == 0 && row.bathrooms() == 0.0), 1);
        let lowest = table.rows().iter().map(|row| row.assessed_value).min();
        assert_eq!(lowest, Some(Dollars(1_714)));
    }
}
