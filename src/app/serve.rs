//! `lotline serve`: builds the node, says when it is ready, stops on a signal.

use std::io::Write;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::build::App;
use super::start_error::StartError;
use crate::base::clock::Clock;
use crate::config::Settings;

/// Serves until SIGTERM or SIGINT; a second signal ends the process at once.
pub async fn run(settings: &Settings) -> Result<(), StartError> {
    raise_file_limit();
    let app = App::build(settings, Clock::system()).await?;
    let stop = CancellationToken::new();
    let signals = TaskTracker::new();
    signals.spawn(listen_for_signals(stop.clone()));
    // Not through the log: scripts wait for this very line, whatever the log's form.
    let _ = writeln!(std::io::stderr().lock(), "listening on http://{}", app.local_addr());
    app.run_until_stopped(stop).await
}

async fn listen_for_signals(stop: CancellationToken) {
    wait_for_signal().await;
    tracing::info!("stopping; a second signal ends the process at once");
    stop.cancel();
    wait_for_signal().await;
    std::process::exit(130);
}

/// Returns on SIGTERM or SIGINT.
#[cfg(unix)]
pub(super) async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
pub(super) async fn wait_for_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// A node holds a descriptor a socket, and the usual soft limit is 1,024: takes what the hard limit allows.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!(%error, "the limit of open files could not be raised");
            }
        }
    }
}
