//! Addresses that go on for ever: paths that repeat themselves or grow, calendars, and pages of a list beyond its end.
//! Pure.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use url::Url;

use super::paging::{Paging, paging};
use super::url_shape::segments;

/// How often a segment stands in a path at most.
const MAX_REPEATS: usize = 2;
/// Segments that a sequence has which must not repeat at once. A single one may: `/new-york/new-york`.
const CYCLES: std::ops::RangeInclusive<usize> = 2..=4;
/// Segments of a path, and parameters of a query.
const MAX_SEGMENTS: usize = 15;
const MAX_PARAMETERS: usize = 20;
/// How often a parameter with one name stands in a query, unless its name is that of a list: `f[]`.
const MAX_SAME_PARAMETER: usize = 4;
/// Pages of one calendar that are asked for.
const MAX_DATES: usize = 12;
/// Parameters that name a day, a week or a month.
const DATE_PARAMETERS: [&str; 12] =
    ["cal", "date", "datum", "day", "fecha", "jour", "mois", "month", "tag", "week", "year", "yearmonth"];
/// Pages of a list in a row that show nothing, or what an earlier one showed, after which it is over.
const MAX_BARREN: u32 = 3;
/// What a list showed on its last pages.
const MAX_SHOWN: usize = 4;
/// Pages of a list without the page of a home after which its further pages are worth less.
const MAX_FRUITLESS: u32 = 2;
/// Lists and calendars that are remembered.
const MAX_SERIES: usize = 10_000;

/// A kind of address that goes on for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TrapKind {
    RepeatedSegments,
    GrowingAddress,
    Calendar,
    EndlessPaging,
}

impl TrapKind {
    pub(super) const ALL: [Self; 4] =
        [Self::RepeatedSegments, Self::GrowingAddress, Self::Calendar, Self::EndlessPaging];

    /// Its name in the stats.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RepeatedSegments => "repeated_segments",
            Self::GrowingAddress => "growing_address",
            Self::Calendar => "calendar",
            Self::EndlessPaging => "endless_paging",
        }
    }

    /// Why such an address is not asked for.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::RepeatedSegments => "its path repeats itself",
            Self::GrowingAddress => "it has more parts than the address of a page",
            Self::Calendar => "it is one of many dates of a calendar",
            Self::EndlessPaging => "the pages before it showed nothing new",
        }
    }
}

/// What a crawl remembers to see where it goes on for ever.
#[derive(Debug, Default)]
pub(super) struct TrapWatch {
    calendars: HashMap<String, usize>,
    series: HashMap<String, Series>,
    said: [bool; TrapKind::ALL.len()],
}

/// The pages of one list that were read.
#[derive(Debug, Default)]
struct Series {
    pages: u32,
    homes: u32,
    /// The last pages that showed nothing new.
    barren: u32,
    /// The highest number of a page that was read.
    last: u64,
    /// Hashes of what the last pages showed.
    shown: VecDeque<u64>,
}

impl TrapWatch {
    /// Why the page at `url`, which is new to the crawl, is not asked for.
    pub(super) fn find(&mut self, url: &Url) -> Option<TrapKind> {
        if let Some(kind) = of_address(url) {
            return Some(kind);
        }
        if let Some(calendar) = calendar(url) {
            let is_remembered = self.calendars.len() < MAX_SERIES || self.calendars.contains_key(&calendar);
            let dates = if is_remembered { Some(self.calendars.entry(calendar).or_default()) } else { None };
            let Some(dates) = dates.filter(|dates| **dates < MAX_DATES) else {
                return Some(TrapKind::Calendar);
            };
            *dates += 1;
        }
        let Paging { series, number, .. } = paging(url)?;
        let series = self.series.get(&series)?;
        let is_over = series.barren >= MAX_BARREN && number > series.last;
        is_over.then_some(TrapKind::EndlessPaging)
    }

    /// Records that a page of a list was read. `shown`: what is on it beside links to pages of the same list.
    pub(super) fn record<'a>(&mut self, url: &Url, homes: usize, shown: impl IntoIterator<Item = &'a str>) {
        let Some(Paging { series, number, .. }) = paging(url) else { return };
        if self.series.len() >= MAX_SERIES && !self.series.contains_key(&series) {
            return;
        }
        let series = self.series.entry(series).or_default();
        let shown = hash_of(shown);
        series.pages = series.pages.saturating_add(1);
        series.homes = series.homes.saturating_add(u32::try_from(homes).unwrap_or(u32::MAX));
        series.last = series.last.max(number);
        let is_new = shown.is_some_and(|shown| !series.shown.contains(&shown));
        series.barren = if is_new { 0 } else { series.barren.saturating_add(1) };
        if let Some(shown) = shown.filter(|_| is_new) {
            series.shown.push_back(shown);
            if series.shown.len() > MAX_SHOWN {
                series.shown.pop_front();
            }
        }
    }

    /// Whether `url` is a further page of a list that showed the page of no home so far.
    pub(super) fn is_fruitless(&self, url: &Url) -> bool {
        let series = paging(url).and_then(|paging| self.series.get(&paging.series));
        series.is_some_and(|series| series.pages >= MAX_FRUITLESS && series.homes == 0)
    }

    /// Whether this is the first trap of its kind.
    pub(super) fn is_first(&mut self, kind: TrapKind) -> bool {
        !std::mem::replace(&mut self.said[kind as usize], true)
    }
}

/// A hash of the texts whatever their order; `None` of none.
fn hash_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    let hashes = texts.into_iter().map(|text| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    });
    hashes.reduce(u64::wrapping_add)
}

/// Traps that an address shows by itself.
fn of_address(url: &Url) -> Option<TrapKind> {
    let all = segments(url);
    if repeats(&all) {
        return Some(TrapKind::RepeatedSegments);
    }
    let names: Vec<&str> = parameters(url).map(|(name, _)| name).collect();
    let is_repeated = |name: &&str| {
        !name.contains(['[', '%']) && names.iter().filter(|other| other == &name).count() > MAX_SAME_PARAMETER
    };
    let grows = all.len() > MAX_SEGMENTS || names.len() > MAX_PARAMETERS || names.iter().any(is_repeated);
    grows.then_some(TrapKind::GrowingAddress)
}

/// `/a/b/a/b`, or one segment three times.
fn repeats(all: &[&str]) -> bool {
    let is_word = |segment: &&&str| segment.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_often = |segment: &&str| all.iter().filter(|other| *other == segment).count() > MAX_REPEATS;
    if all.iter().filter(is_word).any(is_often) {
        return true;
    }
    CYCLES.into_iter().any(|length| {
        all.windows(2 * length).any(|window| {
            let (one, other) = window.split_at(length);
            one == other && one.iter().filter(is_word).count() > 0
        })
    })
}

/// The names, in lower case or not, and the values of a query, a few more than any page has.
fn parameters(url: &Url) -> impl Iterator<Item = (&str, &str)> {
    let pairs = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.take(4 * MAX_PARAMETERS).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The calendar that `url` is a date of: the address without the date.
pub(super) fn calendar(url: &Url) -> Option<String> {
    let is_date = |(name, value): &(&str, &str)| {
        DATE_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
            && value.bytes().any(|byte| byte.is_ascii_digit())
    };
    if parameters(url).any(|pair| is_date(&pair)) {
        let others: Vec<&str> = parameters(url).filter(|pair| !is_date(pair)).map(|(name, _)| name).collect();
        return Some(format!("{}?{}", &url[..url::Position::AfterPath], others.join("&")));
    }
    let mut all = segments(url);
    let before = all.len();
    while all.last().is_some_and(|segment| is_day_or_month(segment)) {
        all.pop();
    }
    let is_dated = before > all.len() && all.last().is_some_and(|segment| is_year(segment));
    let has_whole_date = segments(url).last().is_some_and(|segment| is_whole_date(segment));
    if is_dated || has_whole_date {
        all.pop();
        return Some(format!("{}/{}", &url[..url::Position::BeforePath], all.join("/")));
    }
    None
}

fn is_year(text: &str) -> bool {
    text.parse().is_ok_and(|year: u16| (1900..2200).contains(&year))
}

fn is_day_or_month(text: &str) -> bool {
    text.len() <= 2 && text.parse().is_ok_and(|number: u8| (1..=31).contains(&number))
}

/// `2026-05`, `2026-05-12`.
fn is_whole_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let has_year = parts.next().is_some_and(is_year);
    let rest: Vec<&str> = parts.collect();
    has_year && (1..=2).contains(&rest.len()) && rest.iter().all(|part| is_day_or_month(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn trap(path: &str) -> Option<TrapKind> {
        TrapWatch::default().find(&url(path))
    }

    #[test]
    fn paths_that_repeat_themselves_are_traps() {
        for path in ["/a/b/a/b", "/list/x/list/y/list", "/de/homes/de/homes/7", "/a/a/a", "/x/a/b/c/a/b/c"] {
            assert_eq!(trap(path), Some(TrapKind::RepeatedSegments), "{path}");
        }
        for path in ["/new-york/new-york/oak-street-7", "/1/2/1/2", "/h/7", "/", "/a/b/c/a", "/7/7/7"] {
            assert_eq!(trap(path), None, "{path}");
        }
    }

    #[test]
    fn addresses_that_grow_are_traps() {
        let deep: String = (0..16).map(|step| format!("/step-{step}")).collect();
        let wide: Vec<String> = (0..21).map(|number| format!("p{number}=1")).collect();

        assert_eq!(trap(&deep), Some(TrapKind::GrowingAddress));
        assert_eq!(trap(&format!("/list?{}", wide.join("&"))), Some(TrapKind::GrowingAddress));
        assert_eq!(trap("/list?back=1&back=2&back=3&back=4&back=5"), Some(TrapKind::GrowingAddress));
        assert_eq!(trap("/list?f[]=1&f[]=2&f[]=3&f[]=4&f[]=5&f[]=6"), None);
        assert_eq!(trap("/a/b/c/d/e/f/g/h?x=1&y=2&x=3"), None);
    }

    #[test]
    fn some_dates_of_a_calendar_are_asked_for() {
        for form in ["/visits?month=MM&view=x", "/visits/2026/MM", "/visits/2026/MM/07", "/visits/2026-MM"] {
            let mut watch = TrapWatch::default();
            let mut dates = (1..=12).flat_map(|month| [month, month]).map(|month: u32| format!("{month:02}"));
            let found: Vec<bool> =
                dates.by_ref().map(|month| watch.find(&url(&form.replace("MM", &month))).is_some()).collect();

            assert_eq!(found.iter().filter(|is_trap| !**is_trap).count(), MAX_DATES, "{form}");
            assert!(found.last().is_some_and(|is_trap| *is_trap), "{form}");
        }
        for path in ["/homes/2026", "/auction/2026/05/12/oak-street-7", "/h/12", "/list?tag=garden"] {
            assert_eq!(calendar(&url(path)), None, "{path}");
        }
    }

    #[test]
    fn a_list_is_over_after_three_pages_without_anything_new() {
        let mut watch = TrapWatch::default();
        let homes: Vec<String> = (0..30).map(|number| format!("/h/{number}")).collect();
        let homes: Vec<&str> = homes.iter().map(String::as_str).collect();
        let page = |number: usize| url(&format!("/list?page={number}"));
        watch.record(&page(1), 10, homes[..10].iter().copied());
        watch.record(&page(2), 10, homes[10..20].iter().copied());
        for number in 3..=5 {
            assert_eq!(watch.find(&page(number + 1)), None, "{number}");
            watch.record(&page(number), 10, homes[10..20].iter().rev().copied());
        }

        assert_eq!(watch.find(&page(6)), Some(TrapKind::EndlessPaging));
        assert_eq!(watch.find(&page(4)), None, "a page before the last one");
        assert_eq!(watch.find(&url("/other?page=6")), None);
        watch.record(&page(5), 10, homes[20..].iter().copied());
        assert_eq!(watch.find(&page(6)), None, "something new after all");
    }

    #[test]
    fn empty_pages_end_a_list() {
        let mut watch = TrapWatch::default();
        for number in 1..=3 {
            watch.record(&url(&format!("/list/page/{number}")), 0, []);
        }

        assert_eq!(watch.find(&url("/list/page/4")), Some(TrapKind::EndlessPaging));
    }

    #[test]
    fn a_list_without_homes_is_fruitless() {
        let mut watch = TrapWatch::default();
        watch.record(&url("/blog?page=1"), 0, ["/x"]);
        assert!(!watch.is_fruitless(&url("/blog?page=2")));
        watch.record(&url("/blog?page=2"), 0, ["/y"]);
        assert!(watch.is_fruitless(&url("/blog?page=3")) && !watch.is_fruitless(&url("/list?page=3")));
        watch.record(&url("/blog?page=3"), 1, ["/z"]);
        assert!(!watch.is_fruitless(&url("/blog?page=4")));
    }

    #[test]
    fn the_first_trap_of_a_kind_is_told_apart() {
        let mut watch = TrapWatch::default();

        assert!(watch.is_first(TrapKind::Calendar) && !watch.is_first(TrapKind::Calendar));
        assert!(watch.is_first(TrapKind::EndlessPaging));
        for (at, kind) in TrapKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
    }
}
