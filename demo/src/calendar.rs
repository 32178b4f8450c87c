//! What the listings site shows of a Lucas County sale on a given day: pure rules over the data's dates.
//!
//! A home is for sale for the 180 days before its sale date, at its assessed value. On the sale date it closes at its
//! sale price; for 30 days its page shows that, and the index of recent sales lists it for crawlers. Then the page is
//! permanently gone (410) and in no index.

use chrono::{Days, NaiveDate};

use super::data::{Dollars, LucasRow};

/// Days for sale before the sale.
pub const DAYS_OPEN: u64 = 180;

/// Days on which the page of a sold home is served, the sale date being the first.
pub const DAYS_SOLD: u64 = 30;

/// One listing on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingState {
    /// Not on the site yet: its address answers 404.
    NotListed,
    Open {
        price: Dollars,
    },
    Closed {
        price: Dollars,
        closed_on: NaiveDate,
    },
    /// Was on the site: its address answers 410.
    Gone,
}

/// What the site shows of `row` on the day `on`.
pub fn listing_state(row: &LucasRow, on: NaiveDate) -> ListingState {
    let sold_on = row.sale_date;
    if on < listed_on(row) {
        ListingState::NotListed
    } else if on < sold_on {
        ListingState::Open { price: row.assessed_value }
    } else if on < sold_on + Days::new(DAYS_SOLD) {
        ListingState::Closed { price: row.sale_price, closed_on: sold_on }
    } else {
        ListingState::Gone
    }
}

/// The first day on which the home is for sale.
pub fn listed_on(row: &LucasRow) -> NaiveDate {
    row.sale_date - Days::new(DAYS_OPEN)
}

#[cfg(test)]
mod tests {
    use super::super::data::lucas_county;
    use super::super::virtual_date::{DATA_END, START};
    use super::*;

    fn on(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_home_is_for_sale_then_sold_then_gone() {
        let table = lucas_county().unwrap();
        // LUC-00001: assessed at 306,514, sold for 303,000 on 1996-04-23.
        let row = &table.rows()[0];
        let open = ListingState::Open { price: Dollars(306_514) };
        let closed = ListingState::Closed { price: Dollars(303_000), closed_on: on("1996-04-23") };

        assert_eq!(listing_state(row, on("1995-10-25")), ListingState::NotListed);
        assert_eq!(listing_state(row, on("1995-10-26")), open);
        assert_eq!(listing_state(row, on("1996-04-22")), open);
        assert_eq!(listing_state(row, on("1996-04-23")), closed);
        assert_eq!(listing_state(row, on("1996-05-22")), closed);
        assert_eq!(listing_state(row, on("1996-05-23")), ListingState::Gone);
    }

    fn count(day: NaiveDate, matches: fn(&ListingState) -> bool) -> usize {
        let table = lucas_county().unwrap();
        table.rows().iter().filter(|row| matches(&listing_state(row, day))).count()
    }

    #[test]
    fn the_first_day_shows_two_thousand_open_homes_and_more() {
        assert_eq!(count(START, |it| matches!(it, ListingState::Open { .. })), 2_624);
        assert_eq!(count(START, |it| matches!(it, ListingState::Closed { .. })), 274);
        assert_eq!(count(START, |it| *it == ListingState::Gone), 11_341);
        assert_eq!(count(START, |it| *it == ListingState::NotListed), 11_118);
    }

    #[test]
    fn on_the_last_day_the_last_home_is_sold() {
        let table = lucas_county().unwrap();

        let last_sale = table.rows().iter().map(|row| row.sale_date).max();

        assert_eq!(last_sale, Some(DATA_END));
        assert_eq!(count(DATA_END, |it| matches!(it, ListingState::Open { .. })), 0);
        assert_eq!(count(DATA_END.pred_opt().unwrap(), |it| matches!(it, ListingState::Open { .. })), 31);
    }
}
