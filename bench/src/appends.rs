//! Durable appends: broadcasts without a subscriber. Each is on disk before it is answered.

use crate::clock::Stopwatch;
use crate::figure::Figure;
use crate::options::Options;
use crate::stage::{Stage, broadcast};
use crate::{Outcome, load};

pub async fn measure(stage: &Stage, options: &Options) -> Outcome<Vec<Figure>> {
    let (admin, watch) = (stage.admin.clone(), Stopwatch::start());
    let step = move |_| broadcast(admin.clone(), watch.micros());
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    let cpu_seconds = stage.server.cpu_seconds()? - before;
    Ok(vec![
        Figure::new("appends", "appends/s", load.per_second()),
        Figure::new("cpu", "CPU-ms each", load.cpu_ms_each(cpu_seconds)),
        Figure::new("p50", "ms", load.percentile_ms(0.50)),
        Figure::new("p99", "ms", load.percentile_ms(0.99)),
    ])
}
