//! Plans a batch in memory before anything of it is written: rows in order, each on the result of the one before.

use std::collections::HashMap;

use super::apply::current_price;
use super::diff::{PropertyChange, UpsertOutcome, decide};
use super::draft::Draft;
use super::event_size::size_fault;
use super::location_counts::LocationCounts;
use super::view::{ChangeContext, facts};
use crate::base::ids::JobId;
use crate::protocol::event::Event;
use crate::protocol::problem::FieldError;
use crate::protocol::routing::PropertyFacts;
use crate::storage::job_items::NewJobItem;
use crate::storage::price_history::NewPrice;
use crate::storage::properties::{Key, PropertyRow, Writer};

/// The events about new listings. Changes of known ones are always emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Each of them, and the summary.
    Each,
    /// The summary only: for a first import.
    Summary,
}

/// The properties of a batch, and the effect of each of its rows.
pub(super) struct BatchPlan {
    entries: Vec<PlannedProperty>,
    pub(super) rows: Vec<Result<RowResult, Vec<FieldError>>>,
    writer: Writer,
    now: i64,
}

struct PlannedProperty {
    row: PropertyRow,
    write: PropertyWrite,
}

/// What is written for a property.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PropertyWrite {
    /// Nothing.
    Skip,
    /// Only when it was last seen.
    Touch,
    Update,
    Insert,
}

/// The result of one row of the batch.
pub(super) struct RowResult {
    pub(super) outcome: UpsertOutcome,
    /// None: it reports the removal of an unknown listing.
    effect: Option<RowEffect>,
}

struct RowEffect {
    entry: usize,
    old: Option<PropertyFacts>,
    /// Its id is that of the entry, which gets one when it is inserted.
    after: PropertyRow,
    changes: Vec<PropertyChange>,
    writes_history: bool,
}

impl BatchPlan {
    /// Applies the drafts to the stored rows of their keys.
    pub(super) fn build(
        stored: Vec<PropertyRow>,
        drafts: &[Result<Draft, Vec<FieldError>>],
        writer: Writer,
        now: i64,
    ) -> Self {
        let key = |row: &PropertyRow| (row.source.clone(), row.listing_key.clone());
        let mut by_key: HashMap<Key, usize> =
            stored.iter().enumerate().map(|(entry, row)| (key(row), entry)).collect();
        let entries =
            stored.into_iter().map(|row| PlannedProperty { row, write: PropertyWrite::Skip }).collect();
        let mut plan = Self { entries, rows: Vec::with_capacity(drafts.len()), writer, now };
        for draft in drafts {
            let row = match draft {
                Ok(draft) => plan.apply(&mut by_key, draft),
                Err(errors) => Err(errors.clone()),
            };
            plan.rows.push(row);
        }
        plan
    }

    fn apply(
        &mut self,
        by_key: &mut HashMap<Key, usize>,
        draft: &Draft,
    ) -> Result<RowResult, Vec<FieldError>> {
        let key = (draft.source.clone(), draft.listing_key.clone());
        let existing = by_key.get(&key).copied();
        let before = existing.map(|entry| &self.entries[entry].row);
        let decision = decide(before, draft, self.writer, self.now)?;
        let Some(after) = decision.row else {
            return Ok(RowResult { outcome: decision.outcome, effect: None });
        };
        let is_written = matches!(decision.outcome, UpsertOutcome::Created | UpsertOutcome::Changed);
        if let Some(fault) = size_fault(&after).filter(|_| is_written) {
            return Err(vec![fault]);
        }
        let old = before.map(facts);
        let write = match decision.outcome {
            UpsertOutcome::Created => PropertyWrite::Insert,
            UpsertOutcome::Changed | UpsertOutcome::Removed => PropertyWrite::Update,
            UpsertOutcome::Unchanged if before == Some(&after) => PropertyWrite::Skip,
            UpsertOutcome::Unchanged if before.is_some_and(|before| before.writer != after.writer) => {
                PropertyWrite::Update
            }
            UpsertOutcome::Unchanged => PropertyWrite::Touch,
        };
        let entry = existing.unwrap_or(self.entries.len());
        match self.entries.get_mut(entry) {
            Some(entry) => entry.merge(after.clone(), write),
            None => self.entries.push(PlannedProperty { row: after.clone(), write }),
        }
        by_key.insert(key, entry);
        let step = RowEffect {
            entry,
            old,
            after,
            changes: decision.changes,
            writes_history: decision.writes_history,
        };
        Ok(RowResult { outcome: decision.outcome, effect: Some(step) })
    }

    /// The rows to insert, sorted by key.
    pub(super) fn created(&self) -> Vec<PropertyRow> {
        let mut rows = self.rows_to(PropertyWrite::Insert);
        rows.sort_by(|one, other| (&one.source, &one.listing_key).cmp(&(&other.source, &other.listing_key)));
        rows
    }

    /// The rows to update.
    pub(super) fn changed(&self) -> Vec<PropertyRow> {
        self.rows_to(PropertyWrite::Update)
    }

    /// The ids of the rows to touch.
    pub(super) fn seen(&self) -> Vec<i64> {
        self.entries
            .iter()
            .filter(|entry| entry.write == PropertyWrite::Touch)
            .map(|entry| entry.row.id)
            .collect()
    }

    fn rows_to(&self, write: PropertyWrite) -> Vec<PropertyRow> {
        self.entries.iter().filter(|entry| entry.write == write).map(|entry| entry.row.clone()).collect()
    }

    /// Takes over the ids of inserted rows. False if some were not inserted: another batch was first, and
    /// this plan is based on outdated rows.
    #[must_use]
    pub(super) fn assign_ids(&mut self, inserted: &[PropertyRow]) -> bool {
        let ids: HashMap<(&str, &str), i64> =
            inserted.iter().map(|row| ((row.source.as_str(), row.listing_key.as_str()), row.id)).collect();
        for entry in self.entries.iter_mut().filter(|entry| entry.write == PropertyWrite::Insert) {
            match ids.get(&(entry.row.source.as_str(), entry.row.listing_key.as_str())) {
                Some(id) => entry.row.id = *id,
                None => return false,
            }
        }
        for row in self.rows.iter_mut().flatten() {
            if let Some(step) = &mut row.effect {
                step.after.id = self.entries[step.entry].row.id;
            }
        }
        true
    }

    fn effects(&self) -> impl Iterator<Item = (UpsertOutcome, &RowEffect)> {
        self.rows.iter().flatten().filter_map(|row| Some((row.outcome, row.effect.as_ref()?)))
    }

    pub(super) fn history(&self) -> Vec<NewPrice> {
        let recorded = self.effects().filter(|(_, step)| step.writes_history);
        recorded.map(|(_, step)| NewPrice::of(&step.after, current_price(&step.after), self.now)).collect()
    }

    /// The events in the order of the batch.
    pub(super) fn events(&self, job_id: Option<JobId>, new: Notify) -> Vec<Event> {
        let mut events = Vec::new();
        for (_, step) in self.effects() {
            let context = ChangeContext { old: step.old.as_ref(), after: &step.after, job_id, now: self.now };
            let changes =
                step.changes.iter().filter(|told| new == Notify::Each || **told != PropertyChange::Created);
            events.extend(changes.map(|told| context.event(told.clone())));
        }
        events
    }

    /// The number of new properties, and their locations.
    pub(super) fn count_created(&self) -> (i64, LocationCounts) {
        let mut locations = LocationCounts::default();
        let mut count = 0;
        for entry in self.entries.iter().filter(|entry| entry.write == PropertyWrite::Insert) {
            locations.add(&entry.row);
            count += 1;
        }
        (count, locations)
    }

    /// Each property once, with the outcome of its first row.
    pub(super) fn items(&self) -> Vec<NewJobItem> {
        let mut entered = vec![false; self.entries.len()];
        let first = self.effects().filter(|(_, step)| !std::mem::replace(&mut entered[step.entry], true));
        first
            .map(|(outcome, step)| NewJobItem { property_id: step.after.id, status: outcome.name() })
            .collect()
    }
}

impl PlannedProperty {
    fn merge(&mut self, row: PropertyRow, write: PropertyWrite) {
        self.row = row;
        self.write = match (self.write, write) {
            (PropertyWrite::Insert, _) | (_, PropertyWrite::Insert) => PropertyWrite::Insert,
            (PropertyWrite::Update, _) | (_, PropertyWrite::Update) => PropertyWrite::Update,
            (PropertyWrite::Touch, _) | (_, PropertyWrite::Touch) => PropertyWrite::Touch,
            (PropertyWrite::Skip, PropertyWrite::Skip) => PropertyWrite::Skip,
        };
    }
}

impl RowResult {
    /// The property's row afterwards, if there is one.
    pub(super) fn after(&self) -> Option<&PropertyRow> {
        self.effect.as_ref().map(|step| &step.after)
    }
}
