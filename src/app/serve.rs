//! `lotline serve`: builds the node, says when it is ready, obeys signals.

use std::io::Write;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build::App;
use super::reload::{Reload, Reloadable};
use super::shutdown::{self, Shutdown};
use super::signals::{Signals, Wanted};
use super::start_error::StartError;
use super::{file_limits, file_modes};
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;

/// Serves until SIGTERM or SIGINT; a second of them ends the process at once. SIGHUP reads the configuration again.
pub async fn run(settings: &Settings, reload: Reload) -> Result<(), StartError> {
    file_limits::raise();
    file_modes::warn_of_wide_ones(settings);
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let stop = CancellationToken::new();
    let app = tokio::select! {
        app = App::build(settings, Clock::system(), ReaderProgram::OwnExecutable) => app?,
        // Nothing is served yet, so there is nobody to be sent away.
        () = until_stop(&mut signals) => return Ok(()),
    };
    let parts = app.reloadable();
    let longest = Shutdown::new(&settings.server).longest();
    TaskTracker::new().spawn(obey(signals, stop.clone(), longest, reload, parts));
    // Not through the log: scripts wait for this very line, whatever the log's form.
    let _ = writeln!(std::io::stderr().lock(), "listening on http://{}", app.local_addr());
    app.run_until_stopped(stop).await
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
