//! Feeds: RSS 0.9 to 2.0 and Atom (RFC 4287). The addresses of their entries, when they changed, and the next part of a
//! feed (RFC 5005).

use chrono::{DateTime, SecondsFormat, Utc};

use super::entry::{Element, EntryReader, RawEntry};
use super::sitemap::time;

/// Takes the link and the time of each `<item>` or `<entry>`.
#[derive(Debug, Default)]
pub(super) struct FeedReader {
    /// The entry that is open.
    entry: Option<RawEntry>,
    /// Whether the `<guid>` that is open is an address.
    is_address: bool,
    /// An address that stands in for a missing link.
    guid: String,
    complete: Option<RawEntry>,
}

impl EntryReader for FeedReader {
    fn begin(&mut self, path: &[String], element: &Element<'_>) {
        match path.last().map(String::as_str) {
            Some("item" | "entry") => {
                self.entry = Some(RawEntry::default());
                self.guid.clear();
            }
            Some("guid") => self.is_address = element.attribute("isPermaLink").is_none_or(|is| is == "true"),
            Some("link") => self.begin_link(element),
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], text: &str) {
        let Some(name) = path.last() else { return };
        if matches!(name.as_str(), "item" | "entry") {
            self.complete = self.entry.take();
            if let Some(entry) = self.complete.as_mut().filter(|entry| entry.address.is_empty()) {
                entry.address = std::mem::take(&mut self.guid);
            }
            return;
        }
        let is_child =
            path.iter().rev().nth(1).is_some_and(|parent| matches!(parent.as_str(), "item" | "entry"));
        let Some(entry) = self.entry.as_mut().filter(|_| is_child && !text.is_empty()) else { return };
        match name.as_str() {
            "link" if entry.address.is_empty() => text.clone_into(&mut entry.address),
            "guid" if self.is_address => text.clone_into(&mut self.guid),
            "pubdate" => entry.changed = rfc_2822(text),
            // Dublin Core, and Atom: what was changed last wins.
            "date" | "published" if entry.changed.is_none() => entry.changed = time(text),
            "updated" => entry.changed = time(text).or(entry.changed.take()),
            _ => {}
        }
    }

    fn take(&mut self) -> Option<RawEntry> {
        self.complete.take()
    }
}

impl FeedReader {
    /// Atom has the address in an attribute.
    fn begin_link(&mut self, element: &Element<'_>) {
        let Some(address) = element.attribute("href") else { return };
        let rel = element.attribute("rel");
        match (&mut self.entry, rel.as_deref()) {
            (Some(entry), None | Some("alternate")) if entry.address.is_empty() => entry.address = address,
            (None, Some("next")) => self.complete = Some(RawEntry { address, is_list: true, changed: None }),
            _ => {}
        }
    }
}

fn rfc_2822(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    Some(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::xml;
    use crate::crawler::budget::PageBudget;

    fn entries(text: &str) -> Vec<(String, bool, Option<String>)> {
        let url: Url = "https://a.example/feed".parse().unwrap();
        let found = xml::entries(text, &url, 1_000, &PageBudget::for_page(text.len())).into_iter();
        found.map(|entry| (entry.url.path().to_owned(), entry.is_list, entry.changed)).collect()
    }

    fn entry(path: &str, changed: Option<&str>) -> (String, bool, Option<String>) {
        (path.to_owned(), false, changed.map(str::to_owned))
    }

    #[test]
    fn the_items_of_rss_are_entries() {
        let found = entries(
            r#"<rss version="2.0" xmlns:atom="a"><channel><link>https://a.example/</link>
            <atom:link rel="self" href="https://a.example/feed"/>
            <item><title>One &amp; two</title><link>https://a.example/h/1</link>
              <pubDate>Tue, 03 Feb 2026 10:00:00 +0100</pubDate></item>
            <item><guid isPermaLink="false">h-2</guid><link>https://a.example/h/2</link></item>
            <item><guid>https://a.example/h/3</guid></item>
            <item><guid isPermaLink="false">h-4</guid></item></channel></rss>"#,
        );

        let expected =
            [entry("/h/1", Some("2026-02-03T09:00:00Z")), entry("/h/2", None), entry("/h/3", None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_items_of_rss_1_stand_beside_the_channel() {
        let found = entries(
            "<rdf:RDF xmlns:rdf='r'><channel><link>https://a.example/</link></channel>
            <item><link>https://a.example/h/1</link><dc:date>2026-02-03T10:00:00Z</dc:date></item></rdf:RDF>",
        );

        assert_eq!(found, [entry("/h/1", Some("2026-02-03T10:00:00Z"))]);
    }

    #[test]
    fn the_entries_and_the_next_part_of_atom_are_read() {
        let found = entries(
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/feed"/>
            <link rel="next" href="/feed?page=2"/>
            <entry><link rel="edit" href="/edit/1"/><link href="/h/1"/><published>2026-01-01T00:00:00Z</published>
              <updated>2026-02-01T00:00:00Z</updated><source><link href="/other"/></source></entry></feed>"#,
        );

        assert_eq!(found, [("/feed".to_owned(), true, None), entry("/h/1", Some("2026-02-01T00:00:00Z"))]);
    }
}
