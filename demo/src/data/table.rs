//! The rows of one table. A row that does not fit the rules stops the demo with its line number: with a silently
//! dropped listing every later count would be wrong.

use std::collections::HashMap;

use serde::de::DeserializeOwned;

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
    pub(super) fn parse(table: &'static str, text: &str) -> Result<Self, BadRow> {
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

#[cfg(test)]
mod tests {
    use super::super::sacramento::SacramentoRow;
    use super::*;

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
