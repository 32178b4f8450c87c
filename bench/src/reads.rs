//! REST reads: a page of fifty listings, and one listing.

use crate::Outcome;
use crate::api::Api;
use crate::environment::Environment;
use crate::listings;
use crate::load::{self, Load};
use crate::metric::Metric;
use crate::options::Options;

/// Batches of stored listings.
const BATCHES: u64 = 4;

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    let mut property = None;
    for number in 0..BATCHES {
        property = listings::send(&stage.worker, number).await?["results"][0]["property_id"].as_i64();
    }
    let property = property.ok_or("a listing has no property_id")?;
    let (list, list_cpu) = read(stage, options, "/api/v1/properties?limit=50".to_owned()).await?;
    let (one, one_cpu) = read(stage, options, format!("/api/v1/properties/{property}")).await?;
    Ok(vec![
        Metric::new("list", "requests/s", list.per_second()),
        Metric::new("list_cpu", "CPU-ms each", list.cpu_ms_each(list_cpu)),
        Metric::new("list_p99", "ms", list.percentile_ms(0.99)),
        Metric::new("one", "requests/s", one.per_second()),
        Metric::new("one_cpu", "CPU-ms each", one.cpu_ms_each(one_cpu)),
        Metric::new("one_p99", "ms", one.percentile_ms(0.99)),
    ])
}

/// Reads one path repeatedly; returns the load and its CPU time.
async fn read(stage: &Environment, options: &Options, path: String) -> Outcome<(Load, f64)> {
    let admin = stage.admin.clone();
    let step = move |_| read_once(admin.clone(), path.clone());
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    Ok((load, stage.server.cpu_seconds()? - before))
}

async fn read_once(admin: Api, path: String) -> Outcome<()> {
    admin.read(&path).await
}
