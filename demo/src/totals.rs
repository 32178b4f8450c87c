//! The totals of a tenant's listings since the demo began, and the state of its crawl.

use serde_json::Value;

use super::data::grouped;
use super::terminal::Colour;

/// Counted from the events alone, as any front end could.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    created: u32,
    prices: u32,
    statuses: u32,
    removed: u32,
    job: Option<JobProgress>,
}

#[derive(Debug)]
struct JobProgress {
    id: i64,
    event: String,
    items: u32,
    pages: u32,
}

impl Totals {
    /// Counts a message. Returns whether it ended a crawl.
    pub(crate) fn record(&mut self, message: &Value) -> bool {
        let event = message["event"].as_str().unwrap_or_default();
        match event {
            "property_created" => self.created += 1,
            "price_changed" => self.prices += 1,
            "status_changed" => self.statuses += 1,
            "property_removed" => self.removed += 1,
            _ => {}
        }
        if message["type"] == "job_update" {
            self.record_job(message, event);
        }
        matches!(event, "job_completed" | "job_failed" | "job_cancelled")
    }

    fn record_job(&mut self, message: &Value, event: &str) {
        let id = message["job_id"].as_i64().unwrap_or_default();
        let same = self.job.as_ref().filter(|job| job.id == id);
        let (items, pages) = same.map_or((0, 0), |job| (job.items, job.pages));
        let count =
            |value: &Value, before| value.as_u64().and_then(|count| count.try_into().ok()).unwrap_or(before);
        self.job = Some(JobProgress {
            id,
            event: event.to_owned(),
            items: count(&message["items_scraped"], items),
            pages: count(&message["progress"]["pages_crawled"], pages),
        });
    }

    /// A description of the crawl, coloured by its state.
    pub(crate) fn job_summary(&self) -> (Colour, String) {
        let Some(job) = &self.job else { return (Colour::Plain, "no crawl yet".to_owned()) };
        let figures = format!("{} pages, {} listings", grouped(job.pages), grouped(job.items));
        match job.event.as_str() {
            "job_queued" => (Colour::Plain, format!("job {} waits", job.id)),
            "job_completed" => (Colour::Green, format!("job {} done, {figures}", job.id)),
            "job_failed" | "job_cancelled" => (Colour::Red, format!("job {} ended, {figures}", job.id)),
            _ => (Colour::Yellow, format!("job {} runs, {figures}", job.id)),
        }
    }

    /// A description of the totals.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} homes: {} new, {} price changes, {} changes of status, {} removed",
            grouped(self.created.saturating_sub(self.removed)),
            grouped(self.created),
            grouped(self.prices),
            grouped(self.statuses),
            grouped(self.removed)
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_add_up_and_the_crawl_is_the_latest() {
        let mut totals = Totals::default();
        let listing = |event: &str| json!({ "type": "property_update", "event": event });
        let job = |event: &str, items: u32| {
            json!({ "type": "job_update", "event": event, "job_id": 4, "items_scraped": items,
                "progress": { "pages_crawled": 1_200 } })
        };

        for event in
            ["property_created", "property_created", "price_changed", "status_changed", "property_removed"]
        {
            assert!(!totals.record(&listing(event)));
        }
        assert!(!totals.record(&job("job_progress", 7)));
        let running = totals.job_summary();
        let end = json!({ "type": "job_update", "event": "job_completed", "job_id": 4, "items_scraped": 9 });
        assert!(totals.record(&end));

        assert_eq!(running, (Colour::Yellow, "job 4 runs, 1,200 pages, 7 listings".to_owned()));
        assert_eq!(totals.job_summary(), (Colour::Green, "job 4 done, 1,200 pages, 9 listings".to_owned()));
        assert_eq!(totals.summary(), "1 homes: 2 new, 1 price changes, 1 changes of status, 1 removed");
    }
}
