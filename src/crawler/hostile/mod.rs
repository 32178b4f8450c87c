//! Pages and files as an attacker writes them, by size, and what holds for any of them. Shared by tests, the fuzz
//! corpus and the fuzz targets; a build without tests does not have it.

pub mod invariants;
mod markup;
mod robots_files;
#[cfg(test)]
mod seed_corpus;
mod structured;
#[cfg(test)]
mod tests;
pub mod via_readers;

pub use robots_files::ROBOTS_FILES;

use std::fmt::Write;

use url::Url;

use super::links::AllowedHosts;
use super::reading::{self, PageText, Reading, ReadingLimits};
use super::settings::CrawlerSettings;

/// A kind of hostile page or file.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    /// Makes one of about this many bytes.
    pub make: fn(usize) -> String,
}

/// All hostile pages.
pub fn pages() -> impl Iterator<Item = Shape> {
    markup::SHAPES.iter().chain(structured::SHAPES).copied()
}

/// A page and where it is.
#[derive(Debug)]
pub struct HostilePage {
    pub url: Url,
    pub html: String,
}

/// The page of a shape.
pub fn page(shape: &Shape, bytes: usize) -> HostilePage {
    page_of((shape.make)(bytes))
}

/// Reads a page of a shape in this process.
pub fn run(shape: &Shape, bytes: usize) -> Reading {
    read(&page(shape, bytes))
}

fn page_of(html: String) -> HostilePage {
    HostilePage { url: url(), html }
}

fn read(page: &HostilePage) -> Reading {
    let settings = CrawlerSettings::default();
    let limits =
        ReadingLimits { links: settings.max_links_per_page, listings: settings.max_listings_per_page };
    let text = PageText { url: &page.url, html: &page.html, robots_tag: None };
    reading::read(&text, &AllowedHosts::of([&page.url], &[]), limits)
}

#[expect(clippy::expect_used, reason = "the text is a URL")]
fn url() -> Url {
    Url::parse("https://homes.example.com/house/1").expect("a URL")
}

/// `start`, then what `part` gives for 0, 1, 2 … up to about `bytes`, then `end`.
fn fill(bytes: usize, start: &str, end: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 1_024);
    text.push_str(start);
    let mut number = 0;
    while text.len() + end.len() < bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{}", part(number));
        number += 1;
    }
    text.push_str(end);
    text
}

/// `start`, `part` again and again up to about `bytes`, then `end`.
fn repeat(bytes: usize, start: &str, end: &str, part: &str) -> String {
    let times = bytes.saturating_sub(start.len() + end.len()).div_ceil(part.len());
    [start, &part.repeat(times), end].concat()
}
