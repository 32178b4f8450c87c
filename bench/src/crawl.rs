//! A crawl of a local site: CPU time of the server and its page readers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::clock::{Stopwatch, pause};
use crate::environment::Environment;
use crate::metric::Metric;
use crate::site::Site;

const TIMEOUT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);

/// The settings with which the server crawls the site as fast as it can.
pub fn settings(site: &Site, homes: u32) -> Vec<(&'static str, String)> {
    vec![
        ("LOTLINE__CRAWLER__ENABLED", "true".to_owned()),
        ("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", site.address.to_string()),
        ("LOTLINE__CRAWLER__CRAWL_DELAY_MS", "0".to_owned()),
        ("LOTLINE__CRAWLER__MAX_PAGES", most_pages(homes).to_string()),
    ]
}

pub async fn measure(stage: &Environment, site: &Site, homes: u32) -> Outcome<Vec<Metric>> {
    let (before, watch) = (stage.server.cpu_seconds()?, Stopwatch::start());
    let job = json!({ "spider_name": "auto", "target_urls": [format!("http://{}/", site.address)],
        "max_pages": most_pages(homes) });
    let job = finished(stage, &stage.admin.post("/api/v1/jobs", &job).await?).await?;
    let (seconds, cpu_seconds) = (watch.seconds(), stage.server.cpu_seconds()? - before);
    let pages = job["pages_crawled"].as_f64().filter(|pages| *pages > 0.0).ok_or("no page was crawled")?;
    Ok(vec![
        Metric::new("cpu", "CPU-s per 1,000 pages", cpu_seconds / pages * 1e3),
        Metric::new("pages", "pages/s", pages / seconds),
        Metric::new("listings", "listings", job["items_scraped"].as_f64().unwrap_or_default()),
    ])
}

/// Twice the number of homes, their lists and the first page.
fn most_pages(homes: u32) -> u32 {
    homes * 2 + 10
}

/// Waits until the job has completed, and returns it.
async fn finished(stage: &Environment, job: &Value) -> Outcome<Value> {
    let (path, watch) = (format!("/api/v1/jobs/{}", job["job_id"]), Stopwatch::start());
    while watch.elapsed() < TIMEOUT {
        let job = stage.admin.get(&path).await?;
        match job["status"].as_str() {
            Some("completed") => return Ok(job),
            Some("failed" | "cancelled") => return Err(format!("the crawl ended: {job}").into()),
            _ => pause(POLL).await,
        }
    }
    Err("the crawl did not end".into())
}
