//! Memory of the server without sockets and with many idle ones.

use std::time::Duration;

use crate::Outcome;
use crate::clock::pause;
use crate::environment::Environment;
use crate::feed::{self, Carrier};
use crate::metric::Metric;
use crate::options::Options;

/// By then the memory needed for opening the sockets has been released.
const SETTLE: Duration = Duration::from_secs(3);
const MIB: f64 = 1_048_576.0;

pub async fn measure(stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
    // The first socket allocates what all of them share.
    let first = feed::open_all(stage, Carrier::WebSocket, 1).await?;
    pause(SETTLE).await;
    let empty = stage.server.resident_bytes()?;
    let idle = feed::open_all(stage, Carrier::WebSocket, options.sockets).await?;
    pause(SETTLE).await;
    let full = stage.server.resident_bytes()?;
    let each = (full - empty) / idle.len() as f64;
    drop((first, idle));
    Ok(vec![
        Metric::new("empty", "MiB", empty / MIB),
        Metric::new("with_sockets", "MiB", full / MIB),
        Metric::new("socket", "bytes each", each),
    ])
}
