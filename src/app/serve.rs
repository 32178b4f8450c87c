//! `lotline serve`: builds the node, prints when it is ready, handles signals.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::node::App;
use super::reload::{Reload, Reloadable};
use super::shutdown::{self, Shutdown};
use super::signals::{Signal, Signals};
use super::start_error::StartError;
use super::startup_message::{self, StoreState};
use super::{file_limits, file_modes, start_checks, wiring as parts};
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;
use crate::domain::identity::bootstrap;
use crate::storage::ServerLock;

/// Serves until SIGTERM or SIGINT; a second one ends the process at once. SIGHUP reads the configuration again, which
/// came from the file `config` if there is one.
pub async fn run(settings: &Settings, config: Option<&Path>, reload: Reload) -> Result<(), StartError> {
    file_limits::raise_open_file_limit();
    file_modes::warn_wide_modes(settings);
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    start_checks::refuse_cluster(settings)?;
    let _lock = ServerLock::acquire(&parts::database(settings))?;
    let stop = CancellationToken::new();
    let app = tokio::select! {
        app = App::build(settings, Clock::system(), ReaderProgram::OwnExecutable) => app?,
        // Nothing is served yet, so there is no connection to close.
        () = wait_for_stop(&mut signals) => return Ok(()),
    };
    let reloadable = app.reloadable();
    let total_timeout = Shutdown::new(&settings.server).total_timeout();
    TaskTracker::new().spawn(handle_signals(signals, stop.clone(), total_timeout, reload, reloadable));
    // Not through the log: scripts wait for exactly this line, whatever the log's format.
    let url = format!("http://{}", app.local_addr());
    let reached_at = parts::advertised_url(settings, app.local_addr());
    let first_steps = startup_message::startup_message(&reached_at, store_state(&app).await, config);
    let metrics = app.metrics_addr().map(|address| format!("metrics at http://{address}/metrics\n"));
    let metrics = metrics.unwrap_or_default();
    let _ = writeln!(std::io::stderr().lock(), "listening on {url}\n{metrics}{first_steps}");
    app.run_until_stopped(stop).await
}

async fn store_state(app: &App) -> StoreState {
    match bootstrap::is_empty(&app.identity).await {
        Ok(true) => StoreState::Empty,
        Ok(false) | Err(_) => StoreState::InUse,
    }
}

async fn wait_for_stop(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

async fn handle_signals(
    mut signals: Signals,
    stop: CancellationToken,
    total_timeout: Duration,
    reload: Reload,
    parts: Reloadable,
) {
    loop {
        match signals.next().await {
            Signal::Reload => reload.apply(&parts),
            Signal::Stop if stop.is_cancelled() => std::process::exit(130),
            Signal::Stop => {
                tracing::info!("stopping; a second signal ends the process at once");
                stop.cancel();
                shutdown::exit_after(total_timeout);
            }
        }
    }
}
