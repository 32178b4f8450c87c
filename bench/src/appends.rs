//! Durable appends: broadcasts without a subscriber. Each is on disk before it is answered.

use crate::clock::Stopwatch;
use crate::environment::{Environment, broadcast};
use crate::metric::Metric;
use crate::options::Options;
use crate::{Outcome, load};

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    let (admin, watch) = (stage.admin.clone(), Stopwatch::start());
    let step = move |_| broadcast(admin.clone(), watch.micros());
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    let cpu_seconds = stage.server.cpu_seconds()? - before;
    Ok(vec![
        Metric::new("appends", "appends/s", load.per_second()),
        Metric::new("cpu", "CPU-ms each", load.cpu_ms_each(cpu_seconds)),
        Metric::new("p50", "ms", load.percentile_ms(0.50)),
        Metric::new("p99", "ms", load.percentile_ms(0.99)),
    ])
}
