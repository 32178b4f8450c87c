//! One home around Sacramento, California, as in `sacramento.csv`. It has no dates, so it never changes.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::columns::is_valid_coordinate;
use super::dollars::Dollars;
use super::table::Row;
use super::vocabulary::words;

/// A home with a city and a zip code.
///
/// Measured over the 932 rows: no field is empty and no key occurs twice. 17 homes share their coordinates with
/// another, and two pairs of rows differ in the key alone; each row is a listing of its own, as a site would show
/// them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SacramentoRow {
    pub listing_key: String,
    /// `RANCHO_CORDOVA` in the file, `Rancho Cordova` here.
    #[serde(deserialize_with = "city")]
    pub city: String,
    /// `z95838` in the file, `95838` here: the letter only kept a spreadsheet from reading a number.
    #[serde(deserialize_with = "zip")]
    pub zip: String,
    pub beds: u8,
    /// Halves are already counted in.
    pub baths: f64,
    #[serde(rename = "sqft")]
    pub living_area_sqft: u32,
    #[serde(rename = "type")]
    pub home_type: HomeType,
    pub price: Dollars,
    pub latitude: f64,
    pub longitude: f64,
}

impl Row for SacramentoRow {
    fn listing_key(&self) -> &str {
        &self.listing_key
    }

    fn fault(&self) -> Option<&'static str> {
        let baths_in_halves = self.baths >= 0.0 && (self.baths * 2.0).fract() == 0.0;
        match self {
            _ if self.price == Dollars(0) => Some("the price is zero"),
            _ if self.living_area_sqft == 0 => Some("the living area is zero"),
            _ if !baths_in_halves => Some("the baths are not counted in halves"),
            _ if !is_valid_coordinate(self.latitude, self.longitude) => {
                Some("the coordinates are not on the globe")
            }
            _ => None,
        }
    }
}

words! {
    /// The kind of home.
    HomeType {
        Residential = "Residential" shown "Residential",
        Condo = "Condo" shown "Condo",
        MultiFamily = "Multi_Family" shown "Multi Family",
    }
}

impl HomeType {
    /// The schema.org type that states no more than the file does.
    pub fn schema_type(self) -> &'static str {
        match self {
            Self::Residential => "House",
            Self::Condo => "Apartment",
            Self::MultiFamily => "Residence",
        }
    }
}

fn city<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    let word = String::deserialize(field)?;
    if word.is_empty() {
        return Err(D::Error::custom("the city is empty"));
    }
    let names: Vec<String> = word.split('_').map(capitalised).collect();
    Ok(names.join(" "))
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + &rest.to_lowercase()
}

fn zip<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    let word = String::deserialize(field)?;
    let digits = word.strip_prefix('z').unwrap_or_default();
    let fits = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(digits.to_owned()) } else { Err(D::Error::custom("expected a zip code like z95838")) }
}

#[cfg(test)]
mod tests {
    use super::super::sacramento;
    use super::*;

    #[test]
    fn the_first_row_is_read_column_by_column() {
        let table = sacramento().unwrap();
        let row = &table.rows()[0];

        assert_eq!((row.city.as_str(), row.zip.as_str()), ("Sacramento", "95838"));
        assert_eq!((row.beds, row.baths, row.living_area_sqft), (2, 1.0, 836));
        assert_eq!((row.home_type, row.price), (HomeType::Residential, Dollars(59_222)));
        assert_eq!((row.latitude, row.longitude), (38.631_913, -121.434_879));
    }

    #[test]
    fn homes_that_share_a_point_stay_listings_of_their_own() {
        let table = sacramento().unwrap();
        let rows = table.rows();
        let count = |alike: fn(&SacramentoRow, &SacramentoRow) -> bool| {
            let others = |row: &SacramentoRow| rows.iter().filter(|it| alike(it, row)).count() - 1;
            rows.iter().filter(|row| others(row) > 0).count()
        };
        let same_point =
            |a: &SacramentoRow, b: &SacramentoRow| (a.latitude, a.longitude) == (b.latitude, b.longitude);
        let same_row = |a: &SacramentoRow, b: &SacramentoRow| {
            *a == SacramentoRow { listing_key: a.listing_key.clone(), ..b.clone() }
        };

        assert_eq!(count(same_point), 17);
        assert_eq!(count(same_row), 4);
    }

    #[test]
    fn cities_are_written_as_people_write_them() {
        let table = sacramento().unwrap();
        let mut cities: Vec<&str> = table.rows().iter().map(|row| row.city.as_str()).collect();
        cities.sort_unstable();
        cities.dedup();

        assert_eq!(cities.len(), 37);
        assert!(cities.contains(&"El Dorado Hills") && cities.iter().all(|city| !city.contains('_')));
    }
}
