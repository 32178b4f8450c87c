//! The events of a second as lines, in the order of their time. Frequent events (progress, new homes of a first
//! import) are merged into one line at the position of the last of them.

use serde_json::Value;

/// The most new homes of a tenant in one second that get a line each.
const MAX_CREATED_LINES: usize = 40;

#[derive(Default)]
pub(crate) struct EventBuffer {
    pending: Vec<Event>,
    /// The time of the latest; a message without a time is sorted after it.
    latest: String,
}

struct Event {
    at: String,
    slug: &'static str,
    message: Value,
}

impl EventBuffer {
    pub(crate) fn push(&mut self, slug: &'static str, message: Value) {
        let only_of_the_connection = matches!(
            message["type"].as_str(),
            Some("subscription_confirmed" | "subscription_live" | "connection_established" | "pong")
        );
        if only_of_the_connection {
            return;
        }
        let at = message["occurred_at"].as_str().unwrap_or(&self.latest).to_owned();
        if at > self.latest {
            self.latest.clone_from(&at);
        }
        self.pending.push(Event { at, slug, message });
    }

    /// All pending events; `message_line` is a message as one line.
    pub(crate) fn drain_lines(&mut self, message_line: fn(&Value) -> String) -> Vec<(&'static str, String)> {
        let mut events = std::mem::take(&mut self.pending);
        // Two sockets deliver them, each in its own order.
        events.sort_by(|one, other| one.at.cmp(&other.at));
        let mut lines = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let later = events.get(index + 1..).unwrap_or_default();
            let others =
                |kind: &str| later.iter().filter(|other| matches_kind(other, event.slug, kind)).count();
            let kind = event.message["event"].as_str().unwrap_or_default();
            match kind {
                // A later one replaces it.
                "job_progress" if others("job_progress") > 0 => {}
                "property_created" => {
                    let all = events.iter().filter(|other| matches_kind(other, event.slug, kind)).count();
                    match (all > MAX_CREATED_LINES, others(kind)) {
                        (false, _) => lines.push((event.slug, message_line(&event.message))),
                        (true, 0) => {
                            let line = format!("{}, and {} others", message_line(&event.message), all - 1);
                            lines.push((event.slug, line));
                        }
                        (true, _) => {}
                    }
                }
                _ => lines.push((event.slug, message_line(&event.message))),
            }
        }
        lines
    }
}

fn matches_kind(event: &Event, slug: &str, kind: &str) -> bool {
    event.slug == slug && event.message["event"] == kind
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: usize, event: &str, key: &str) -> Value {
        let kind = if event.starts_with("job") { "job_update" } else { "property_update" };
        json!({ "type": kind, "event": event, "occurred_at": format!("1996-03-01T10:00:00.{second:03}Z"),
            "property": { "listing_key": key }, "progress": { "items_scraped": second, "pages_crawled": 0 } })
    }

    /// Begins with the time of day, as the server's lines do.
    fn line(message: &Value) -> String {
        let at = message["occurred_at"].as_str().unwrap_or_default();
        format!("{} {message}", at.get(11..23).unwrap_or_default())
    }

    fn lines(messages: Vec<(&'static str, Value)>) -> Vec<String> {
        let mut events = EventBuffer::default();
        messages.into_iter().for_each(|(slug, message)| events.push(slug, message));
        let lines =
            events.drain_lines(line).into_iter().map(|(slug, line)| format!("{slug} {line}")).collect();
        assert_eq!(events.drain_lines(line), Vec::new());
        lines
    }

    #[test]
    fn lines_are_sorted_by_time_across_sockets() {
        let told = lines(vec![
            ("lucas", at(10, "job_progress", "")),
            ("lucas", at(30, "property_created", "LUC-1")),
            ("sacramento", at(20, "property_created", "SAC-1")),
            ("lucas", at(40, "job_completed", "")),
        ]);

        let times: Vec<_> = told.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert_eq!(times, ["10:00:00.010", "10:00:00.020", "10:00:00.030", "10:00:00.040"]);
    }

    #[test]
    fn only_the_latest_progress_is_printed_at_its_position() {
        let told = lines(vec![
            ("lucas", at(10, "job_progress", "")),
            ("lucas", at(20, "property_created", "LUC-1")),
            ("lucas", at(30, "job_progress", "")),
            ("lucas", at(40, "property_created", "LUC-2")),
        ]);

        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("\"items_scraped\":30"), "{told:?}");
    }

    #[test]
    fn a_few_new_homes_get_a_line_each_and_many_get_one() {
        let created = |count: usize| {
            (0..count).map(|n| ("lucas", at(n, "property_created", &format!("LUC-{n}")))).collect()
        };

        assert_eq!(lines(created(MAX_CREATED_LINES)).len(), MAX_CREATED_LINES);
        let many = lines(created(300));
        assert_eq!(many.len(), 1);
        assert!(many[0].contains("LUC-299") && many[0].ends_with("and 299 others"), "{many:?}");
    }

    #[test]
    fn connection_messages_are_not_printed() {
        assert!(lines(vec![("lucas", json!({ "type": "subscription_live" }))]).is_empty());
        assert_eq!(lines(vec![("lucas", json!({ "type": "gap", "reason": "retention" }))]).len(), 1);
    }
}
