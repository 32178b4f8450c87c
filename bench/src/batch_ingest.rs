//! Listings in batches of 500: new ones, then the same ones again, which change nothing.

use crate::Outcome;
use crate::api::Api;
use crate::environment::Environment;
use crate::listings::{self, BATCH};
use crate::load::{self, Load};
use crate::metric::Metric;
use crate::options::Options;

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    let (new, new_cpu) = ingest(stage, options, u64::MAX).await?;
    let (unchanged, unchanged_cpu) = ingest(stage, options, new.done()).await?;
    Ok(vec![
        Metric::new("new", "listings/s", listings_per_second(&new)),
        Metric::new("new_cpu", "CPU-ms per 1,000", cpu_ms_per_1000(&new, new_cpu)),
        Metric::new("unchanged", "listings/s", listings_per_second(&unchanged)),
        Metric::new("unchanged_cpu", "CPU-ms per 1,000", cpu_ms_per_1000(&unchanged, unchanged_cpu)),
    ])
}

/// Sends batches by number, starting over after `batches` of them; returns the load and its CPU time.
async fn ingest(stage: &Environment, options: &Options, batches: u64) -> Outcome<(Load, f64)> {
    let worker = stage.worker.clone();
    let step = move |number: u64| send(worker.clone(), number % batches.max(1));
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    Ok((load, stage.server.cpu_seconds()? - before))
}

async fn send(worker: Api, number: u64) -> Outcome<()> {
    listings::send(&worker, number).await?;
    Ok(())
}

fn listings_per_second(load: &Load) -> f64 {
    load.per_second() * BATCH as f64
}

fn cpu_ms_per_1000(load: &Load, cpu_seconds: f64) -> f64 {
    load.cpu_ms_each(cpu_seconds) * 1_000.0 / BATCH as f64
}
