//! In-memory queue of the pages of a crawl that are loaded from the frontier and have no outcome there yet. Pure.

use std::collections::{BTreeMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use url::Url;

use crate::crawler::politeness::HostKey;
use crate::domain::frontier::{QueuedUrl, Worth};

/// A page with its parsed URL and host, which are needed often.
#[derive(Clone, Debug)]
pub(super) struct PendingPage {
    pub(super) entry: QueuedUrl,
    pub(super) url: Url,
    pub(super) host: HostKey,
    /// When it was fetched, in microseconds since the epoch; of a kept page, when that was.
    pub(super) fetched_at: Option<i64>,
}

impl PendingPage {
    /// `None` when the URL can't be parsed, which happens with a hand-edited row only.
    pub(super) fn new(entry: QueuedUrl) -> Option<Self> {
        let url = Url::parse(&entry.url).ok()?;
        let host = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        Some(Self { entry, url, host, fetched_at: None })
    }

    /// The order in which pages are asked for, as in the frontier.
    fn order(&self) -> (Worth, i64, i64) {
        (self.entry.worth, self.entry.depth, self.entry.id)
    }
}

/// Pages that can be fetched, in a queue for each host, and pages that wait for a retry.
#[derive(Default)]
pub(super) struct UrlQueue {
    ready: BTreeMap<HostKey, VecDeque<PendingPage>>,
    ready_count: usize,
    delayed: Vec<(DateTime<Utc>, PendingPage)>,
    /// All loaded pages: ready, delayed, in flight, and visited without a recorded outcome.
    ids: HashSet<i64>,
    /// Those that are marked as taken in the frontier: they may be fetched.
    taken: HashSet<i64>,
}

impl UrlQueue {
    /// Adds a page behind those of its host that come before it, unless it is loaded.
    pub(super) fn push(&mut self, page: PendingPage) {
        if self.ids.insert(page.entry.id) {
            self.ready_count += 1;
            let ready = self.ready.entry(page.host.clone()).or_default();
            let before = ready.iter().rposition(|other| other.order() <= page.order());
            ready.insert(before.map_or(0, |at| at + 1), page);
        }
    }

    /// Whether the next page of any host is worth less than `worth`.
    pub(super) fn has_worse_than(&self, worth: Worth) -> bool {
        self.ready.values().filter_map(|stops| stops.front()).any(|stop| stop.entry.worth > worth)
    }

    /// Takes out the pages that are worth less than `worth` and may be loaded again: they are neither taken nor
    /// suspects. Returns their ids.
    pub(super) fn unload_worse_than(&mut self, worth: Worth) -> Vec<i64> {
        let mut unloaded = Vec::new();
        let taken = &self.taken;
        for stops in self.ready.values_mut() {
            stops.retain(|stop| {
                let is_kept =
                    stop.entry.worth <= worth || stop.entry.suspect || taken.contains(&stop.entry.id);
                if !is_kept {
                    unloaded.push(stop.entry.id);
                }
                is_kept
            });
        }
        self.ready.retain(|_, stops| !stops.is_empty());
        self.ready_count -= unloaded.len();
        for id in &unloaded {
            self.ids.remove(id);
        }
        unloaded
    }

    /// Keeps a loaded page for a retry. The frontier records that it waits.
    pub(super) fn push_delayed(&mut self, at: DateTime<Utc>, page: PendingPage) {
        self.taken.remove(&page.entry.id);
        self.delayed.push((at, page));
    }

    /// Moves due retries before the other pages of their hosts, suspects behind them. Returns whether any was due.
    pub(super) fn requeue_due(&mut self, now: DateTime<Utc>) -> bool {
        let (due, later) = std::mem::take(&mut self.delayed).into_iter().partition(|(at, _)| *at <= now);
        self.delayed = later;
        let due: Vec<(DateTime<Utc>, PendingPage)> = due;
        let any = !due.is_empty();
        for (_, stop) in due {
            self.ready_count += 1;
            let ready = self.ready.entry(stop.host.clone()).or_default();
            if stop.entry.suspect {
                ready.push_back(stop);
            } else {
                ready.push_front(stop);
            }
        }
        any
    }

    /// Whether the page is marked as taken in the frontier.
    pub(super) fn is_taken(&self, id: i64) -> bool {
        self.taken.contains(&id)
    }

    /// The next pages that are not taken: of each host by turns, at most `limit`.
    pub(super) fn next_untaken(&self, limit: usize) -> Vec<i64> {
        let mut found = Vec::new();
        let mut queues: Vec<_> = self
            .hosts()
            .iter()
            .filter_map(|host| self.ready.get(host))
            .map(|stops| stops.iter().filter(|stop| !self.is_taken(stop.entry.id)))
            .collect();
        while found.len() < limit && !queues.is_empty() {
            queues.retain_mut(|stops| match stops.next() {
                Some(stop) if found.len() < limit => {
                    found.push(stop.entry.id);
                    true
                }
                _ => false,
            });
        }
        found
    }

    /// These pages are now marked as taken in the frontier.
    pub(super) fn mark_taken(&mut self, ids: Vec<i64>) {
        self.taken.extend(ids);
    }

    /// When the next retry is due.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.delayed.iter().map(|(at, _)| *at).min()
    }

    /// Hosts with pages that can be fetched; the host with the page that is to be asked for first comes first.
    pub(super) fn hosts(&self) -> Vec<HostKey> {
        let mut hosts: Vec<_> =
            self.ready.iter().filter_map(|(host, stops)| Some((host, stops.front()?))).collect();
        hosts.sort_by_key(|(_, stop)| stop.order());
        hosts.into_iter().map(|(host, _)| host.clone()).collect()
    }

    /// The next page of a host.
    pub(super) fn front(&self, host: &HostKey) -> Option<&PendingPage> {
        self.ready.get(host)?.front()
    }

    /// Takes the next page of a host; it stays loaded.
    pub(super) fn pop(&mut self, host: &HostKey) -> Option<PendingPage> {
        let stops = self.ready.get_mut(host)?;
        let stop = stops.pop_front()?;
        self.ready_count -= 1;
        if stops.is_empty() {
            self.ready.remove(host);
        }
        Some(stop)
    }

    /// The page's outcome is recorded in the frontier.
    pub(super) fn remove(&mut self, id: i64) {
        self.ids.remove(&id);
        self.taken.remove(&id);
    }

    pub(super) fn ready(&self) -> usize {
        self.ready_count
    }

    pub(super) fn loaded(&self) -> usize {
        self.ids.len()
    }

    /// Whether no page waits, now or for a retry.
    pub(super) fn is_empty(&self) -> bool {
        self.ready_count == 0 && self.delayed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending_page(id: i64, url: &str) -> PendingPage {
        page_of_worth(id, url, Worth::Detail)
    }

    fn page_of_worth(id: i64, url: &str, worth: Worth) -> PendingPage {
        let url = url.to_owned();
        let place = QueuedUrl { id, url, depth: 0, worth, attempts: 0, known: Vec::new(), suspect: false };
        PendingPage::new(place).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn hosts_are_ordered_by_their_first_page_and_pages_by_arrival() {
        let mut queue = UrlQueue::default();
        for (id, url) in [(1, "http://b.example/1"), (2, "http://a.example/1"), (3, "http://b.example/2")] {
            queue.push(pending_page(id, url));
            queue.push(pending_page(id, url));
        }

        let hosts = queue.hosts();
        assert_eq!(hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>(), ["b.example", "a.example"]);
        assert_eq!(queue.pop(&hosts[0]).unwrap().entry.id, 1);
        assert_eq!(queue.front(&hosts[0]).unwrap().entry.id, 3);
        assert_eq!((queue.ready(), queue.loaded()), (2, 3));
    }

    #[test]
    fn pages_are_taken_round_robin_over_hosts_and_again_after_a_failure() {
        let mut queue = UrlQueue::default();
        for id in 1..=3 {
            queue.push(pending_page(id, "http://a.example/"));
            queue.push(pending_page(10 + id, "http://b.example/"));
        }
        assert_eq!(queue.next_untaken(3), [1, 11, 2]);
        queue.mark_taken(vec![1, 11, 2]);
        assert_eq!(queue.next_untaken(9), [3, 12, 13]);

        let failed = queue.pop(&("a.example".to_owned(), 80)).unwrap();
        queue.push_delayed(at(5), failed);
        queue.requeue_due(at(5));

        assert!(!queue.is_taken(1) && queue.is_taken(2));
        assert_eq!(queue.next_untaken(1), [1]);
    }

    #[test]
    fn pages_that_are_worth_more_come_first_also_before_those_that_are_taken() {
        let mut queue = UrlQueue::default();
        for (id, worth) in [(1, Worth::List), (2, Worth::Page), (3, Worth::List), (4, Worth::List)] {
            queue.push(page_of_worth(id, "http://a.example/", worth));
        }
        assert_eq!(queue.next_untaken(9), [1, 3, 4, 2]);
        assert!(queue.has_worse_than(Worth::Detail) && !queue.has_worse_than(Worth::List));
        queue.mark_taken(vec![1, 3, 4, 2]);
        queue.push(page_of_worth(5, "http://a.example/", Worth::Detail));
        queue.push(page_of_worth(6, "http://b.example/", Worth::Page));

        assert_eq!(queue.next_untaken(9), [5, 6]);
        assert!(queue.has_worse_than(Worth::Detail), "of the other host");
        let host = ("a.example".to_owned(), 80);
        let order: Vec<i64> = std::iter::from_fn(|| queue.pop(&host)).map(|page| page.entry.id).collect();
        assert_eq!(order, [5, 1, 3, 4, 2]);
        assert!(!UrlQueue::default().has_worse_than(Worth::Detail), "nothing is ready");
    }

    #[test]
    fn what_is_worth_less_is_unloaded_unless_it_is_taken() {
        let mut queue = UrlQueue::default();
        for (id, worth) in [(1, Worth::List), (2, Worth::Page), (3, Worth::Page), (4, Worth::Permutation)] {
            queue.push(page_of_worth(id, "http://a.example/", worth));
        }
        queue.mark_taken(vec![3]);

        assert_eq!(queue.unload_worse_than(Worth::List), [2, 4]);
        assert_eq!((queue.ready(), queue.loaded()), (2, 2));
        queue.push(page_of_worth(2, "http://a.example/", Worth::Page));
        assert_eq!((queue.ready(), queue.loaded()), (3, 3));
    }

    #[test]
    fn a_retry_is_queued_first_once_it_is_due() {
        let mut queue = UrlQueue::default();
        queue.push(pending_page(1, "http://a.example/1"));
        queue.push(pending_page(2, "http://a.example/2"));
        let host = ("a.example".to_owned(), 80);
        let first = queue.pop(&host).unwrap();
        queue.push_delayed(at(5), first);

        queue.requeue_due(at(4));
        assert_eq!((queue.front(&host).unwrap().entry.id, queue.next_due()), (2, Some(at(5))));
        queue.requeue_due(at(5));
        assert_eq!((queue.front(&host).unwrap().entry.id, queue.next_due()), (1, None));
    }
}
