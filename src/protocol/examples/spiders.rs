//! A spider that outside workers run, with the rules that it would have in the built-in crawler.

use std::collections::BTreeMap;

use poem_openapi::types::Example;

use super::{SITE, SPIDER, after};
use crate::protocol::property::ListingType;
use crate::protocol::schedule::{Schedule, SpiderSchedule};
use crate::protocol::spider::{NewSpider, Runner, Spider, SpiderInput};
use crate::protocol::spider_rules::{FieldRule, FieldTransform, SpiderConstants, SpiderLimits, SpiderRules};

fn hosts() -> Vec<String> {
    vec!["img.homes.example".to_owned()]
}

fn headers() -> BTreeMap<String, String> {
    BTreeMap::from([("Cookie".to_owned(), "consent=yes".to_owned())])
}

fn rules() -> SpiderRules {
    let css = |selector: &str| FieldRule { css: Some(selector.to_owned()), ..FieldRule::default() };
    let price = FieldRule { transform: Some(FieldTransform::DecimalComma), ..css(".price") };
    let year = FieldRule { regex: Some("built in ([0-9]{4})".to_owned()), ..FieldRule::default() };
    SpiderRules {
        sitemaps: Some(vec![format!("{SITE}sitemap.xml")]),
        follow: Some(vec!["/search\\?page=[0-9]+$".to_owned()]),
        deny: Some(vec!["[?&]sort=".to_owned()]),
        detail: Some("/listing/[A-Z]-[0-9]+$".to_owned()),
        list_items: Some(false),
        constants: Some(SpiderConstants {
            currency: Some("EUR".to_owned()),
            country: Some("DE".to_owned()),
            listing_type: Some(ListingType::Sale),
        }),
        fields: Some(BTreeMap::from([
            ("list_price".to_owned(), price),
            ("address.city".to_owned(), css(".place > b")),
            ("year_built".to_owned(), year),
        ])),
        json: None,
        crawl_delay_ms: Some(500),
        requests_per_host: Some(2),
        user_agent: Some("AcmeHomes/1.0 (+https://acme.example/crawler)".to_owned()),
        limits: Some(SpiderLimits { max_pages: Some(5_000), max_items: None, max_depth: Some(6) }),
    }
}

impl Example for NewSpider {
    fn example() -> Self {
        Self {
            name: SPIDER.to_owned(),
            runner: Runner::External,
            start_urls: Some(vec![SITE.to_owned()]),
            allowed_hosts: Some(hosts()),
            schedule: Some(Schedule::example()),
            headers: Some(headers()),
            ..Self::default()
        }
        .with_rules(rules())
    }
}

impl Example for SpiderInput {
    fn example() -> Self {
        Self {
            runner: Runner::External,
            start_urls: Some(vec![SITE.to_owned()]),
            allowed_hosts: Some(hosts()),
            schedule: Some(Schedule::example()),
            headers: Some(headers()),
            ..Self::default()
        }
        .with_rules(rules())
    }
}

impl Example for Spider {
    fn example() -> Self {
        Self {
            name: SPIDER.to_owned(),
            runner: Runner::External,
            start_urls: vec![SITE.to_owned()],
            allowed_hosts: hosts(),
            header_names: Some(headers().into_keys().collect()),
            schedule: Some(SpiderSchedule::example()),
            created_at: Some(after(0)),
            updated_at: Some(after(0)),
            ..Self::default()
        }
        .with_rules(rules())
    }
}
