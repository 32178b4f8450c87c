//! The health of a spider.

use std::collections::BTreeMap;

use poem_openapi::types::Example;

use super::{JOB, SOURCE, SPIDER, after};
use crate::protocol::spider_health::{JobCoverage, SourceHealth, SpiderHealth};

fn shares(price: f64) -> BTreeMap<String, f64> {
    BTreeMap::from([("address.city".to_owned(), 1.0), ("list_price".to_owned(), price)])
}

impl Example for SpiderHealth {
    fn example() -> Self {
        Self { spider_name: SPIDER.to_owned(), sources: vec![SourceHealth::example()] }
    }
}

impl Example for SourceHealth {
    fn example() -> Self {
        Self {
            source: SOURCE.to_owned(),
            medians: shares(0.98),
            drifting: vec!["list_price".to_owned()],
            jobs: vec![JobCoverage::example()],
        }
    }
}

impl Example for JobCoverage {
    fn example() -> Self {
        Self { job_id: JOB, finished_at: after(30), pages: 60, fields: shares(0.2) }
    }
}
