//! Memory of the server without a socket and with many that are idle.

use std::time::Duration;

use crate::Outcome;
use crate::clock::pause;
use crate::feed::{self, Carrier};
use crate::figure::Figure;
use crate::options::Options;
use crate::stage::Stage;

/// What opening the sockets took is given back by then.
const SETTLE: Duration = Duration::from_secs(3);
const MIB: f64 = 1_048_576.0;

pub async fn measure(stage: &Stage, options: &Options) -> Outcome<Vec<Figure>> {
    // The first socket makes what all of them share.
    let first = feed::open_all(stage, Carrier::WebSocket, 1).await?;
    pause(SETTLE).await;
    let empty = stage.server.resident_bytes()?;
    let idle = feed::open_all(stage, Carrier::WebSocket, options.sockets).await?;
    pause(SETTLE).await;
    let full = stage.server.resident_bytes()?;
    let each = (full - empty) / idle.len() as f64;
    drop((first, idle));
    Ok(vec![
        Figure::new("empty", "MiB", empty / MIB),
        Figure::new("with_sockets", "MiB", full / MIB),
        Figure::new("socket", "bytes each", each),
    ])
}
