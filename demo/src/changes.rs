//! The changes that a crawl must report, computed from the data alone; the demo's events are compared with them.

use chrono::NaiveDate;

use super::calendar::ListingState;
use super::catalogue::Catalogue;
use super::data::Dollars;
use super::wire::StandardStatus;

/// One event that a crawl must yield. The price is the current one: the asking price, or once closed the sale price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListingChange {
    Created { listing_key: String, status: StandardStatus, price: Dollars },
    PriceChanged { listing_key: String, old: Dollars, new: Dollars },
    StatusChanged { listing_key: String, old: StandardStatus, new: StandardStatus },
    Removed { listing_key: String },
}

/// What a first crawl on the day `on` must yield.
pub(crate) fn expected_first(catalogue: &Catalogue, on: NaiveDate) -> Vec<ListingChange> {
    changes(catalogue, |_| ListingState::NotListed, |row| catalogue.listing_state(row, on))
}

/// What a crawl on the day `to` must yield after one on the day `from`, listing by listing in the order of the file;
/// a price comes before the status that it changed with. A home that appeared and disappeared between the two days
/// yields nothing.
pub(crate) fn expected_changes(catalogue: &Catalogue, from: NaiveDate, to: NaiveDate) -> Vec<ListingChange> {
    changes(catalogue, |row| catalogue.listing_state(row, from), |row| catalogue.listing_state(row, to))
}

fn changes(
    catalogue: &Catalogue,
    before: impl Fn(usize) -> ListingState,
    after: impl Fn(usize) -> ListingState,
) -> Vec<ListingChange> {
    let mut found = Vec::new();
    for row in 0..catalogue.len() {
        found.extend(change_of(catalogue.listing_key(row), before(row), after(row)));
    }
    found
}

fn change_of(listing_key: &str, before: ListingState, after: ListingState) -> Vec<ListingChange> {
    let listing_key = listing_key.to_owned();
    match (visible_status(before), visible_status(after)) {
        (None, None) => Vec::new(),
        (None, Some((status, price))) => vec![ListingChange::Created { listing_key, status, price }],
        (Some(_), None) => vec![ListingChange::Removed { listing_key }],
        (Some(old), Some(new)) => diff_visible(listing_key, old, new),
    }
}

/// A crawler sees a page or none: for a crawler that never saw the page, "not listed yet" and "gone" are the same.
fn visible_status(state: ListingState) -> Option<(StandardStatus, Dollars)> {
    match state {
        ListingState::NotListed | ListingState::Gone => None,
        ListingState::Open { price } => Some((StandardStatus::Active, price)),
        ListingState::Closed { price, .. } => Some((StandardStatus::Closed, price)),
    }
}

fn diff_visible(
    listing_key: String,
    old: (StandardStatus, Dollars),
    new: (StandardStatus, Dollars),
) -> Vec<ListingChange> {
    let mut found = Vec::new();
    if old.1 != new.1 {
        found.push(ListingChange::PriceChanged { listing_key: listing_key.clone(), old: old.1, new: new.1 });
    }
    if old.0 != new.0 {
        found.push(ListingChange::StatusChanged { listing_key, old: old.0, new: new.0 });
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::Days;

    use super::super::data::{lucas_county, sacramento};
    use super::super::virtual_date::{DATA_END, START};
    use super::*;

    fn lucas() -> Catalogue {
        Catalogue::LucasCounty(Arc::new(lucas_county().unwrap()))
    }

    /// Created, price changed, status changed, removed.
    fn count_by_kind(changes: &[ListingChange]) -> [usize; 4] {
        let mut counts = [0; 4];
        for change in changes {
            let kind = match change {
                ListingChange::Created { .. } => 0,
                ListingChange::PriceChanged { .. } => 1,
                ListingChange::StatusChanged { .. } => 2,
                ListingChange::Removed { .. } => 3,
            };
            counts[kind] += 1;
        }
        counts
    }

    #[test]
    fn the_first_crawl_meets_every_page_that_is_up() {
        let first = expected_first(&lucas(), START);

        assert_eq!(count_by_kind(&first), [2_624 + 274, 0, 0, 0]);
    }

    #[test]
    fn a_month_later_the_data_holds_these_changes() {
        let changes = expected_changes(&lucas(), START, START + Days::new(30));

        assert_eq!(count_by_kind(&changes), [485, 295, 295, 274]);
    }

    #[test]
    fn a_week_later_some_sold_homes_are_gone_and_others_still_up() {
        let changes = expected_changes(&lucas(), START, START + Days::new(7));

        assert_eq!(count_by_kind(&changes), [138, 79, 79, 47]);
    }

    #[test]
    fn a_sale_changes_the_price_before_the_status() {
        let from = "1996-04-22".parse().unwrap();
        let to = "1996-04-23".parse().unwrap();

        let changes = expected_changes(&lucas(), from, to);

        let listing_key = "LUC-00001".to_owned();
        let (old, new) = (Dollars(306_514), Dollars(303_000));
        let at = changes.iter().position(|change| {
            *change == ListingChange::PriceChanged { listing_key: listing_key.clone(), old, new }
        });
        let (old, new) = (StandardStatus::Active, StandardStatus::Closed);
        assert_eq!(changes[at.unwrap() + 1], ListingChange::StatusChanged { listing_key, old, new });
    }

    #[test]
    fn a_home_sold_at_its_assessed_value_changes_its_status_only() {
        let catalogue = lucas();
        let mut day = START;
        let mut status_only = 0;
        while day < DATA_END {
            let next = (day + Days::new(14)).min(DATA_END);
            let [_, prices, statuses, _] = count_by_kind(&expected_changes(&catalogue, day, next));
            status_only += statuses - prices;
            day = next;
        }
        let Catalogue::LucasCounty(table) = &catalogue else { unreachable!() };
        let same_price = |row: &&super::super::data::LucasRow| {
            row.sale_date > START && row.sale_price == row.assessed_value
        };

        assert_eq!(status_only, table.rows().iter().filter(same_price).count());
        assert!(status_only > 0);
    }

    #[test]
    fn sacramento_is_listed_once_and_never_changes() {
        let catalogue = Catalogue::Sacramento(Arc::new(sacramento().unwrap()));

        assert_eq!(count_by_kind(&expected_first(&catalogue, START)), [932, 0, 0, 0]);
        assert_eq!(expected_changes(&catalogue, START, DATA_END), Vec::new());
    }
}
