//! Pages and files as an attacker writes them, by size, and what holds for any of them. Tests, seeds and fuzz targets
//! share this; a build without tests does not have it.

pub mod invariants;
mod markup;
mod robots_files;
#[cfg(test)]
mod seeds;
mod structured;
#[cfg(test)]
mod tests;

pub use robots_files::ROBOTS_FILES;

use std::fmt::Write;

use super::fetch::{Conditional, FetchedPage};
use super::links::AllowedHosts;
use super::reading::{self, Reading};
use super::settings::CrawlerSettings;

/// A kind of hostile page or file.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    /// Makes one of about so many bytes.
    pub make: fn(usize) -> String,
}

/// All hostile pages.
pub fn pages() -> impl Iterator<Item = Shape> {
    markup::SHAPES.iter().chain(structured::SHAPES).copied()
}

/// The page of a shape, as it is fetched.
pub fn page(shape: &Shape, bytes: usize) -> FetchedPage {
    page_of((shape.make)(bytes))
}

/// Reads a page of a shape in this process.
pub fn run(shape: &Shape, bytes: usize) -> Reading {
    read(&page(shape, bytes))
}

fn page_of(html: String) -> FetchedPage {
    FetchedPage {
        url: url(),
        body_bytes: html.len(),
        html,
        validators: Conditional::default(),
        robots_tag: None,
    }
}

fn read(page: &FetchedPage) -> Reading {
    reading::read(page, &AllowedHosts::of([&page.url], &[]), &CrawlerSettings::default())
}

#[expect(clippy::expect_used, reason = "the text is a URL")]
fn url() -> url::Url {
    url::Url::parse("https://homes.example.com/house/1").expect("a URL")
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
