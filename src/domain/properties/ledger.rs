//! A batch worked out in memory before anything of it is written: rows in order, each on what the one before left.

use std::collections::HashMap;

use super::change::{Outcome, Told, current_price, decide};
use super::draft::Draft;
use super::places::Places;
use super::upsert::Notify;
use super::view::{News, facts};
use crate::base::ids::JobId;
use crate::protocol::event::Event;
use crate::protocol::problem::FieldError;
use crate::protocol::routing::PropertyFacts;
use crate::storage::job_items::NewJobItem;
use crate::storage::price_history::NewPrice;
use crate::storage::properties::{Key, PropertyRow};

/// The properties that a batch speaks of, and what each of its rows did.
pub(super) struct Ledger {
    entries: Vec<Entry>,
    pub(super) rows: Vec<Result<Entered, Vec<FieldError>>>,
    now: i64,
}

struct Entry {
    row: PropertyRow,
    fate: Fate,
}

/// What the store must learn of a property.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Kept,
    /// That it was seen.
    Seen,
    Changed,
    Created,
}

/// What one row of the batch did.
pub(super) struct Entered {
    pub(super) outcome: Outcome,
    /// None: it reports the removal of a listing that was never known.
    step: Option<Step>,
}

struct Step {
    entry: usize,
    old: Option<PropertyFacts>,
    /// Its id is that of the entry, which gets one when it is inserted.
    after: PropertyRow,
    told: Vec<Told>,
    history: bool,
}

impl Ledger {
    /// Applies the drafts to the stored rows of their keys.
    pub(super) fn work_out(
        stored: Vec<PropertyRow>,
        drafts: &[Result<Draft, Vec<FieldError>>],
        now: i64,
    ) -> Self {
        let key = |row: &PropertyRow| (row.source.clone(), row.listing_key.clone());
        let mut by_key: HashMap<Key, usize> =
            stored.iter().enumerate().map(|(entry, row)| (key(row), entry)).collect();
        let entries = stored.into_iter().map(|row| Entry { row, fate: Fate::Kept }).collect();
        let mut ledger = Self { entries, rows: Vec::with_capacity(drafts.len()), now };
        for draft in drafts {
            let row = match draft {
                Ok(draft) => ledger.enter(&mut by_key, draft),
                Err(errors) => Err(errors.clone()),
            };
            ledger.rows.push(row);
        }
        ledger
    }

    fn enter(&mut self, by_key: &mut HashMap<Key, usize>, draft: &Draft) -> Result<Entered, Vec<FieldError>> {
        let key = (draft.source.clone(), draft.listing_key.clone());
        let known = by_key.get(&key).copied();
        let before = known.map(|entry| &self.entries[entry].row);
        let decision = decide(before, draft, self.now)?;
        let Some(after) = decision.row else {
            return Ok(Entered { outcome: decision.outcome, step: None });
        };
        let old = before.map(facts);
        let fate = match decision.outcome {
            Outcome::Created => Fate::Created,
            Outcome::Changed | Outcome::Removed => Fate::Changed,
            Outcome::Unchanged if before == Some(&after) => Fate::Kept,
            Outcome::Unchanged => Fate::Seen,
        };
        let entry = known.unwrap_or(self.entries.len());
        match self.entries.get_mut(entry) {
            Some(entry) => entry.follow(after.clone(), fate),
            None => self.entries.push(Entry { row: after.clone(), fate }),
        }
        by_key.insert(key, entry);
        let step = Step { entry, old, after, told: decision.told, history: decision.history };
        Ok(Entered { outcome: decision.outcome, step: Some(step) })
    }

    /// The rows that are to be inserted, sorted by key.
    pub(super) fn created(&self) -> Vec<PropertyRow> {
        let mut rows = self.of_fate(Fate::Created);
        rows.sort_by(|one, other| (&one.source, &one.listing_key).cmp(&(&other.source, &other.listing_key)));
        rows
    }

    /// The rows that are to be written anew.
    pub(super) fn changed(&self) -> Vec<PropertyRow> {
        self.of_fate(Fate::Changed)
    }

    /// The ids of those that were only seen.
    pub(super) fn seen(&self) -> Vec<i64> {
        self.entries.iter().filter(|entry| entry.fate == Fate::Seen).map(|entry| entry.row.id).collect()
    }

    fn of_fate(&self, fate: Fate) -> Vec<PropertyRow> {
        self.entries.iter().filter(|entry| entry.fate == fate).map(|entry| entry.row.clone()).collect()
    }

    /// Takes the ids of inserted rows over. False when some were not inserted: another batch was first, and this
    /// one was worked out on what is no longer so.
    #[must_use]
    pub(super) fn adopt(&mut self, inserted: &[PropertyRow]) -> bool {
        let ids: HashMap<(&str, &str), i64> =
            inserted.iter().map(|row| ((row.source.as_str(), row.listing_key.as_str()), row.id)).collect();
        for entry in self.entries.iter_mut().filter(|entry| entry.fate == Fate::Created) {
            match ids.get(&(entry.row.source.as_str(), entry.row.listing_key.as_str())) {
                Some(id) => entry.row.id = *id,
                None => return false,
            }
        }
        for row in self.rows.iter_mut().flatten() {
            if let Some(step) = &mut row.step {
                step.after.id = self.entries[step.entry].row.id;
            }
        }
        true
    }

    fn steps(&self) -> impl Iterator<Item = (Outcome, &Step)> {
        self.rows.iter().flatten().filter_map(|row| Some((row.outcome, row.step.as_ref()?)))
    }

    pub(super) fn history(&self) -> Vec<NewPrice> {
        let told = self.steps().filter(|(_, step)| step.history);
        told.map(|(_, step)| NewPrice::of(&step.after, current_price(&step.after), self.now)).collect()
    }

    /// The events in the order of the batch.
    pub(super) fn events(&self, job_id: Option<JobId>, new: Notify) -> Vec<Event> {
        let mut events = Vec::new();
        for (_, step) in self.steps() {
            let news = News { old: step.old.as_ref(), after: &step.after, job_id, now: self.now };
            let told = step.told.iter().filter(|told| new == Notify::Each || **told != Told::Created);
            events.extend(told.map(|told| news.event(told.clone())));
        }
        events
    }

    /// How many properties are new, and where.
    pub(super) fn found(&self) -> (i64, Places) {
        let mut places = Places::default();
        let mut count = 0;
        for entry in self.entries.iter().filter(|entry| entry.fate == Fate::Created) {
            places.add(&entry.row);
            count += 1;
        }
        (count, places)
    }

    /// Each property once, with what its first row did.
    pub(super) fn items(&self) -> Vec<NewJobItem> {
        let mut entered = vec![false; self.entries.len()];
        let first = self.steps().filter(|(_, step)| !std::mem::replace(&mut entered[step.entry], true));
        first
            .map(|(outcome, step)| NewJobItem { property_id: step.after.id, status: outcome.name() })
            .collect()
    }
}

impl Entry {
    fn follow(&mut self, row: PropertyRow, fate: Fate) {
        self.row = row;
        self.fate = match (self.fate, fate) {
            (Fate::Created, _) | (_, Fate::Created) => Fate::Created,
            (Fate::Changed, _) | (_, Fate::Changed) => Fate::Changed,
            (Fate::Seen, _) | (_, Fate::Seen) => Fate::Seen,
            (Fate::Kept, Fate::Kept) => Fate::Kept,
        };
    }
}

impl Entered {
    /// The row of the property after it, unless there is none.
    pub(super) fn after(&self) -> Option<&PropertyRow> {
        self.step.as_ref().map(|step| &step.after)
    }
}
