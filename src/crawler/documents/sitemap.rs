//! Sitemaps and their indexes (sitemaps.org): the addresses of pages, of further sitemaps, and when they changed.

use super::entry::{Element, EntryReader, RawEntry};

/// Takes `<loc>` and `<lastmod>` of each `<url>` or `<sitemap>`.
#[derive(Debug, Default)]
pub(super) struct SitemapReader {
    entry: RawEntry,
    /// The prefix of the entry's name.
    prefix: Option<String>,
    /// Whether the element that is open has another prefix, which is that of an extension: `<image:loc>` is the address
    /// of no page.
    is_extension: bool,
    complete: Option<RawEntry>,
}

impl EntryReader for SitemapReader {
    fn begin(&mut self, path: &[String], element: &Element<'_>) {
        match path {
            [_, name] => {
                self.entry = RawEntry { is_list: name == "sitemap", ..RawEntry::default() };
                self.prefix = element.prefix().map(str::to_owned);
            }
            [_, _, _] => self.is_extension = element.prefix() != self.prefix.as_deref(),
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], text: &str) {
        match path {
            [_, _, name] if !self.is_extension => match name.as_str() {
                "loc" => text.clone_into(&mut self.entry.address),
                "lastmod" => self.entry.changed = time(text),
                _ => {}
            },
            [_, name] if matches!(name.as_str(), "url" | "sitemap") => {
                self.complete = Some(std::mem::take(&mut self.entry));
            }
            _ => {}
        }
    }

    fn take(&mut self) -> Option<RawEntry> {
        self.complete.take()
    }
}

/// A time of W3C's format, whose texts are in the order of the times but for offsets of some hours.
pub(super) fn time(text: &str) -> Option<String> {
    let is_time =
        text.len() >= 4 && text.len() <= 40 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    is_time.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::entry::Entry;
    use super::super::xml;
    use crate::crawler::budget::{PageBudget, Truncation};

    fn read_with(text: &str, budget: &PageBudget) -> Vec<Entry> {
        let url: Url = "https://a.example/sitemap.xml".parse().unwrap();
        xml::entries(text, &url, 1_000, budget)
    }

    fn entries(text: &str) -> Vec<(String, bool, Option<String>)> {
        let found = read_with(text, &PageBudget::for_page(text.len())).into_iter();
        found.map(|entry| (entry.url.path().to_owned(), entry.is_list, entry.changed)).collect()
    }

    #[test]
    fn pages_are_read_and_addresses_of_images_are_not() {
        let found = entries(
            r#"<?xml version="1.0" encoding="UTF-8"?><!-- made by hand -->
            <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="i" xmlns:xhtml="x">
            <url><loc> https://a.example/h/1?a=1&amp;b=&#50; </loc><lastmod>2026-02-01</lastmod>
              <image:image><image:loc>https://a.example/1.jpg</image:loc></image:image>
              <xhtml:link rel="alternate" hreflang="en" href="https://a.example/en/h/1"/></url>
            <url><loc><![CDATA[https://a.example/h/2]]></loc><lastmod>yesterday</lastmod></url>
            <url><priority>1</priority></url></urlset>"#,
        );

        let expected = [("/h/1", Some("2026-02-01")), ("/h/2", None)];
        let expected = expected.map(|(path, time)| (path.to_owned(), false, time.map(str::to_owned)));
        assert_eq!(found, expected);
    }

    #[test]
    fn references_in_an_address_are_resolved() {
        let text = "<urlset><url><loc>https://a.example/h?a=1&amp;b=&#x32;</loc></url></urlset>";
        let found = read_with(text, &PageBudget::for_page(text.len()));

        assert_eq!(found[0].url.as_str(), "https://a.example/h?a=1&b=2");
    }

    #[test]
    fn an_index_leads_to_sitemaps() {
        let found = entries(
            "<sitemapindex><sitemap><loc>https://a.example/s1.xml.gz</loc></sitemap>
            <sitemap><loc>/s2.xml</loc><lastmod>2026-01-01T00:00:00+00:00</lastmod></sitemap></sitemapindex>",
        );

        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0.as_str(), found[0].1), ("/s1.xml.gz", true));
        assert_eq!(
            (found[1].0.as_str(), found[1].2.as_deref()),
            ("/s2.xml", Some("2026-01-01T00:00:00+00:00"))
        );
    }

    #[test]
    fn a_prefix_of_the_whole_sitemap_is_no_extension() {
        let found = entries(
            "<sm:urlset xmlns:sm='s'><sm:url><sm:loc>https://a.example/h/1</sm:loc></sm:url></sm:urlset>",
        );

        assert_eq!(found, [("/h/1".to_owned(), false, None)]);
    }

    #[test]
    fn entities_of_a_document_type_are_not_expanded() {
        let found = entries(
            "<!DOCTYPE urlset [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>
            <urlset><url><loc>https://a.example/&b;</loc></url><url><loc>https://a.example/&f;</loc></url>
            <url><loc>https://a.example/h/1</loc></url></urlset>",
        );

        assert_eq!(found, [("/h/1".to_owned(), false, None)]);
    }

    #[test]
    fn what_is_broken_or_too_deep_is_read_up_to_there() {
        let cut = entries("<urlset><url><loc>https://a.example/h/1</loc></url><url><loc>https://a.exa");
        let unclosed = entries("<urlset><url><loc>https://a.example/h/1</loc></url></wrong>");
        let deep = format!("<urlset><url><loc>https://a.example/h/1</loc></url>{}", "<a>".repeat(100_000));
        let budget = PageBudget::for_page(deep.len());

        assert_eq!((cut.len(), unclosed.len()), (1, 1));
        assert_eq!(read_with(&deep, &budget).len(), 1);
        assert_eq!(budget.truncation(), Some(Truncation::Depth));
        assert!(entries("<html><body><loc>https://a.example/h/1</loc></body></html>").is_empty());
        assert!(entries("").is_empty() && entries("no xml & at all").is_empty());
    }

    #[test]
    fn an_address_that_is_too_long_is_none() {
        let text = format!("<urlset><url><loc>https://a.example/{}</loc></url></urlset>", "a".repeat(5_000));

        assert!(entries(&text).is_empty());
    }
}
