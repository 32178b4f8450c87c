//! `lotline demo`: the demo, a client in a crate of its own, with a server in this process that has the operator's
//! own configuration.

mod options;
mod server;

#[cfg(test)]
mod tests;

use std::path::Path;

use lotline_demo::{DemoSettings, Mode, View};

use self::options::DemoOptions;
use self::server::InProcessServer;
use super::cli::DemoArgs;
use super::message_line::message_line;
use super::signals::Signals;

/// `lotline demo`, with the operator's own configuration where it sets a key. Returns the final message; an error
/// says what went wrong.
pub async fn run(
    args: &DemoArgs,
    config: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<String, String> {
    let options = DemoOptions::read(args, config, environment)?;
    // Before there is a folder to remove.
    let mut signals = Signals::listen().map_err(|error| error.to_string())?;
    let stop = async move {
        // A closed terminal ends the demo too: there is no configuration to read again.
        signals.next().await;
    };
    let view = if args.verbose { View::Events } else { View::Summary };
    let mode = if args.once { Mode::Once } else { Mode::Live { view, days: args.days } };
    let settings = DemoSettings { mode, data_dir: options.data_dir.clone(), message_line };
    lotline_demo::run(settings, InProcessServer(options), stop).await
}
