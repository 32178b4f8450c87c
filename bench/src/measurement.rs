//! The measurements by name, and one round of each on a fresh server.

use std::path::Path;

use clap::ValueEnum;

use crate::environment::Environment;
use crate::feed::Carrier;
use crate::metric::Metric;
use crate::options::Options;
use crate::site::Site;
use crate::{Outcome, appends, batch_ingest, connects, crawl, fanout, idle_memory, reads, replay};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Measurement {
    /// Broadcasts to sockets, compared with the bare write loop.
    FanoutWebsocket,
    /// The same to streams of server-sent events.
    FanoutSse,
    /// Sockets that are opened and closed.
    Connects,
    /// Memory of idle sockets.
    IdleMemory,
    /// Durable appends.
    Appends,
    /// Listings in batches, new and unchanged.
    BatchIngest,
    /// REST reads of a page of listings and of one.
    Reads,
    /// Replay of events.
    Replay,
    /// A crawl of a local site.
    Crawl,
}

impl Measurement {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// One round: starts `binary` on a fresh store, measures, and removes both, also after a failure.
    pub async fn run(self, binary: &Path, options: &Options) -> Outcome<Vec<Metric>> {
        let superuser = options.postgres.as_deref();
        if self == Self::Crawl {
            let site = Site::start(options.pages).await?;
            let stage = Environment::build(binary, superuser, &crawl::settings(&site, options.pages)).await?;
            let figures = crawl::measure(&stage, &site, options.pages).await;
            return removed(stage, figures).await;
        }
        let settings = [("LOTLINE__CRAWLER__ENABLED", "false".to_owned())];
        let stage = Environment::build(binary, superuser, &settings).await?;
        let figures = self.measure(&stage, options).await;
        removed(stage, figures).await
    }

    async fn measure(self, stage: &Environment, options: &Options) -> Outcome<Vec<Metric>> {
        match self {
            Self::FanoutWebsocket => fanout::measure(stage, options, Carrier::WebSocket).await,
            Self::FanoutSse => fanout::measure(stage, options, Carrier::Sse).await,
            Self::Connects => connects::measure(stage, options).await,
            Self::IdleMemory => idle_memory::measure(stage, options).await,
            Self::Appends => appends::measure(stage, options).await,
            Self::BatchIngest => batch_ingest::measure(stage, options).await,
            Self::Reads => reads::measure(stage, options).await,
            Self::Replay => replay::measure(stage, options).await,
            Self::Crawl => Err("a crawl needs its site".into()),
        }
    }
}

/// A failure of the measurement takes precedence over one of the removal.
async fn removed(stage: Environment, figures: Outcome<Vec<Metric>>) -> Outcome<Vec<Metric>> {
    let removed = stage.remove().await;
    let figures = figures?;
    removed?;
    Ok(figures)
}
