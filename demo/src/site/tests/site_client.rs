//! An HTTP client of the site: follows the indexes as a crawler would and collects their cards.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use scraper::{ElementRef, Html, Selector};

use super::Dollars;

/// The content of an index entry for one listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) price: Dollars,
    pub(super) is_sold: bool,
}

pub(super) struct SiteClient {
    client: reqwest::Client,
    front: reqwest::Url,
}

impl SiteClient {
    pub(super) fn new(front: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { client, front: front.parse().unwrap() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.front.join(path).unwrap().into()
    }

    pub(super) async fn get(&self, path: &str, if_none_match: Option<&str>) -> reqwest::Response {
        let mut request = self.client.get(self.url(path));
        if let Some(tag) = if_none_match {
            request = request.header("if-none-match", tag);
        }
        request.send().await.unwrap()
    }

    pub(super) async fn send(&self, method: Method, path: &str) -> reqwest::Response {
        self.client.request(method, self.url(path)).send().await.unwrap()
    }

    pub(super) async fn status(&self, path: &str) -> StatusCode {
        self.get(path, None).await.status()
    }

    /// The text of a page that must exist.
    pub(super) async fn page(&self, path: &str) -> String {
        let answer = self.get(path, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    }

    /// Every card on the pages of `index` that the front page links to; each listing must be there once.
    pub(super) async fn cards_of_index(&self, index: &str) -> BTreeMap<String, Card> {
        let front = self.page("/").await;
        let pages = hrefs(&front, "main a", &format!("{index}?page="));
        let mut cards = BTreeMap::new();
        let mut next = None;
        for path in pages {
            // Following next-links leads to the same pages as the numbers on the front page.
            assert!(next.is_none_or(|next| next == Some(path.clone())), "{path}");
            let html = self.page(&path).await;
            for (key, card) in cards_of(&html) {
                assert_eq!(cards.insert(key, card), None);
            }
            next = Some(hrefs(&html, "a[rel=next]", index).pop());
        }
        assert_eq!(next, Some(None));
        cards
    }

    /// Every card on both indexes.
    pub(super) async fn all_cards(&self) -> BTreeMap<String, Card> {
        let mut cards = self.cards_of_index("/listings").await;
        for (key, card) in self.cards_of_index("/sold").await {
            assert!(card.is_sold);
            assert_eq!(cards.insert(key, card), None);
        }
        cards
    }
}

fn hrefs(html: &str, selector: &str, prefix: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let selector = Selector::parse(selector).unwrap();
    let links = page.select(&selector).filter_map(|link| link.attr("href"));
    links.filter(|href| href.starts_with(prefix)).map(str::to_owned).collect()
}

fn cards_of(html: &str) -> Vec<(String, Card)> {
    let page = Html::parse_document(html);
    let cards = Selector::parse(".cards li").unwrap();
    page.select(&cards).map(card_of).collect()
}

fn card_of(item: ElementRef<'_>) -> (String, Card) {
    let link = item.select(&Selector::parse("a").unwrap()).next().unwrap();
    let key = link.attr("href").unwrap().strip_prefix("/listing/").unwrap();
    let price = item.select(&Selector::parse(".price").unwrap()).next().unwrap().text().collect::<String>();
    let price = Dollars(price.replace(['$', ','], "").parse().unwrap());
    let is_sold = item.text().collect::<String>().contains(", sold ");
    (key.to_owned(), Card { price, is_sold })
}
