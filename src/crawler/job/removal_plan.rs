//! Which listings a crawl removes at its end: those whose pages are gone, unless too many are gone at once to be
//! believed. Pure.

use std::collections::{BTreeMap, HashMap};

use super::page_outcome::PageOutcome;
use super::report::Report;
use crate::base::ids::PropertyId;
use crate::domain::frontier::{ListingKey, QueuedUrl};
use crate::domain::properties::Removal;
use crate::domain::properties::known_alert::MassRemoval;

/// This many pages of a host may always be gone.
const ALWAYS_BELIEVED: usize = 5;
/// Addresses in an alert.
const MAX_SAMPLE: usize = 5;

/// A known page whose listings may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) page: QueuedUrl,
    pub(super) sign: PageOutcome,
    /// Stored properties with this page.
    pub(super) listings: Vec<(PropertyId, ListingKey)>,
}

/// How many known pages of a host were visited in the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VisitedPages {
    pub(super) all: usize,
    /// Those on which their home was read.
    pub(super) homes: usize,
}

impl VisitedPages {
    /// From the numbers of pages by outcome. A page behind a wall counts as not visited.
    pub(super) fn of(by_outcome: &BTreeMap<String, i64>) -> Self {
        let pages = |count: i64| usize::try_from(count).unwrap_or(0);
        let visited = by_outcome.iter().filter(|(word, _)| *word != PageOutcome::Wall.name());
        Self {
            all: visited.map(|(_, count)| pages(*count)).sum(),
            homes: by_outcome.get(PageOutcome::Home.name()).map_or(0, |count| pages(*count)),
        }
    }
}

/// The share of the visited pages up to which signs are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BelievedShare {
    Tenth,
    Half,
}

impl BelievedShare {
    fn is_exceeded(self, pages: usize, visited: usize) -> bool {
        let parts = match self {
            Self::Tenth => 10,
            Self::Half => 2,
        };
        pages > ALWAYS_BELIEVED && pages * parts > visited
    }
}

/// What is done about the candidates of a job.
#[derive(Debug, Default)]
pub(super) struct RemovalPlan {
    /// They are removed as they are.
    certain: Vec<Candidate>,
    /// They are removed when a second request says the same.
    doubtful: HashMap<i64, Candidate>,
    /// The sign that a second request gave.
    confirmed: BTreeMap<i64, PageOutcome>,
    pub(super) alerts: Vec<MassRemoval>,
    /// Hosts on which no home of a known page was read, with the number of doubtful pages.
    pub(super) unbelieved: Vec<(String, usize)>,
}

impl RemovalPlan {
    /// Adds the candidates of one host.
    pub(super) fn add_host(&mut self, source: &str, candidates: Vec<Candidate>, visited: VisitedPages) {
        let (gone, others): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.sign == PageOutcome::Gone);
        let (none, soft): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|candidate| candidate.sign == PageOutcome::NotAListing);
        for certain in [gone, none] {
            if self.is_believed(source, &certain, visited, BelievedShare::Half) {
                self.certain.extend(certain);
            }
        }
        if soft.is_empty() || !self.is_believed(source, &soft, visited, BelievedShare::Tenth) {
            return;
        }
        if visited.homes == 0 {
            self.unbelieved.push((source.to_owned(), soft.len()));
            return;
        }
        self.doubtful.extend(soft.into_iter().map(|candidate| (candidate.page.id, candidate)));
    }

    fn is_believed(
        &mut self,
        source: &str,
        candidates: &[Candidate],
        visited: VisitedPages,
        share: BelievedShare,
    ) -> bool {
        let exceeded = share.is_exceeded(candidates.len(), visited.all);
        if exceeded {
            let urls = candidates.iter().map(|candidate| candidate.page.url.clone());
            self.alerts.push(MassRemoval {
                source: source.to_owned(),
                pages: candidates.len(),
                visited: visited.all,
                sample: urls.take(MAX_SAMPLE).collect(),
            });
        }
        !exceeded
    }

    /// The pages that are requested once more, in the order in which they were found.
    pub(super) fn pages_to_recheck(&self) -> Vec<QueuedUrl> {
        let mut pages: Vec<QueuedUrl> =
            self.doubtful.values().map(|candidate| candidate.page.clone()).collect();
        pages.sort_by_key(|page| page.id);
        pages
    }

    /// The outcome of a second request for a page. Any sign confirms the first one; only a page that is gone changes
    /// the reason.
    pub(super) fn set_second_outcome(&mut self, page_id: i64, outcome: Option<PageOutcome>) {
        let Some(candidate) = self.doubtful.get(&page_id) else { return };
        match outcome {
            Some(PageOutcome::Gone) => {
                self.confirmed.insert(page_id, PageOutcome::Gone);
            }
            Some(PageOutcome::SoftGone | PageOutcome::Moved | PageOutcome::NotAListing) => {
                self.confirmed.insert(page_id, candidate.sign);
            }
            // It has no sign of its own; its shape was compared before.
            Some(PageOutcome::NoHome) => {}
            Some(PageOutcome::Home | PageOutcome::Wall) | None => {
                self.confirmed.remove(&page_id);
            }
        }
    }

    /// The second request gave a page for an address that cannot exist once more.
    pub(super) fn confirm_shape(&mut self, page_id: i64) {
        if let Some(candidate) = self.doubtful.get(&page_id) {
            self.confirmed.insert(page_id, candidate.sign);
        }
    }

    /// The removals, but for listings that `is_read` elsewhere.
    pub(super) fn into_reports(self, is_read: impl Fn(PropertyId) -> bool) -> Vec<Report> {
        let Self { certain, mut doubtful, confirmed, .. } = self;
        let certain = certain.into_iter().map(|candidate| (candidate.sign, candidate));
        let confirmed = confirmed.into_iter().filter_map(|(id, sign)| Some((sign, doubtful.remove(&id)?)));
        let mut reports = Vec::new();
        for (sign, candidate) in certain.chain(confirmed) {
            let Some(reason) = sign.reason() else { continue };
            let removal = Removal { reason, same_as: None };
            let listings = candidate.listings.into_iter().filter(|(id, _)| !is_read(*id));
            reports.extend(listings.map(|(_, key)| Report::removed(key, removal)));
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frontier::Worth;
    use crate::protocol::property::RemovalReason;

    const SOURCE: &str = "homes.example";

    fn candidate(id: i64, sign: PageOutcome) -> Candidate {
        let key = (SOURCE.to_owned(), format!("H-{id}"));
        let page = QueuedUrl {
            id,
            url: format!("https://homes.example/h/{id}"),
            depth: 0,
            worth: Worth::Detail,
            attempts: 1,
            known: vec![key.clone()],
            suspect: false,
        };
        Candidate { page, sign, listings: vec![(PropertyId(id), key)] }
    }

    fn plan(sign: PageOutcome, pages: i64, visited: VisitedPages) -> RemovalPlan {
        let mut plan = RemovalPlan::default();
        plan.add_host(SOURCE, (1..=pages).map(|id| candidate(id, sign)).collect(), visited);
        plan
    }

    fn visited(all: usize, homes: usize) -> VisitedPages {
        VisitedPages { all, homes }
    }

    fn reasons(plan: RemovalPlan) -> Vec<RemovalReason> {
        let reports = plan.into_reports(|_| false);
        reports.into_iter().filter_map(|report| Some(report.removal?.reason)).collect()
    }

    #[test]
    fn hard_answers_are_believed_up_to_half_of_the_visited_pages() {
        for (pages, all, removed, alerts) in [(5, 5, 5, 0), (6, 12, 6, 0), (6, 11, 0, 1), (50, 60, 0, 1)] {
            let plan = plan(PageOutcome::Gone, pages, visited(all, 0));

            assert_eq!(plan.alerts.len(), alerts, "{pages} of {all}");
            assert_eq!(reasons(plan), vec![RemovalReason::Gone; removed], "{pages} of {all}");
        }
    }

    #[test]
    fn soft_signs_are_believed_up_to_a_tenth_of_the_visited_pages() {
        for (pages, all, rechecked, alerts) in [(5, 5, 5, 0), (6, 60, 6, 0), (6, 59, 0, 1), (6, 20, 0, 1)] {
            let plan = plan(PageOutcome::SoftGone, pages, visited(all, all - 5));

            if all > 5 {
                assert_eq!(plan.pages_to_recheck().len(), rechecked, "{pages} of {all}");
            }
            assert_eq!(plan.alerts.len(), alerts, "{pages} of {all}");
        }
    }

    #[test]
    fn an_alert_names_the_source_the_number_and_some_addresses() {
        let plan = plan(PageOutcome::SoftGone, 6, visited(20, 14));

        let MassRemoval { source, pages, visited, sample } = &plan.alerts[0];
        assert_eq!((source.as_str(), *pages, *visited), (SOURCE, 6, 20));
        assert_eq!((sample.len(), sample[0].as_str()), (5, "https://homes.example/h/1"));
    }

    #[test]
    fn a_soft_sign_removes_only_when_a_second_request_says_the_same() {
        let mut plan = plan(PageOutcome::Moved, 4, visited(40, 36));
        assert_eq!(plan.pages_to_recheck().iter().map(|page| page.id).collect::<Vec<_>>(), [1, 2, 3, 4]);

        plan.set_second_outcome(1, Some(PageOutcome::NotAListing));
        plan.set_second_outcome(2, Some(PageOutcome::Gone));
        plan.set_second_outcome(3, Some(PageOutcome::Home));
        // The fourth could not be requested.

        assert_eq!(reasons(plan), [RemovalReason::Moved, RemovalReason::Gone]);
    }

    #[test]
    fn a_page_without_a_home_is_confirmed_by_its_shape_only() {
        let mut plan = plan(PageOutcome::SoftGone, 2, visited(40, 38));

        plan.set_second_outcome(1, Some(PageOutcome::NoHome));
        plan.confirm_shape(2);
        plan.set_second_outcome(2, Some(PageOutcome::NoHome));

        assert_eq!(reasons(plan), [RemovalReason::SoftGone]);
    }

    #[test]
    fn nothing_soft_is_believed_where_no_known_page_has_its_home() {
        let plan = plan(PageOutcome::SoftGone, 3, visited(3, 0));

        assert_eq!(plan.unbelieved, [(SOURCE.to_owned(), 3)]);
        assert!(plan.pages_to_recheck().is_empty() && reasons(plan).is_empty());
    }

    #[test]
    fn a_listing_that_was_read_elsewhere_is_not_removed() {
        let plan = plan(PageOutcome::Gone, 2, visited(20, 18));

        let reports = plan.into_reports(|id| id == PropertyId(1));

        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].property.listing_key.as_deref(), Some("H-2"));
    }

    #[test]
    fn a_page_behind_a_wall_is_not_visited() {
        let counts = [("", 2), ("home", 5), ("wall", 30), ("gone", 1)];
        let counts = counts.into_iter().map(|(word, pages)| (word.to_owned(), pages)).collect();

        assert_eq!(VisitedPages::of(&counts), visited(8, 5));
    }
}
