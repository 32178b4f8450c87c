//! The addresses of the pages of a list: which list, and which page of it. Pure.

use url::Url;

use super::url_shape::{ENDINGS, segments};
use super::worth_words::{LISTS, PAGE_NUMBERS, PAGE_SEGMENTS};

/// Digits of the number of a page, or of an entry.
const MAX_DIGITS: usize = 7;
/// Digits where the name is short, or none says that it is the number of a page.
const FEW_DIGITS: usize = 4;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    /// The list: the address without the number.
    pub(super) series: String,
    pub(super) number: u64,
    /// Whether a name says that it is the number of a page. In `/list/2` it may be an id.
    pub(super) is_certain: bool,
}

/// What page of which list `url` is, if it is one.
pub(super) fn paging(url: &Url) -> Option<Paging> {
    by_query(url).or_else(|| by_path(url))
}

fn by_query(url: &Url) -> Option<Paging> {
    let pairs: Vec<&str> = url.query()?.split('&').collect();
    let (at, number) = pairs.iter().enumerate().find_map(|(at, pair)| {
        let (name, value) = pair.split_once('=')?;
        let name = name.to_ascii_lowercase();
        // `?p=410001` is a post of WordPress.
        let most = if name.len() <= 2 { FEW_DIGITS } else { MAX_DIGITS };
        let number = number(value, most).filter(|_| PAGE_NUMBERS.contains(&name.as_str()))?;
        Some((at, number))
    })?;
    let others = pairs.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, pair)| *pair);
    let others: Vec<&str> = others.collect();
    let series = format!("{}?{}", &url[..url::Position::AfterPath], others.join("&"));
    Some(Paging { series, number, is_certain: true })
}

fn by_path(url: &Url) -> Option<Paging> {
    let all = segments(url);
    let named = all.iter().enumerate().find_map(|(at, segment)| Some((at, named_number(&all, at, segment)?)));
    let (at, number, is_certain) = match named {
        Some((at, number)) => (at, number, true),
        None => {
            let (last, before) = all.split_last()?;
            let is_list =
                before.last().is_some_and(|list| LISTS.contains(&list.to_ascii_lowercase().as_str()));
            (all.len() - 1, number(bare(last), FEW_DIGITS).filter(|_| is_list)?, false)
        }
    };
    let mut series: Vec<&str> = all;
    series[at] = "#";
    let origin = &url[..url::Position::BeforePath];
    Some(Paging {
        series: format!("{origin}/{}?{}", series.join("/"), url.query().unwrap_or_default()),
        number,
        is_certain,
    })
}

/// The number of the segment at `at`, if it is `page-2`, or `2` behind `page`.
fn named_number(all: &[&str], at: usize, segment: &str) -> Option<u64> {
    let segment = bare(segment).to_ascii_lowercase();
    let before = at.checked_sub(1).and_then(|at| all.get(at)).map(|before| before.to_ascii_lowercase());
    // `/p/7` may be a property.
    if before.is_some_and(|before| before.len() > 1 && PAGE_SEGMENTS.contains(&before.as_str()))
        && let Some(number) = number(&segment, FEW_DIGITS)
    {
        return Some(number);
    }
    let digits = segment.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let word = &segment[..segment.len() - digits.len()];
    let digits = digits.strip_prefix(['-', '_', '=']).unwrap_or(digits);
    number(digits, FEW_DIGITS).filter(|_| PAGE_SEGMENTS.contains(&word))
}

fn bare(segment: &str) -> &str {
    ENDINGS.iter().find_map(|ending| segment.strip_suffix(ending)).unwrap_or(segment)
}

fn number(text: &str, most_digits: usize) -> Option<u64> {
    let is_number =
        !text.is_empty() && text.len() <= most_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(path: &str) -> Option<(String, u64, bool)> {
        let url: Url = format!("https://a.example{path}").parse().unwrap();
        let found = paging(&url)?;
        Some((found.series["https://a.example".len()..].to_owned(), found.number, found.is_certain))
    }

    #[test]
    fn the_pages_of_a_list_are_one_series() {
        for (path, series, number, is_certain) in [
            ("/list?city=berlin&page=2", "/list?city=berlin", 2, true),
            ("/list?start=40", "/list?", 40, true),
            ("/list/page/3/", "/list/page/#?", 3, true),
            ("/berlin/seite-12.html", "/berlin/#?", 12, true),
            ("/berlin/p4?rooms=2", "/berlin/#?rooms=2", 4, true),
            ("/list/2", "/list/#?", 2, false),
        ] {
            assert_eq!(page_of(path), Some((series.to_owned(), number, is_certain)), "{path}");
        }
    }

    #[test]
    fn other_numbers_are_no_pages() {
        for path in [
            "/h/7",
            "/?p=410001",
            "/homes/12345678",
            "/list?rooms=2",
            "/list",
            "/list/123456",
            "/page",
            "/part-2",
            "/p/7",
        ] {
            assert_eq!(page_of(path), None, "{path}");
        }
    }
}
