//! The listings of one site: one table with the calendar applied, addressed by row number.

use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{ListingState, listing_state};
use super::data::{LucasRow, Row, SacramentoRow, Table};

/// The table behind a site.
#[derive(Clone, Debug)]
pub enum Catalogue {
    /// Follows the calendar.
    LucasCounty(Arc<Table<LucasRow>>),
    /// Has no dates: every home is for sale on every day at the one price the data has.
    Sacramento(Arc<Table<SacramentoRow>>),
}

impl Catalogue {
    pub fn len(&self) -> usize {
        match self {
            Self::LucasCounty(table) => table.rows().len(),
            Self::Sacramento(table) => table.rows().len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row number of `listing_key`, from 0.
    pub fn position(&self, listing_key: &str) -> Option<usize> {
        match self {
            Self::LucasCounty(table) => table.position(listing_key),
            Self::Sacramento(table) => table.position(listing_key),
        }
    }

    /// The key of row `row`, which must be below [`Catalogue::len`].
    pub fn listing_key(&self, row: usize) -> &str {
        match self {
            Self::LucasCounty(table) => table.rows()[row].listing_key(),
            Self::Sacramento(table) => table.rows()[row].listing_key(),
        }
    }

    /// What is shown of row `row` on the day `on`.
    pub fn listing_state(&self, row: usize, on: NaiveDate) -> ListingState {
        match self {
            Self::LucasCounty(table) => listing_state(&table.rows()[row], on),
            Self::Sacramento(table) => ListingState::Open { price: table.rows()[row].price },
        }
    }

    /// Rows that are for sale on the day `on`, in the order of the file.
    pub fn open(&self, on: NaiveDate) -> Vec<usize> {
        self.rows_that(on, |showing| matches!(showing, ListingState::Open { .. }))
    }

    /// Rows that were sold recently, in the order of the file.
    pub fn sold(&self, on: NaiveDate) -> Vec<usize> {
        self.rows_that(on, |showing| matches!(showing, ListingState::Closed { .. }))
    }

    fn rows_that(&self, on: NaiveDate, matches: fn(ListingState) -> bool) -> Vec<usize> {
        (0..self.len()).filter(|row| matches(self.listing_state(*row, on))).collect()
    }
}
