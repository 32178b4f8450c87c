//! The demo's terminal: a summary of each tenant that is rewritten in place, or with `-v` a line for every event.
//! Where lines cannot be rewritten, a summary line is printed at the end of each crawl and at the end of the demo.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use parking_lot::Mutex;
use serde_json::Value;

use super::events::EventBuffer;
use super::settings::View;
use super::terminal::{self, Colour};
use super::totals::Totals;
use super::virtual_date::VirtualDate;

pub(crate) struct Screen {
    date: VirtualDate,
    view: View,
    /// A message as one line.
    message_line: fn(&Value) -> String,
    /// Whether lines can be rewritten.
    can_rewrite: bool,
    has_colours: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the tenant's slug.
    totals: BTreeMap<&'static str, Totals>,
    /// Pending until the next second.
    events: EventBuffer,
    /// Lines of the summary that are on the terminal now.
    painted: usize,
}

impl Screen {
    pub(crate) fn new(date: VirtualDate, view: View, message_line: fn(&Value) -> String) -> Self {
        let can_rewrite = terminal::supports_escapes();
        let has_colours = can_rewrite && terminal::colours_enabled();
        Self { date, view, message_line, can_rewrite, has_colours, state: Mutex::default() }
    }

    /// A message of the demo itself, above the summary.
    pub(crate) fn print_line(&self, words: &str) {
        let mut state = self.state.lock();
        write(&format!("{}{words}\n", terminal::erase_lines(std::mem::take(&mut state.painted))));
        self.paint(&mut state);
    }

    /// Adds a message to the summary, or to the next second's lines.
    pub(crate) fn push(&self, slug: &'static str, message: Value) {
        let mut state = self.state.lock();
        let ended = state.totals.entry(slug).or_default().record(&message);
        match self.view {
            View::Events => state.events.push(slug, message),
            View::Summary if ended && !self.can_rewrite => {
                write(&self.summary_line(slug, &state.totals[slug]));
            }
            View::Summary => {}
        }
    }

    /// Shows what was received since the last call; called every second.
    pub(crate) fn tick(&self) {
        let mut state = self.state.lock();
        match self.view {
            View::Events => {
                let today = self.date.today();
                for (slug, line) in state.events.drain_lines(self.message_line) {
                    write(&format!("{today} {slug:<10} {line}\n"));
                }
            }
            View::Summary => self.paint(&mut state),
        }
    }

    /// Prints the totals at the end, unless the summary already shows them.
    pub(crate) fn finish(&self) {
        if self.paints() {
            return;
        }
        let state = self.state.lock();
        state.totals.iter().for_each(|(slug, totals)| write(&self.summary_line(slug, totals)));
    }

    fn paints(&self) -> bool {
        self.view == View::Summary && self.can_rewrite
    }

    fn paint(&self, state: &mut State) {
        if !self.paints() {
            return;
        }
        let columns = terminal::columns();
        let lines: Vec<String> =
            state.totals.iter().flat_map(|(slug, totals)| self.summary(slug, totals, columns)).collect();
        write(&format!("{}{}", terminal::erase_lines(state.painted), terminal::without_autowrap(&lines)));
        state.painted = lines.len();
    }

    /// A tenant's lines: the crawl next to the tenant's name where it fits, and the totals below.
    fn summary(&self, slug: &str, totals: &Totals, columns: usize) -> Vec<String> {
        let (state, job) = totals.job_summary();
        let colour = |colour: Colour, text: &str| terminal::with_colour(self.has_colours, colour, text);
        let indented = |line: &str| format!("{INDENT}{line}");
        let within = columns.saturating_sub(INDENT.len());
        let today = self.date.today();
        let beside = format!("{today}  {slug:<10}  {job}").chars().count() <= columns;
        let mut lines = Vec::new();
        if beside {
            let name = format!("{slug:<10}");
            lines.push(format!("{today}  {}  {}", colour(Colour::Bold, &name), colour(state, &job)));
        } else {
            lines.push(format!("{today}  {}", colour(Colour::Bold, slug)));
            lines.extend(
                terminal::wrap_at_commas(&job, within).iter().map(|line| indented(&colour(state, line))),
            );
        }
        lines.extend(terminal::wrap_at_commas(&totals.summary(), within).iter().map(|line| indented(line)));
        lines
    }

    fn summary_line(&self, slug: &str, totals: &Totals) -> String {
        let (_, job) = totals.job_summary();
        format!("{}  {slug:<10}  {job:<44}  {}\n", self.date.today(), totals.summary())
    }
}

/// Before every line of a summary but its first.
const INDENT: &str = "    ";

fn write(text: &str) {
    let mut out = stdout().lock();
    // A closed pipe is no error: the demo continues for clients elsewhere.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn screen() -> Screen {
        Screen {
            date: VirtualDate::start(),
            view: View::Summary,
            message_line: Value::to_string,
            can_rewrite: true,
            has_colours: false,
            state: Mutex::default(),
        }
    }

    fn totals() -> Totals {
        let mut totals = Totals::default();
        for _ in 0..1_200 {
            totals.record(&json!({ "type": "property_update", "event": "property_created" }));
        }
        totals.record(&json!({ "type": "job_update", "event": "job_completed", "job_id": 1,
            "items_scraped": 1_200, "progress": { "pages_crawled": 2_400 } }));
        totals
    }

    #[test]
    fn a_summary_fits_in_two_lines_of_80_columns() {
        let lines = screen().summary("sacramento", &totals(), 80);

        assert_eq!(
            lines,
            [
                "1996-03-01  sacramento  job 1 done, 2,400 pages, 1,200 listings",
                "    1,200 homes: 1,200 new, 0 price changes, 0 changes of status, 0 removed",
            ]
        );
    }

    #[test]
    fn a_summary_is_wrapped_and_not_truncated_on_a_narrow_terminal() {
        let lines = screen().summary("sacramento", &totals(), 40);

        assert_eq!(
            lines,
            [
                "1996-03-01  sacramento",
                "    job 1 done, 2,400 pages,",
                "    1,200 listings",
                "    1,200 homes: 1,200 new,",
                "    0 price changes,",
                "    0 changes of status, 0 removed",
            ]
        );
    }

    #[test]
    fn without_escapes_a_summary_is_one_plain_line() {
        let line = screen().summary_line("lucas", &totals());

        assert!(line.starts_with("1996-03-01  lucas       job 1 done, "), "{line}");
        assert!(
            line.ends_with(" 1,200 homes: 1,200 new, 0 price changes, 0 changes of status, 0 removed\n"),
            "{line}"
        );
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}
