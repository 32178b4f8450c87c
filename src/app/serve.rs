//! `lotline serve`: builds the node, says when it is ready, obeys signals.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build::App;
use super::first_steps::{self, Store};
use super::reload::{Reload, Reloadable};
use super::shutdown::{self, Shutdown};
use super::signals::{Signals, Wanted};
use super::start_error::StartError;
use super::{file_limits, file_modes, settings as parts};
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;
use crate::domain::identity::bootstrap;

/// Serves until SIGTERM or SIGINT; a second of them ends the process at once. SIGHUP reads the configuration again, which
/// came from `config` where there is a file.
pub async fn run(settings: &Settings, config: Option<&Path>, reload: Reload) -> Result<(), StartError> {
    file_limits::raise();
    file_modes::warn_of_wide_ones(settings);
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let stop = CancellationToken::new();
    let app = tokio::select! {
        app = App::build(settings, Clock::system(), ReaderProgram::OwnExecutable) => app?,
        // Nothing is served yet, so there is nobody to be sent away.
        () = until_stop(&mut signals) => return Ok(()),
    };
    let reloadable = app.reloadable();
    let longest = Shutdown::new(&settings.server).longest();
    TaskTracker::new().spawn(obey(signals, stop.clone(), longest, reload, reloadable));
    // Not through the log: scripts wait for this very line, whatever the log's form.
    let url = format!("http://{}", app.local_addr());
    let reached_at = parts::reached_at(settings, app.local_addr());
    let first_steps = first_steps::words(&reached_at, store_of(&app).await, config);
    let _ = writeln!(std::io::stderr().lock(), "listening on {url}\n{first_steps}");
    app.run_until_stopped(stop).await
}

async fn store_of(app: &App) -> Store {
    match bootstrap::is_empty(&app.identity).await {
        Ok(true) => Store::Empty,
        Ok(false) | Err(_) => Store::InUse,
    }
}

async fn until_stop(signals: &mut Signals) {
    while signals.next().await != Wanted::Stop {}
}

async fn obey(
    mut signals: Signals,
    stop: CancellationToken,
    longest: Duration,
    reload: Reload,
    parts: Reloadable,
) {
    loop {
        match signals.next().await {
            Wanted::Reload => reload.apply(&parts),
            Wanted::Stop if stop.is_cancelled() => std::process::exit(130),
            Wanted::Stop => {
                tracing::info!("stopping; a second signal ends the process at once");
                stop.cancel();
                shutdown::end_after(longest);
            }
        }
    }
}
