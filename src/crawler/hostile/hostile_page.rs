//! All hostile pages, by shape, and how one is read in this process.

use url::Url;

use super::shape::Shape;
use super::{markup, structured};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::{self, PageText, Reading};
use crate::crawler::settings::CrawlerSettings;
use crate::protocol::spider_rules::CompiledRules;

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
    read(&page(shape, bytes), &CompiledRules::default())
}

pub(super) fn page_of(html: String) -> HostilePage {
    HostilePage { url: url(), html }
}

/// Reads a page in this process by the rules of a spider.
pub(super) fn read(page: &HostilePage, rules: &CompiledRules) -> Reading {
    let settings = CrawlerSettings::default();
    let limits = settings.reading_limits();
    let text = PageText::of_html(&page.url, &page.html);
    reading::read(&text, &AllowedHosts::of([&page.url], &[]), limits, rules)
}

#[expect(clippy::expect_used, reason = "the text is a URL")]
fn url() -> Url {
    Url::parse("https://homes.example.com/house/1").expect("a URL")
}
