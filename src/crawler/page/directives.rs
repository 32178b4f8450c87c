//! What a page asks of crawlers, in its `<meta>` elements and in the `X-Robots-Tag` header.

use scraper::ElementRef;

/// What a page asks of crawlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Take nothing from this page.
    pub noindex: bool,
    /// Follow none of its links.
    pub nofollow: bool,
}

impl Directives {
    pub(super) fn add_meta(&mut self, meta: ElementRef<'_>) {
        let name = meta.attr("name").unwrap_or_default();
        if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case("lotline") {
            self.add(meta.attr("content").unwrap_or_default());
        }
    }

    fn add(&mut self, list: &str) {
        for word in list.split(',').map(str::trim) {
            let none = word.eq_ignore_ascii_case("none");
            self.noindex |= none || word.eq_ignore_ascii_case("noindex");
            self.nofollow |= none || word.eq_ignore_ascii_case("nofollow");
        }
    }

    /// A header's directives may be for one crawler, up to the next name: `otherbot: noindex`.
    pub(super) fn add_header(&mut self, header: &str) {
        let mut for_us = true;
        for word in header.split(',').map(str::trim) {
            match word.split_once(':') {
                Some((name, _)) if name.trim().eq_ignore_ascii_case("unavailable_after") => {}
                Some((name, word)) => {
                    for_us = name.trim().eq_ignore_ascii_case("lotline");
                    if for_us {
                        self.add(word);
                    }
                }
                None if for_us => self.add(word),
                None => {}
            }
        }
    }
}
