//! A spider that outside workers run.

use poem_openapi::types::Example;

use super::{SITE, SPIDER, after};
use crate::protocol::spider::{NewSpider, Runner, Spider, SpiderInput};

fn hosts() -> Vec<String> {
    vec!["img.homes.example".to_owned()]
}

impl Example for NewSpider {
    fn example() -> Self {
        Self {
            name: SPIDER.to_owned(),
            runner: Runner::External,
            start_urls: Some(vec![SITE.to_owned()]),
            allowed_hosts: Some(hosts()),
            list_items: Some(false),
        }
    }
}

impl Example for SpiderInput {
    fn example() -> Self {
        Self {
            runner: Runner::External,
            start_urls: Some(vec![SITE.to_owned()]),
            allowed_hosts: Some(hosts()),
            list_items: Some(false),
        }
    }
}

impl Example for Spider {
    fn example() -> Self {
        Self {
            name: SPIDER.to_owned(),
            runner: Runner::External,
            start_urls: vec![SITE.to_owned()],
            allowed_hosts: hosts(),
            list_items: Some(false),
            created_at: Some(after(0)),
            updated_at: Some(after(0)),
        }
    }
}
