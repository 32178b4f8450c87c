//! How a crawl ends. Pure.

/// Scrapy's finish reasons.
pub(super) const FINISHED: &str = "finished";
pub(super) const PAGE_COUNT: &str = "closespider_pagecount";
pub(super) const ITEM_COUNT: &str = "closespider_itemcount";
pub(super) const TIMEOUT: &str = "closespider_timeout";
pub(super) const CANCELLED: &str = "cancelled";

/// The state of a crawl that can't continue.
pub(super) struct CrawlSummary<'a> {
    pub(super) cancelled: bool,
    pub(super) item_limit_reached: bool,
    /// It has taken as long as a job may.
    pub(super) timed_out: bool,
    pub(super) page_limit_reached: bool,
    /// Pages wait that have not been fetched.
    pub(super) has_pending_pages: bool,
    /// Pages that were read, and known pages that were found to be gone.
    pub(super) pages_read: i64,
    /// The first failure.
    pub(super) first_failure: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CrawlOutcome {
    Complete(&'static str),
    Fail(String),
}

/// The outcome that follows.
pub(super) fn decide_outcome(summary: &CrawlSummary<'_>) -> CrawlOutcome {
    if summary.cancelled {
        return CrawlOutcome::Complete(CANCELLED);
    }
    if summary.item_limit_reached {
        return CrawlOutcome::Complete(ITEM_COUNT);
    }
    if summary.timed_out {
        return CrawlOutcome::Complete(TIMEOUT);
    }
    if summary.pages_read == 0 {
        let cause = summary.first_failure.unwrap_or("there was no page to ask for");
        return CrawlOutcome::Fail(format!("No page could be fetched: {cause}"));
    }
    if summary.page_limit_reached && summary.has_pending_pages {
        CrawlOutcome::Complete(PAGE_COUNT)
    } else {
        CrawlOutcome::Complete(FINISHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> CrawlSummary<'static> {
        CrawlSummary {
            cancelled: false,
            item_limit_reached: false,
            timed_out: false,
            page_limit_reached: false,
            has_pending_pages: false,
            pages_read: 5,
            first_failure: Some("http://a.example/: the host answered 500"),
        }
    }

    #[test]
    fn a_crawl_is_finished_when_nothing_is_left() {
        assert_eq!(decide_outcome(&summary()), CrawlOutcome::Complete(FINISHED));
        assert_eq!(
            decide_outcome(&CrawlSummary { page_limit_reached: true, ..summary() }),
            CrawlOutcome::Complete(FINISHED)
        );
    }

    #[test]
    fn a_limit_that_was_reached_is_the_reason() {
        let full = CrawlSummary { page_limit_reached: true, has_pending_pages: true, ..summary() };

        assert_eq!(decide_outcome(&full), CrawlOutcome::Complete(PAGE_COUNT));
        assert_eq!(
            decide_outcome(&CrawlSummary { item_limit_reached: true, ..full }),
            CrawlOutcome::Complete(ITEM_COUNT)
        );
        assert_eq!(
            decide_outcome(&CrawlSummary { timed_out: true, pages_read: 0, ..summary() }),
            CrawlOutcome::Complete(TIMEOUT)
        );
        assert_eq!(
            decide_outcome(&CrawlSummary { cancelled: true, pages_read: 0, ..summary() }),
            CrawlOutcome::Complete(CANCELLED)
        );
    }

    #[test]
    fn a_crawl_that_read_no_page_failed_and_says_why() {
        let words = "No page could be fetched: http://a.example/: the host answered 500";

        assert_eq!(
            decide_outcome(&CrawlSummary { pages_read: 0, ..summary() }),
            CrawlOutcome::Fail(words.to_owned())
        );
        assert!(matches!(
            decide_outcome(&CrawlSummary { pages_read: 0, first_failure: None, ..summary() }),
            CrawlOutcome::Fail(_)
        ));
    }
}
