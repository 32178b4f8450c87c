//! What a page asks of crawlers, in its `<meta>` elements and in the `X-Robots-Tag` header.

use chrono::{DateTime, Utc};
use scraper::ElementRef;

use super::unavailable_after;

/// Our name in directives for one crawler.
const PRODUCT_TOKEN: &str = "lotline";
/// Directives with a value behind a colon. Any other word before a colon is the name of a crawler.
const WITH_VALUE: &[&str] = &["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// What a page asks of crawlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Take nothing from this page.
    pub noindex: bool,
    /// Follow none of its links.
    pub nofollow: bool,
}

/// What a page states, whenever it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StatedDirectives {
    always: Directives,
    /// From then on it is not to be indexed.
    unavailable_after: Option<DateTime<Utc>>,
}

impl StatedDirectives {
    pub(super) fn add_meta(&mut self, meta: ElementRef<'_>) {
        let name = meta.attr("name").unwrap_or_default();
        if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(PRODUCT_TOKEN) {
            self.add(meta.attr("content").unwrap_or_default(), Addressees::Us);
        }
    }

    /// Adds the lines of the header. A line's directives may be for one crawler, up to the next name:
    /// `otherbot: noindex, lotline: nofollow`.
    pub(super) fn add_header(&mut self, lines: &str) {
        for line in lines.split(['\n', '\r']) {
            self.add(line, Addressees::Named);
        }
    }

    /// What holds at `now`.
    pub(super) fn at(self, now: DateTime<Utc>) -> Directives {
        let is_over = self.unavailable_after.is_some_and(|end| end < now);
        Directives { noindex: self.always.noindex || is_over, ..self.always }
    }

    fn add(&mut self, list: &str, addressees: Addressees) {
        let mut is_for_us = true;
        let mut parts = list.split(',').map(str::trim).peekable();
        while let Some(mut part) = parts.next() {
            if addressees == Addressees::Named
                && let Some((name, directive)) = part.split_once(':')
                && !takes_value(name)
            {
                is_for_us = is_ours(name);
                part = directive.trim();
            }
            let Some(time) = value_of(part, "unavailable_after") else {
                if is_for_us {
                    self.add_word(part);
                }
                continue;
            };
            // A day of the week has a comma behind it, which is none of the list's.
            let rest = parts.next_if(|_| unavailable_after::is_weekday(time));
            let time = rest.map_or_else(|| time.to_owned(), |rest| format!("{time}, {rest}"));
            if is_for_us && let Some(end) = unavailable_after::parse(&time) {
                self.unavailable_after = Some(self.unavailable_after.map_or(end, |before| before.min(end)));
            }
        }
    }

    fn add_word(&mut self, word: &str) {
        let is_none = word.eq_ignore_ascii_case("none");
        self.always.noindex |= is_none || word.eq_ignore_ascii_case("noindex");
        self.always.nofollow |= is_none || word.eq_ignore_ascii_case("nofollow");
    }
}

/// Whom a list of directives is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Addressees {
    Us,
    /// Everyone, up to the name of a crawler.
    Named,
}

fn takes_value(name: &str) -> bool {
    WITH_VALUE.iter().any(|known| known.eq_ignore_ascii_case(name.trim()))
}

/// `lotline`, `Lotline/1.0` and `*` are for us.
fn is_ours(name: &str) -> bool {
    let token = name.split('/').next().unwrap_or_default().trim();
    token == "*" || token.eq_ignore_ascii_case(PRODUCT_TOKEN)
}

fn value_of<'a>(directive: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = directive.split_once(':')?;
    found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lines: &str, now: &str) -> (bool, bool) {
        let mut stated = StatedDirectives::default();
        stated.add_header(lines);
        let Directives { noindex, nofollow } = stated.at(now.parse().unwrap());
        (noindex, nofollow)
    }

    fn stated(lines: &str) -> (bool, bool) {
        at(lines, "2026-11-22T10:00:00Z")
    }

    #[test]
    fn each_line_is_for_all_crawlers_until_it_names_one() {
        for (lines, expected) in [
            ("noindex", (true, false)),
            ("NONE", (true, true)),
            ("otherbot: noindex, nofollow", (false, false)),
            ("otherbot: noindex\nnofollow", (false, true)),
            ("otherbot: noindex, lotline: nofollow", (false, true)),
            ("lotline: noindex, otherbot: nofollow", (true, false)),
            ("Lotline/1.0: noindex", (true, false)),
            ("*: nofollow", (false, true)),
            ("max-snippet: 50, noindex", (true, false)),
            ("otherbot: max-snippet: 50, noindex", (false, false)),
            ("max-image-preview:large, max-video-preview:-1", (false, false)),
            ("index, follow", (false, false)),
            ("noindex: 1", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(stated(lines), expected, "{lines}");
        }
    }

    #[test]
    fn a_page_is_not_indexed_after_the_time_that_it_gives() {
        let end = "unavailable_after: 25 Jun 2010 15:00:00 PST";
        assert_eq!(at(end, "2010-06-25T22:59:59Z"), (false, false));
        assert_eq!(at(end, "2010-06-25T23:00:01Z"), (true, false));
        assert_eq!(stated("Unavailable_After: Friday, 25-Jun-10 15:00:00 GMT, nofollow"), (true, true));
        assert_eq!(stated("lotline: unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT"), (true, false));
        assert_eq!(stated("otherbot: unavailable_after: 25 Jun 2010 15:00:00 PST"), (false, false));
        assert_eq!(stated("unavailable_after: 2030-01-01\nunavailable_after: 2010-01-01"), (true, false));
        assert_eq!(stated("unavailable_after: soon, nofollow"), (false, true));
    }
}
