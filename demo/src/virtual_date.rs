//! The demo's date: shared, advanced explicitly, and frozen while a crawl runs, so that one crawl sees one day.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use parking_lot::Mutex;

/// The day on which the demo begins.
pub const START: NaiveDate = day(1996, 3, 1);

/// The last sale in the data. After it nothing is known, so the demo stops with a message.
pub const DATA_END: NaiveDate = day(1998, 10, 5);

#[expect(clippy::expect_used, reason = "both dates are constants: a wrong one does not compile")]
const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date of the calendar")
}

/// A shared date. Clones show the same day.
#[derive(Clone, Debug)]
pub struct VirtualDate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    today: NaiveDate,
    freezes: u32,
}

/// One step of the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Step {
    /// Whether this step reached the end of the data (it may be shorter than requested).
    pub fn ends_the_data(self) -> bool {
        self.to == DATA_END
    }
}

/// Why the date could not advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    #[error("the date is frozen while a crawl runs")]
    CrawlRunning,
    #[error("the data ends on {DATA_END}: there is no later sale to show")]
    DataEnded,
}

impl VirtualDate {
    /// A date that shows [`START`].
    pub fn start() -> Self {
        Self(Arc::new(Mutex::new(State { today: START, freezes: 0 })))
    }

    pub fn today(&self) -> NaiveDate {
        self.0.lock().today
    }

    /// Freezes the date until the guard is dropped.
    pub fn freeze(&self) -> FreezeGuard {
        self.0.lock().freezes += 1;
        FreezeGuard(self.clone())
    }

    /// Advances by `days`, but not past the end of the data.
    pub fn step(&self, days: u16) -> Result<Step, StepError> {
        let mut state = self.0.lock();
        if state.freezes > 0 {
            return Err(StepError::CrawlRunning);
        }
        if state.today >= DATA_END {
            return Err(StepError::DataEnded);
        }
        let from = state.today;
        let target = from.checked_add_days(Days::new(days.into())).unwrap_or(DATA_END);
        state.today = target.min(DATA_END);
        Ok(Step { from, to: state.today })
    }
}

/// The date is frozen while this exists.
#[derive(Debug)]
pub struct FreezeGuard(VirtualDate);

impl Drop for FreezeGuard {
    fn drop(&mut self) {
        self.0.0.lock().freezes -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_day() {
        let date = VirtualDate::start();
        let other = date.clone();

        let step = date.step(30).unwrap();

        assert_eq!(step, Step { from: START, to: day(1996, 3, 31) });
        assert_eq!(other.today(), day(1996, 3, 31));
    }

    #[test]
    fn the_date_is_frozen_while_any_crawl_runs() {
        let date = VirtualDate::start();
        let first = date.freeze();
        let second = date.freeze();

        drop(first);
        assert_eq!(date.step(1), Err(StepError::CrawlRunning));
        drop(second);
        assert!(date.step(1).is_ok());
    }

    #[test]
    fn the_last_step_stops_at_the_end_of_the_data_and_the_next_is_refused() {
        let date = VirtualDate::start();

        let last = date.step(10_000).unwrap();

        assert!(last.ends_the_data());
        assert_eq!(date.today(), DATA_END);
        let refused = date.step(1).unwrap_err();
        assert_eq!(refused.to_string(), "the data ends on 1998-10-05: there is no later sale to show");
    }
}
