//! The two public tables of homes, embedded and read once into typed rows. A row that does not fit the rules stops
//! the demo with its line number: with a silently dropped listing every later count would be wrong.

mod lucas;
mod sacramento;
mod vocabulary;

use std::collections::HashMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use lucas::{Garage, LucasRow, Stories, Wall};
pub use sacramento::{HomeType, SacramentoRow};

use crate::base::money::MinorUnits;

const LUCAS: &str = include_str!("data/lucas_county_house.csv");
const SACRAMENTO: &str = include_str!("data/sacramento.csv");

/// 25,357 homes sold in Lucas County, Ohio, from 1993-01-04 to 1998-10-05.
pub fn lucas_county() -> Result<Table<LucasRow>, BadRow> {
    Table::parse("lucas_county_house.csv", LUCAS)
}

/// 932 homes around Sacramento, California, without dates.
pub fn sacramento() -> Result<Table<SacramentoRow>, BadRow> {
    Table::parse("sacramento.csv", SACRAMENTO)
}

/// A whole number of US dollars: neither table has cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dollars(pub u32);

impl Dollars {
    /// The amount as the store keeps it.
    pub fn minor(self) -> MinorUnits {
        MinorUnits(i64::from(self.0) * 100)
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", grouped(self.0))
    }
}

/// `number` with a comma between thousands.
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a row of either table answers for itself.
pub trait Row: DeserializeOwned {
    fn listing_key(&self) -> &str;

    /// What is wrong with the row beyond what its types already refuse.
    fn fault(&self) -> Option<&'static str>;
}

/// A row that breaks a rule, with its line.
#[derive(Debug, thiserror::Error)]
#[error("{table} line {line}: {why}")]
pub struct BadRow {
    pub table: &'static str,
    pub line: u64,
    pub why: String,
}

/// The rows of one table in the order of the file, found by key or by position.
#[derive(Debug)]
pub struct Table<R> {
    rows: Vec<R>,
    by_key: HashMap<String, usize>,
}

impl<R: Row> Table<R> {
    fn parse(table: &'static str, text: &str) -> Result<Self, BadRow> {
        let mut parsed = Self { rows: Vec::new(), by_key: HashMap::new() };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for row in reader.deserialize() {
            // The header is line 1; a broken row of the parser names its own line.
            let line = parsed.rows.len() as u64 + 2;
            let bad = |line, why| BadRow { table, line, why };
            let row: R = row.map_err(|error| bad(line_of(&error).unwrap_or(line), error.to_string()))?;
            parsed.push(row).map_err(|why| bad(line, why.to_owned()))?;
        }
        Ok(parsed)
    }

    fn push(&mut self, row: R) -> Result<(), &'static str> {
        if let Some(fault) = row.fault() {
            return Err(fault);
        }
        let taken = self.by_key.insert(row.listing_key().to_owned(), self.rows.len());
        if taken.is_some() {
            return Err("this listing_key is already on an earlier line");
        }
        self.rows.push(row);
        Ok(())
    }
}

impl<R: Row> Table<R> {
    /// The table's first `count` rows alone.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.rows.truncate(count);
        self.by_key.retain(|_, index| *index < count);
        self
    }
}

impl<R> Table<R> {
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The index of the row of `listing_key` in [`Table::rows`].
    pub fn position(&self, listing_key: &str) -> Option<usize> {
        self.by_key.get(listing_key).copied()
    }
}

fn line_of(error: &csv::Error) -> Option<u64> {
    error.position().map(csv::Position::line)
}

/// Reads `4.0` as 4: both tables write some counts as decimals.
fn whole<'de, D: serde::Deserializer<'de>>(field: D) -> Result<u8, D::Error> {
    let number = f64::deserialize(field)?;
    let fits = number.fract() == 0.0 && (0.0..=255.0).contains(&number);
    if fits { Ok(number as u8) } else { Err(serde::de::Error::custom("expected a whole number up to 255")) }
}

/// Reads 0 as unknown, for measures that no real lot can have.
fn unknown_when_zero<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<u32>, D::Error> {
    let number = u32::deserialize(field)?;
    Ok((number > 0).then_some(number))
}

/// Whether the coordinates are in range; NaN is not.
fn is_valid_coordinate(latitude: f64, longitude: f64) -> bool {
    latitude.abs() <= 90.0 && longitude.abs() <= 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_read_whole() {
        assert_eq!(lucas_county().unwrap().rows().len(), 25_357);
        assert_eq!(sacramento().unwrap().rows().len(), 932);
    }

    #[test]
    fn money_is_whole_dollars_shown_with_commas() {
        assert_eq!(Dollars(303_000).to_string(), "$303,000");
        assert_eq!(Dollars(1_234_567).to_string(), "$1,234,567");
        assert_eq!(Dollars(950).to_string(), "$950");
        assert_eq!(Dollars(303_000).minor(), MinorUnits(30_300_000));
    }

    const HEADER: &str = "listing_key,city,zip,beds,baths,sqft,type,price,latitude,longitude";
    const GOOD: &str = "SAC-0001,ELK_GROVE,z95838,2,1.5,836,Condo,59222,38.63,-121.43";

    fn refusal(rows: &[&str]) -> String {
        let text = [&[HEADER], rows].concat().join("\n");
        Table::<SacramentoRow>::parse("homes.csv", &text).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_row_is_refused_by_its_line() {
        let bad_price = GOOD.replace("0001", "0002").replace("59222", "cheap");
        assert!(refusal(&[GOOD, &bad_price]).starts_with("homes.csv line 3: "));

        let free = GOOD.replace("59222", "0");
        assert_eq!(refusal(&[&free]), "homes.csv line 2: the price is zero");

        let short = "SAC-0002,ELK_GROVE";
        assert!(refusal(&[GOOD, short]).starts_with("homes.csv line 3: "));
    }

    #[test]
    fn a_duplicate_key_is_refused() {
        assert_eq!(
            refusal(&[GOOD, GOOD]),
            "homes.csv line 3: this listing_key is already on an earlier line"
        );
    }

    #[test]
    fn a_word_that_is_not_in_the_vocabulary_is_refused() {
        let castle = GOOD.replace("Condo", "Castle");
        assert!(refusal(&[&castle]).contains("unknown variant `Castle`"));
    }

    #[test]
    fn an_unknown_column_is_refused() {
        let text = format!("{HEADER},pool\n{GOOD},yes");
        let refused = Table::<SacramentoRow>::parse("homes.csv", &text).unwrap_err();
        assert!(refused.why.contains("unknown field `pool`"), "{refused}");
    }
}
