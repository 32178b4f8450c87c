//! Sockets that are opened and closed: each takes a check of its token, a seat and an upgrade.

use std::sync::Arc;

use crate::feed::{self, Carrier, Door};
use crate::figure::Figure;
use crate::options::Options;
use crate::stage::Stage;
use crate::{Outcome, load};

pub async fn measure(stage: &Stage, options: &Options) -> Outcome<Vec<Figure>> {
    let (door, tokens) = (stage.door.clone(), Arc::new(stage.members.clone()));
    let step = move |number: u64| {
        let token = tokens[number as usize % tokens.len()].clone();
        open_and_close(door.clone(), token)
    };
    let before = stage.server.cpu_seconds()?;
    let load = load::repeat(options.clients, options.span(), step).await?;
    let cpu_seconds = stage.server.cpu_seconds()? - before;
    Ok(vec![
        Figure::new("connects", "sockets/s", load.per_second()),
        Figure::new("cpu", "CPU-ms each", load.cpu_ms_each(cpu_seconds)),
        Figure::new("p50", "ms", load.percentile_ms(0.50)),
        Figure::new("p99", "ms", load.percentile_ms(0.99)),
    ])
}

async fn open_and_close(door: Door, token: String) -> Outcome<()> {
    feed::open(Carrier::WebSocket, door, token).await?.close().await
}
