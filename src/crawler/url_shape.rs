//! The shape of an address that names one thing of many: where it stands, how long its path is, and what its last
//! segment looks like. Pages of homes of a site share few shapes, so that a crawl learns from the pages that it has
//! read which links lead to homes.

use std::collections::HashMap;

use url::Url;

use super::worth_words::{PAGE_NUMBERS, PERMUTATION_STARTS, PERMUTATIONS};

/// Shapes that a crawl remembers.
const MAX_SHAPES: usize = 5_000;
/// Pages of a shape without a home after which the shape is not one of homes.
const ENOUGH_OTHERS: u32 = 3;
/// Segments and parameters that are looked at.
const MAX_PARTS: usize = 20;
/// Bytes of a segment that are kept.
const MAX_SEGMENT: usize = 40;
/// Endings of a last segment that are no part of its name.
pub(super) const ENDINGS: [&str; 6] = [".html", ".htm", ".php", ".aspx", ".asp", ".jsp"];

/// The shape of an address; two addresses with the same shape are likely to be pages of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct UrlShape(String);

/// What the last segment of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastSegment {
    /// A word or two, which name a section.
    Word,
    /// Digits only.
    Number,
    Uuid,
    /// Letters and digits without a separator.
    Code,
    /// Several words with a number at an end.
    SlugWithId,
    /// Several words with a number between them.
    SlugWithNumber,
    /// Three words or more without a number.
    Slug,
}

impl LastSegment {
    pub(super) fn of(segment: &str) -> Self {
        let name = ENDINGS.iter().find_map(|ending| segment.strip_suffix(ending)).unwrap_or(segment);
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
        let has_digit = name.bytes().any(|byte| byte.is_ascii_digit());
        match words.as_slice() {
            [] => Self::Word,
            [one] if is_number(one) => Self::Number,
            [one] if has_digit && one.len() >= 4 => Self::Code,
            [_] => Self::Word,
            _ if is_uuid(name) => Self::Uuid,
            [first, .., last] if is_id(first) || is_id(last) => Self::SlugWithId,
            [_, _, ..] if has_digit => Self::SlugWithNumber,
            [_, _, _, ..] => Self::Slug,
            _ => Self::Word,
        }
    }

    /// Whether it has a number, so that there are many like it.
    pub(super) fn is_numbered(self) -> bool {
        !matches!(self, Self::Word | Self::Slug)
    }

    /// Whether it names one thing of many.
    pub(super) fn names_one(self) -> bool {
        self != Self::Word
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Number => "number",
            Self::Uuid => "uuid",
            Self::Code => "code",
            Self::SlugWithId => "slug-id",
            Self::SlugWithNumber => "slug-number",
            Self::Slug => "slug",
        }
    }
}

/// Four digits are a year, five a postal code.
fn is_id(word: &str) -> bool {
    word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl UrlShape {
    /// The shape of `url`; `None` for an address that does not name one thing of many.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let segments = segments(url);
        let last = segments.last().map_or(LastSegment::Word, |last| LastSegment::of(last));
        let numbered = numbered_parameters(url);
        if !last.names_one() && numbered.is_empty() {
            return None;
        }
        let before = segments.len().saturating_sub(usize::from(last.names_one()));
        let mut shape = url.host_str().unwrap_or_default().to_owned();
        for (at, segment) in segments.iter().take(before).enumerate() {
            // What comes after the first words are places, kinds and streets.
            let is_section = at == 0 || at == 1 && segments[0].len() <= 2 || before == segments.len();
            let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
            shape.push('/');
            if is_section && !has_digit && !is_language(segment) {
                shape.extend(segment.chars().take(MAX_SEGMENT).flat_map(char::to_lowercase));
            } else {
                shape.push('*');
            }
        }
        if last.names_one() {
            shape.push('/');
            shape.push_str(last.name());
            let ending = segments.last().and_then(|last| ENDINGS.iter().find(|end| last.ends_with(**end)));
            shape.push_str(ending.copied().unwrap_or_default());
        }
        for name in numbered {
            shape.push('&');
            shape.extend(name.chars().take(MAX_SEGMENT));
        }
        Some(Self(shape))
    }

    /// Whether addresses of this shape have a number.
    pub(super) fn is_numbered(url: &Url) -> bool {
        let last = segments(url).last().map_or(LastSegment::Word, |last| LastSegment::of(last));
        last.is_numbered() || !numbered_parameters(url).is_empty()
    }
}

/// The segments of a path that are not empty, at most twenty from its beginning and its last one.
pub(super) fn segments(url: &Url) -> Vec<&str> {
    let all = url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
    let mut all: Vec<&str> = all.collect();
    if let Some(last) = all.last().copied().filter(|_| all.len() > MAX_PARTS) {
        all.truncate(MAX_PARTS - 1);
        all.push(last);
    }
    all
}

/// `en`, `de-AT`.
pub(super) fn is_language(segment: &str) -> bool {
    let mut parts = segment.splitn(2, ['-', '_']);
    let is_code = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    parts.next().is_some_and(is_code) && parts.next().is_none_or(is_code)
}

/// The sorted names of parameters that have a number for a value and choose what is shown.
fn numbered_parameters(url: &Url) -> Vec<String> {
    let pairs = url.query().unwrap_or_default().split('&').take(MAX_PARTS);
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let numbered = pairs.filter(|(_, value)| value.bytes().any(|byte| byte.is_ascii_digit()));
    let mut names: Vec<String> = numbered.map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.retain(|name| !is_permutation_name(name) && !PAGE_NUMBERS.contains(&name.as_str()));
    names.sort();
    names.dedup();
    names
}

/// Whether a parameter with this name, in lower case, changes order, form or selection of a list.
pub(super) fn is_permutation_name(name: &str) -> bool {
    PERMUTATIONS.binary_search(&name).is_ok()
        || PERMUTATION_STARTS.iter().any(|start| name.starts_with(start))
}

/// What pages of each shape were in a crawl so far.
#[derive(Debug, Default)]
pub(super) struct ShapeMemory(HashMap<UrlShape, PageCounts>);

#[derive(Clone, Copy, Debug, Default)]
struct PageCounts {
    homes: u32,
    others: u32,
}

impl ShapeMemory {
    /// Records that the page at `url` showed a home of its own, or none.
    pub(super) fn record(&mut self, url: &Url, is_home: bool) {
        let Some(shape) = UrlShape::of(url) else { return };
        if self.0.len() >= MAX_SHAPES && !self.0.contains_key(&shape) {
            return;
        }
        let counts = self.0.entry(shape).or_default();
        if is_home {
            counts.homes = counts.homes.saturating_add(1);
        } else {
            counts.others = counts.others.saturating_add(1);
        }
    }

    /// Whether pages with the shape of `url` show homes; `None` when too few are known.
    pub(super) fn shows_homes(&self, url: &Url) -> Option<bool> {
        let counts = self.0.get(&UrlShape::of(url)?)?;
        if counts.homes > 0 && counts.homes.saturating_mul(2) >= counts.others {
            return Some(true);
        }
        (counts.others >= ENOUGH_OTHERS).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn shape(path: &str) -> Option<UrlShape> {
        UrlShape::of(&url(path))
    }

    #[test]
    fn the_tables_are_sorted_where_they_are_searched() {
        assert!(PERMUTATIONS.is_sorted());
    }

    #[test]
    fn pages_of_one_kind_share_a_shape() {
        for (one, other) in [
            ("/homes/oak-street-3-410001", "/homes/elm-road-410777"),
            ("/h/7", "/h/19"),
            ("/sale/berlin/12345678.html", "/sale/hamburg/98765432.html"),
            ("/de/expose/123456", "/de/expose/7"),
            ("/home.php?id=7&sort=price", "/home.php?id=8"),
            ("/property/bright-flat-near-park", "/property/house-with-a-garden"),
            ("/x/123e4567-e89b-12d3-a456-426614174000", "/x/00000000-e89b-12d3-a456-42661417400f"),
        ] {
            assert!(shape(one).is_some(), "{one}");
            assert_eq!(shape(one), shape(other), "{one}");
        }
    }

    #[test]
    fn pages_of_other_kinds_have_other_shapes() {
        for (one, other) in [
            ("/homes/oak-street-3-410001", "/agents/ann-smith-410001"),
            ("/h/7", "/h/7/8"),
            ("/home.php?id=7", "/agent.php?id=7"),
            ("/home.php?id=7", "/home.php?agent=7"),
            ("/h/7", "/h/seven-small-rooms"),
        ] {
            assert_ne!(shape(one), shape(other), "{one}");
        }
    }

    #[test]
    fn a_section_has_no_shape() {
        for path in ["/", "/about", "/about-us", "/list?page=2", "/list?sort=price", "/en/contact.html"] {
            assert_eq!(shape(path), None, "{path}");
        }
    }

    #[test]
    fn what_pages_of_a_shape_were_is_learned() {
        let mut memory = ShapeMemory::default();
        assert_eq!(memory.shows_homes(&url("/h/1")), None);
        memory.record(&url("/h/1"), true);
        assert_eq!(memory.shows_homes(&url("/h/2")), Some(true));
        for number in 0..3 {
            memory.record(&url(&format!("/city/{number}")), false);
        }

        assert_eq!(memory.shows_homes(&url("/city/9")), Some(false));
        for number in 0..3 {
            memory.record(&url(&format!("/h/{number}")), false);
        }
        assert_eq!(memory.shows_homes(&url("/h/2")), Some(false), "one of four");
        assert_eq!(memory.shows_homes(&url("/about")), None);
    }

    #[test]
    fn the_number_of_shapes_is_bounded() {
        let mut memory = ShapeMemory::default();
        for number in 0..MAX_SHAPES + 10 {
            let letters: String =
                number.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
            memory.record(&url(&format!("/section-{letters}/7")), true);
        }

        assert_eq!(memory.0.len(), MAX_SHAPES);
    }
}
