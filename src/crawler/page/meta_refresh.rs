//! `<meta http-equiv=refresh>`: where a page sends its visitors by itself.

use html5ever::local_name;
use scraper::ElementRef;
use url::Url;

use super::parsed::Page;
use crate::crawler::{page_url, refresh};

/// The page that this one leads to by itself, if it is another one. Only the first element with an address counts; an
/// element of a page that is cut off behind its budget is not seen.
pub fn meta_refresh(page: &Page) -> Option<Url> {
    let target = page.elements().filter_map(content).find_map(|value| refresh::target(value, page.base()))?;
    let own = page_url::normalise(page.url().clone());
    (own.as_ref() != Some(&target)).then_some(target)
}

fn content(element: ElementRef<'_>) -> Option<&str> {
    let is_meta = element.value().name.local == local_name!("meta");
    let kind = element.attr("http-equiv").filter(|_| is_meta)?;
    element.attr("content").filter(|_| kind.trim_ascii().eq_ignore_ascii_case("refresh"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    fn found(html: &str) -> Option<String> {
        let url = "https://homes.example.com/old/1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        meta_refresh(&page).map(String::from)
    }

    #[test]
    fn the_first_address_counts() {
        let html = "<meta http-equiv=refresh content=60><META HTTP-EQUIV=Refresh CONTENT='0; URL=/new/1'>
            <meta http-equiv=refresh content='0; url=/new/2'>";

        assert_eq!(found(html).as_deref(), Some("https://homes.example.com/new/1"));
        let moved = "<base href='https://www.example.com/x/'><meta http-equiv=refresh content='0;url=1'>";
        assert_eq!(found(moved).as_deref(), Some("https://www.example.com/x/1"));
    }

    #[test]
    fn a_page_that_loads_itself_again_leads_nowhere() {
        for html in [
            "<meta http-equiv=refresh content='300; url=/old/1#top'>",
            "<meta http-equiv=refresh content=300>",
            "<meta name=refresh content='0; url=/new'>",
            "<p http-equiv=refresh content='0; url=/new'>",
            "",
        ] {
            assert_eq!(found(html), None, "{html}");
        }
    }
}
