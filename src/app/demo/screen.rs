//! The demo's terminal: a line an event. What comes by the hundred (progress, new homes of a first import) is gathered
//! and shown once a second.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use parking_lot::Mutex;
use serde_json::Value;

use super::virtual_date::VirtualDate;
use crate::app::follow::sentence;

/// New homes in one second of which each gets a line of its own.
const FEW: usize = 40;

pub(super) struct Screen {
    date: VirtualDate,
    /// By the tenant's slug.
    pending: Mutex<BTreeMap<&'static str, Pending>>,
}

/// What waits for the next second.
#[derive(Default)]
struct Pending {
    /// The latest only: it stands for those before.
    progress: Option<Value>,
    created: Vec<Value>,
    /// New homes since the demo began.
    total: usize,
}

impl Screen {
    pub(super) fn new(date: VirtualDate) -> Self {
        Self { date, pending: Mutex::default() }
    }

    /// A line of the demo's own.
    pub(super) fn say(&self, words: &str) {
        // A closed pipe is the reader's wish; the demo goes on for those who follow it elsewhere.
        let _ = writeln!(stdout().lock(), "{words}");
    }

    /// Shows a message, or keeps it for the next second.
    pub(super) fn show(&self, slug: &'static str, message: Value) {
        let mut pending = self.pending.lock();
        let tenant = pending.entry(slug).or_default();
        match message["event"].as_str() {
            Some("job_progress") => tenant.progress = Some(message),
            Some("property_created") => {
                tenant.total += 1;
                tenant.created.push(message);
            }
            _ => {
                // What was told before must stand before.
                let mut lines = tenant.flush();
                lines.extend(shown(&message));
                self.print(slug, &lines);
            }
        }
    }

    /// Shows what was kept; to be called every second.
    pub(super) fn tick(&self) {
        for (slug, tenant) in self.pending.lock().iter_mut() {
            self.print(slug, &tenant.flush());
        }
    }

    fn print(&self, slug: &str, lines: &[String]) {
        for line in lines {
            self.say(&format!("{} {slug:<10} {line}", self.date.today()));
        }
    }
}

impl Pending {
    fn flush(&mut self) -> Vec<String> {
        let created = std::mem::take(&mut self.created);
        let mut lines: Vec<String> = match created.last() {
            Some(last) if created.len() > FEW => {
                let others = created.len() - 1;
                vec![format!("{}, and {others} others ({} in all)", sentence(last), self.total)]
            }
            _ => created.iter().map(sentence).collect(),
        };
        lines.extend(self.progress.take().as_ref().map(sentence));
        lines
    }
}

/// The line of a message; none for what a reader of events does not look for.
fn shown(message: &Value) -> Option<String> {
    let is_news = !matches!(
        message["type"].as_str(),
        Some("subscription_confirmed" | "subscription_live" | "connection_established" | "pong")
    );
    is_news.then(|| sentence(message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn created(key: usize) -> Value {
        json!({"type": "property_update", "event": "property_created", "property": {"listing_key": format!("LUC-{key}")}})
    }

    #[test]
    fn a_few_new_homes_get_a_line_each_and_many_get_one() {
        let mut few = Pending { created: (1..=3).map(created).collect(), total: 3, progress: None };
        let mut many = Pending { created: (1..=300).map(created).collect(), total: 400, progress: None };

        assert_eq!(few.flush().len(), 3);
        let lines = many.flush();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("LUC-300") && lines[0].ends_with("and 299 others (400 in all)"),
            "{lines:?}"
        );
        assert!(many.flush().is_empty());
    }

    #[test]
    fn progress_stands_for_what_was_told_before() {
        let screen = Screen::new(VirtualDate::start());
        for items in [1, 2] {
            let progress = json!({"items_scraped": items, "pages_crawled": items});
            screen
                .show("lucas", json!({"type": "job_update", "event": "job_progress", "progress": progress}));
        }

        let lines = screen.pending.lock().get_mut("lucas").unwrap().flush();

        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("2 items, 2 pages"), "{lines:?}");
    }

    #[test]
    fn what_only_concerns_the_connection_is_not_shown() {
        assert_eq!(shown(&json!({"type": "subscription_live"})), None);
        assert!(shown(&json!({"type": "gap", "reason": "retention"})).is_some());
    }
}
