//! Sockets that are opened and closed: each needs a token check, a connection slot and an upgrade.

use std::sync::Arc;

use crate::environment::Environment;
use crate::feed::{self, Carrier, Endpoint};
use crate::metric::Metric;
use crate::options::Options;
use crate::{Outcome, load};

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    let (endpoint, tokens) = (stage.endpoint.clone(), Arc::new(stage.members.clone()));
    let step = move |number: u64| {
        let token = tokens[number as usize % tokens.len()].clone();
        open_and_close(endpoint.clone(), token)
    };
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    let cpu_seconds = stage.server.cpu_seconds()? - before;
    Ok(vec![
        Metric::new("connects", "sockets/s", load.per_second()),
        Metric::new("cpu", "CPU-ms each", load.cpu_ms_each(cpu_seconds)),
        Metric::new("p50", "ms", load.percentile_ms(0.50)),
        Metric::new("p99", "ms", load.percentile_ms(0.99)),
    ])
}

async fn open_and_close(endpoint: Endpoint, token: String) -> Outcome<()> {
    feed::open(Carrier::WebSocket, endpoint, token).await?.close().await
}
