//! How a crawl ends. Pure.

/// Scrapy's words.
pub(super) const FINISHED: &str = "finished";
pub(super) const PAGE_COUNT: &str = "closespider_pagecount";
pub(super) const ITEM_COUNT: &str = "closespider_itemcount";
pub(super) const TIMEOUT: &str = "closespider_timeout";
pub(super) const CANCELLED: &str = "cancelled";

/// What is known when a crawl can go no further.
pub(super) struct Outlook<'a> {
    pub(super) cancelled: bool,
    pub(super) items_full: bool,
    /// It has taken as long as a job may.
    pub(super) timed_out: bool,
    pub(super) pages_full: bool,
    /// Pages wait that have not been asked for.
    pub(super) pages_left: bool,
    /// Pages that were read, or found to be gone as they should be known to be.
    pub(super) read: i64,
    /// The first thing that went wrong.
    pub(super) first_failure: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete(&'static str),
    Fail(String),
}

/// The end that follows.
pub(super) fn end(outlook: &Outlook<'_>) -> End {
    if outlook.cancelled {
        return End::Complete(CANCELLED);
    }
    if outlook.items_full {
        return End::Complete(ITEM_COUNT);
    }
    if outlook.timed_out {
        return End::Complete(TIMEOUT);
    }
    if outlook.read == 0 {
        let cause = outlook.first_failure.unwrap_or("there was no page to ask for");
        return End::Fail(format!("No page could be fetched: {cause}"));
    }
    if outlook.pages_full && outlook.pages_left { End::Complete(PAGE_COUNT) } else { End::Complete(FINISHED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook() -> Outlook<'static> {
        Outlook {
            cancelled: false,
            items_full: false,
            timed_out: false,
            pages_full: false,
            pages_left: false,
            read: 5,
            first_failure: Some("http://a.example/: the host answered 500"),
        }
    }

    #[test]
    fn a_crawl_is_finished_when_nothing_is_left() {
        assert_eq!(end(&outlook()), End::Complete(FINISHED));
        assert_eq!(end(&Outlook { pages_full: true, ..outlook() }), End::Complete(FINISHED));
    }

    #[test]
    fn a_limit_that_was_reached_is_the_reason() {
        let full = Outlook { pages_full: true, pages_left: true, ..outlook() };

        assert_eq!(end(&full), End::Complete(PAGE_COUNT));
        assert_eq!(end(&Outlook { items_full: true, ..full }), End::Complete(ITEM_COUNT));
        assert_eq!(end(&Outlook { timed_out: true, read: 0, ..outlook() }), End::Complete(TIMEOUT));
        assert_eq!(end(&Outlook { cancelled: true, read: 0, ..outlook() }), End::Complete(CANCELLED));
    }

    #[test]
    fn a_crawl_that_read_no_page_failed_and_says_why() {
        let words = "No page could be fetched: http://a.example/: the host answered 500";

        assert_eq!(end(&Outlook { read: 0, ..outlook() }), End::Fail(words.to_owned()));
        assert!(matches!(end(&Outlook { read: 0, first_failure: None, ..outlook() }), End::Fail(_)));
    }
}
