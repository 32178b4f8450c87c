//! The demo's terminal: a summary of each tenant that is rewritten in place, or with `-v` a line for every event. Where the output
//! is no terminal a summary is a line at the end of each crawl.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdout};

use parking_lot::Mutex;
use serde_json::Value;

use super::events::Events;
use super::terminal::{self, Colour};
use super::totals::Totals;
use super::virtual_date::VirtualDate;

/// What is shown of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Summary,
    Events,
}

pub(super) struct Screen {
    date: VirtualDate,
    view: View,
    /// Whether lines can be rewritten.
    is_terminal: bool,
    has_colours: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the tenant's slug.
    totals: BTreeMap<&'static str, Totals>,
    /// Waits for the next second.
    events: Events,
    /// Lines of the summary that stand on the terminal now.
    painted: usize,
}

impl Screen {
    pub(super) fn new(date: VirtualDate, view: View) -> Self {
        let is_terminal = stdout().is_terminal();
        let has_colours = is_terminal && terminal::wants_colours();
        Self { date, view, is_terminal, has_colours, state: Mutex::default() }
    }

    /// A line of the demo's own, above the summary.
    pub(super) fn say(&self, words: &str) {
        let mut state = self.state.lock();
        write(&format!("{}{words}\n", terminal::erased(std::mem::take(&mut state.painted))));
        self.paint(&mut state);
    }

    /// Takes a message into the summary, or keeps it for the next second's lines.
    pub(super) fn show(&self, slug: &'static str, message: Value) {
        let mut state = self.state.lock();
        let ended = state.totals.entry(slug).or_default().take(&message);
        match self.view {
            View::Events => state.events.take(slug, message),
            View::Summary if ended && !self.is_terminal => {
                let line = self.summary(slug, &state.totals[slug]);
                write(&(line + "\n"));
            }
            View::Summary => {}
        }
    }

    /// Shows what came meanwhile; to be called every second.
    pub(super) fn tick(&self) {
        let mut state = self.state.lock();
        match self.view {
            View::Events => {
                let today = self.date.today();
                for (slug, line) in state.events.lines() {
                    write(&format!("{today} {slug:<10} {line}\n"));
                }
            }
            View::Summary => self.paint(&mut state),
        }
    }

    fn paint(&self, state: &mut State) {
        if self.view == View::Events || !self.is_terminal {
            return;
        }
        let lines: Vec<String> =
            state.totals.iter().map(|(slug, totals)| self.summary(slug, totals)).collect();
        write(&format!("{}{}", terminal::erased(state.painted), terminal::unwrapped(&lines)));
        state.painted = lines.len();
    }

    fn summary(&self, slug: &str, totals: &Totals) -> String {
        let colour = |colour: Colour, text: &str| terminal::coloured(self.has_colours, colour, text);
        let (state, words) = totals.job();
        format!(
            "{}  {}  {}  {}",
            self.date.today(),
            colour(Colour::Bold, &format!("{slug:<10}")),
            colour(state, &format!("{words:<44}")),
            totals.words()
        )
    }
}

fn write(text: &str) {
    let mut out = stdout().lock();
    // A closed pipe is the reader's wish; the demo goes on for those who follow it elsewhere.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
