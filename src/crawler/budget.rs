//! What reading one page may cost. Every layer that reads the page counts its work and the bytes it keeps against the
//! same budget; when that is spent, reading stops and the page counts as cut off. The budget is in proportion to the
//! page, so that no page costs more for its size than another.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::base::clock::Clock;

/// Steps that any page may cost, and more for each of its bytes. A step is about ten nanoseconds of an optimised
/// build; a dense page with data in every layer takes 3 to 8 a byte.
const BASE_STEPS: u64 = 8_000_000;
const STEPS_PER_BYTE: u64 = 20;
/// Bytes that are kept or copied, over all layers. The largest page by default, of 8 MiB, may take 160 MiB, which a
/// reader's memory has room for; an object of JSON takes hundreds of bytes, so honest pages need a multiple as well.
const BASE_BYTES: u64 = 64 * 1024 * 1024;
const BYTES_PER_BYTE: u64 = 12;
/// Steps between two checks of the clock: some tens of milliseconds.
const STEPS_PER_CLOCK_CHECK: u64 = 1_000_000;

/// Why a page was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncation {
    /// Elements nest too deep.
    Depth,
    /// The tree has too many nodes.
    Nodes,
    /// One tag has too many attributes.
    Attributes,
    /// Reading costs more work than a page of its size may.
    Work,
    /// Reading takes more memory than a page of its size may.
    Memory,
    /// Reading took longer than it may.
    Time,
    /// The result is larger than a reader's response may be.
    Answer,
    /// The parser read the markup otherwise than the scan in front of it, which is a defect of ours.
    Markup,
}

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "its elements nest too deep",
            Self::Nodes => "it has too many elements",
            Self::Attributes => "a tag has too many attributes",
            Self::Work => "reading it takes too much work",
            Self::Memory => "reading it takes too much memory",
            Self::Time => "reading it takes too long",
            Self::Answer => "it says more than is taken of one page",
            Self::Markup => "its markup is ambiguous",
        })
    }
}

/// The work and the bytes that are left to one page. Shared by reference; a page is read by one thread.
#[derive(Debug)]
pub struct PageBudget {
    steps_left: Cell<u64>,
    bytes_left: Cell<u64>,
    allowed: Cost,
    truncation: Cell<Option<Truncation>>,
    deadline: Option<Deadline>,
    next_clock_check: Cell<u64>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub steps: u64,
    pub bytes: u64,
}

struct Deadline {
    clock: Clock,
    at: DateTime<Utc>,
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)
    }
}

impl PageBudget {
    /// The budget of a page of `page_bytes`.
    pub fn for_page(page_bytes: usize) -> Self {
        let page_bytes = page_bytes as u64;
        let steps = BASE_STEPS.saturating_add(page_bytes.saturating_mul(STEPS_PER_BYTE));
        let bytes = BASE_BYTES.saturating_add(page_bytes.saturating_mul(BYTES_PER_BYTE));
        Self {
            steps_left: Cell::new(steps),
            bytes_left: Cell::new(bytes),
            allowed: Cost { steps, bytes },
            truncation: Cell::new(None),
            deadline: None,
            next_clock_check: Cell::new(0),
        }
    }

    /// The same, but also spent when `clock` has advanced by `span`: for a reader that can't be ended from outside.
    #[must_use]
    pub fn with_deadline(mut self, clock: Clock, span: Duration) -> Self {
        let at = clock.steady() + span;
        self.deadline = Some(Deadline { clock, at });
        self.next_clock_check.set(self.steps_left.get());
        self
    }

    /// Counts `steps` of work. False when the budget is spent: the caller stops.
    pub fn charge_steps(&self, steps: u64) -> bool {
        if self.is_spent() {
            return false;
        }
        let Some(left) = self.steps_left.get().checked_sub(steps) else {
            self.steps_left.set(0);
            self.stop(Truncation::Work);
            return false;
        };
        self.steps_left.set(left);
        self.deadline.is_none() || left > self.next_clock_check.get() || self.is_in_time(left)
    }

    /// Counts `bytes` that are kept or copied, and the work of copying them. False when the budget is spent.
    pub fn charge_bytes(&self, bytes: u64) -> bool {
        if self.is_spent() {
            return false;
        }
        let Some(left) = self.bytes_left.get().checked_sub(bytes) else {
            self.bytes_left.set(0);
            self.stop(Truncation::Memory);
            return false;
        };
        self.bytes_left.set(left);
        self.charge_steps(scan_steps(bytes))
    }

    /// Counts the work of scanning `bytes`.
    pub fn charge_scan(&self, bytes: usize) -> bool {
        self.charge_steps(scan_steps(bytes as u64))
    }

    /// Ends the reading of this page. The first reason stays.
    pub fn stop(&self, reason: Truncation) {
        if self.truncation.get().is_none() {
            self.truncation.set(Some(reason));
        }
    }

    /// Whether reading has to stop.
    pub fn is_spent(&self) -> bool {
        self.truncation.get().is_some()
    }

    /// Why reading stopped.
    pub fn truncation(&self) -> Option<Truncation> {
        self.truncation.get()
    }

    /// What reading used so far.
    pub fn used(&self) -> Cost {
        Cost {
            steps: self.allowed.steps - self.steps_left.get(),
            bytes: self.allowed.bytes - self.bytes_left.get(),
        }
    }

    /// What reading may use in all.
    pub fn allowed(&self) -> Cost {
        self.allowed
    }

    fn is_in_time(&self, left: u64) -> bool {
        self.next_clock_check.set(left.saturating_sub(STEPS_PER_CLOCK_CHECK));
        let late = self.deadline.as_ref().is_some_and(|deadline| deadline.clock.steady() >= deadline.at);
        if late {
            self.stop(Truncation::Time);
        }
        !late
    }
}

fn scan_steps(bytes: u64) -> u64 {
    1 + bytes / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_and_nothing_more_is_spent() {
        let budget = PageBudget::for_page(0);

        assert!(budget.charge_steps(BASE_STEPS) && !budget.is_spent());
        assert!(!budget.charge_steps(1));
        assert!(!budget.charge_bytes(u64::MAX));

        assert_eq!(budget.truncation(), Some(Truncation::Work));
        assert_eq!(budget.used(), Cost { steps: BASE_STEPS, bytes: 0 });
    }

    #[test]
    fn bytes_have_a_bound_of_their_own() {
        let budget = PageBudget::for_page(1_000);

        assert!(budget.charge_bytes(BASE_BYTES) && budget.charge_bytes(1_000 * BYTES_PER_BYTE));
        assert!(!budget.charge_bytes(1));

        assert_eq!(budget.truncation(), Some(Truncation::Memory));
    }

    #[test]
    fn the_deadline_is_seen_while_work_is_counted() {
        let clock = Clock::manual(DateTime::from_timestamp(1_000_000, 0).unwrap());
        let budget = PageBudget::for_page(1_000_000).with_deadline(clock.clone(), Duration::from_secs(2));
        assert!(budget.charge_steps(10) && budget.charge_steps(STEPS_PER_CLOCK_CHECK * 3));

        clock.advance(Duration::from_secs(2));
        let goes_on = (0..=STEPS_PER_CLOCK_CHECK).take_while(|_| budget.charge_steps(1)).count() as u64;

        assert!(goes_on <= STEPS_PER_CLOCK_CHECK);
        assert_eq!(budget.truncation(), Some(Truncation::Time));
    }
}
