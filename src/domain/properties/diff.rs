//! The rule of an upsert: what a property becomes by a report, and the changes to emit, in order. Pure.

use serde::{Deserialize, Serialize};

use super::apply::{apply, blank, current_price, derive_search_columns};
use super::draft::Draft;
use super::report::{PageReading, PageVisit, Removal};
use crate::base::money::MinorUnits;
use crate::protocol::problem::FieldError;
use crate::protocol::property::{RemovalReason, StandardStatus};
use crate::storage::properties::{PropertyRow, Writer};

/// The outcome of an upsert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpsertOutcome {
    Created,
    Changed,
    Unchanged,
    Removed,
}

impl UpsertOutcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// One change to emit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PropertyChange {
    Created,
    /// Of the current price.
    Price {
        /// Absent if it was not known, or if its currency was not and that of `new` is.
        old: Option<Price>,
        /// Absent if it is not known any more.
        new: Option<Price>,
    },
    /// `old` is `removed` for a listing that came back.
    Status {
        old: String,
        new: String,
    },
    /// Other fields, by their names on the wire.
    Fields(Vec<&'static str>),
    Removed(Removal),
}

/// An amount in minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) minor: i64,
    pub(super) currency: Option<String>,
}

impl Price {
    pub(super) fn to_major(&self) -> f64 {
        MinorUnits(self.minor).to_major(self.currency.as_deref())
    }

    /// The current price of a row.
    fn of(row: &PropertyRow) -> Option<Self> {
        current_price(row).map(|minor| Self { minor, currency: row.currency.clone() })
    }

    /// Whether it is the same number of major units.
    fn has_amount_of(&self, other: &Self) -> bool {
        let (from, to) = (self.currency.as_deref(), other.currency.as_deref());
        MinorUnits(self.minor).with_currency(from, to) == Some(MinorUnits(other.minor))
    }
}

/// What follows from a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) outcome: UpsertOutcome,
    /// The row afterwards. None: an unknown listing is reported as removed.
    pub(super) row: Option<PropertyRow>,
    pub(super) changes: Vec<PropertyChange>,
    /// Price, currency or status differ: a row is added to the history.
    pub(super) writes_history: bool,
}

const CLOSED: &str = StandardStatus::Closed.name();
/// The former status of a listing that came back.
const REMOVED: &str = "removed";

/// Decides what a report of `writer` does. Fails only for prices that the property's currency cannot express.
pub(super) fn decide(
    stored: Option<&PropertyRow>,
    draft: &Draft,
    writer: Writer,
    now: i64,
) -> Result<Decision, Vec<FieldError>> {
    let Some(row) = stored else {
        return if draft.removes() { Ok(Decision::unchanged(None)) } else { create(draft, writer, now) };
    };
    if !may_write(row, draft, writer) || is_outdated(row, draft) {
        return Ok(Decision::unchanged(Some(row.clone())));
    }
    match draft.removal {
        Some(removal) => Ok(remove(row, removal, writer, now)),
        None => update(row, draft, writer, now),
    }
}

/// The crawler changes nothing of a worker's row, and removes it only when its page is gone.
fn may_write(row: &PropertyRow, draft: &Draft, writer: Writer) -> bool {
    match writer {
        Writer::Worker => true,
        Writer::Crawler => {
            let is_gone = draft.removal.is_some_and(|removal| removal.reason == RemovalReason::Gone);
            is_gone || !Writer::Worker.owns(row)
        }
    }
}

/// A page that is read again brings back neither a listing that was removed nor values from before a later visit.
pub(super) fn is_outdated(row: &PropertyRow, draft: &Draft) -> bool {
    match draft.visit {
        Some(PageVisit { fetched_at, reading: PageReading::Again }) => {
            row.removed || row.read_at.is_some_and(|read_at| read_at > fetched_at)
        }
        Some(PageVisit { reading: PageReading::First, .. }) | None => false,
    }
}

/// When the page was fetched that the row is written from now. A worker's row has none.
fn read_at(draft: &Draft, writer: Writer, now: i64) -> Option<i64> {
    match writer {
        Writer::Crawler => Some(draft.visit.map_or(now, |visit| visit.fetched_at)),
        Writer::Worker => None,
    }
}

impl Decision {
    fn unchanged(row: Option<PropertyRow>) -> Self {
        Self { outcome: UpsertOutcome::Unchanged, row, changes: Vec::new(), writes_history: false }
    }
}

fn create(draft: &Draft, writer: Writer, now: i64) -> Result<Decision, Vec<FieldError>> {
    let mut row = blank(draft, writer, now);
    apply(&mut row, draft)?;
    derive_search_columns(&mut row);
    row.read_at = read_at(draft, writer, now);
    Ok(Decision {
        outcome: UpsertOutcome::Created,
        row: Some(row),
        changes: vec![PropertyChange::Created],
        writes_history: true,
    })
}

/// A removal changes nothing else: a page that is gone has no price.
fn remove(stored: &PropertyRow, removal: Removal, writer: Writer, now: i64) -> Decision {
    let mut row = stored.clone();
    take_over(&mut row, writer);
    if stored.removed {
        return Decision::unchanged(Some(row));
    }
    let read_at = (writer == Writer::Crawler).then_some(now);
    let row = PropertyRow { removed: true, updated_at: now, read_at, ..row };
    Decision {
        outcome: UpsertOutcome::Removed,
        row: Some(row),
        changes: vec![PropertyChange::Removed(removal)],
        writes_history: false,
    }
}

fn update(
    before: &PropertyRow,
    draft: &Draft,
    writer: Writer,
    now: i64,
) -> Result<Decision, Vec<FieldError>> {
    let is_again = draft.visit.is_some_and(|visit| visit.reading == PageReading::Again);
    let last_seen_at = if is_again { before.last_seen_at } else { now };
    let mut row = PropertyRow { removed: false, last_seen_at, ..before.clone() };
    take_over(&mut row, writer);
    let differing = apply(&mut row, draft)?;
    close_sale(before, &mut row, draft, now);
    derive_search_columns(&mut row);
    let changes = list_changes(before, &row, differing);
    if changes.is_empty() {
        return Ok(Decision::unchanged(Some(row)));
    }
    row.updated_at = now;
    row.read_at = read_at(draft, writer, now);
    if changes.iter().any(|told| matches!(told, PropertyChange::Price { .. })) {
        row.price_changed_at = Some(now);
    }
    let history = Price::of(before) != Price::of(&row)
        || before.currency != row.currency
        || before.standard_status != row.standard_status;
    Ok(Decision { outcome: UpsertOutcome::Changed, row: Some(row), changes, writes_history: history })
}

/// What a worker reports belongs to workers from then on.
fn take_over(row: &mut PropertyRow, writer: Writer) {
    if writer == Writer::Worker {
        writer.name().clone_into(&mut row.writer);
    }
}

/// Price before status, then the rest. Fields that an emitted price or status covers are not named again: a
/// sale that closes at the list price is one event.
fn list_changes(
    before: &PropertyRow,
    after: &PropertyRow,
    mut differing: Vec<&'static str>,
) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    if let Some(change) = price_change(Price::of(before), Price::of(after)) {
        changes.push(change);
        differing.retain(|name| {
            !matches!(*name, "list_price" | "original_list_price" | "close_price" | "currency")
        });
    }
    if before.removed || before.standard_status != after.standard_status {
        let old = if before.removed { REMOVED } else { &before.standard_status };
        changes.push(PropertyChange::Status { old: old.to_owned(), new: after.standard_status.clone() });
        differing.retain(|name| !matches!(*name, "close_price" | "closed_at"));
    }
    if !differing.is_empty() {
        changes.push(PropertyChange::Fields(differing));
    }
    changes
}

/// The change of the current price. A currency that is learned, or forgotten, with the same amount is none. A price
/// without currency does not compare with one that has one, and is not told as its former value.
fn price_change(old: Option<Price>, new: Option<Price>) -> Option<PropertyChange> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => {
            let is_named = old.currency.is_some() && new.currency.is_some();
            let is_same =
                if is_named || old.currency == new.currency { old == new } else { old.has_amount_of(&new) };
            if is_same {
                return None;
            }
            let is_comparable = old.currency.is_some() || new.currency.is_none();
            (Some(old).filter(|_| is_comparable), Some(new))
        }
        (None, None) => return None,
        one => one,
    };
    Some(PropertyChange::Price { old, new })
}

/// A newly observed sale has closed by now unless the source has a time; a listing that is back on the market
/// loses its sale, or the next one would show the old price.
fn close_sale(before: &PropertyRow, row: &mut PropertyRow, draft: &Draft, now: i64) {
    match (before.standard_status == CLOSED, row.standard_status == CLOSED) {
        (false, true) if draft.fields.closed_at.is_none() && !draft.nulls().has("closed_at") => {
            row.closed_at = Some(now);
        }
        (true, false) => {
            row.closed_at = row.closed_at.filter(|_| draft.fields.closed_at.is_some());
            row.close_price = row.close_price.filter(|_| draft.fields.close_price.is_some());
        }
        (false, true) | (true, true) | (false, false) => {}
    }
}
