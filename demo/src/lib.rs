//! The demonstration of Lotline: real listings sites on loopback, two tenants and the crawls that follow the sites day
//! by day. It uses the server as any client does: over REST and sockets, at an address that it is given.

mod clock;
pub mod data;
pub mod virtual_date;

pub mod calendar;

pub mod catalogue;
mod changes;

pub mod site;

mod password;
mod rest;
mod socket;
mod users;
mod wire;

mod environment;
mod server;
mod settings;

mod banner;
mod events;
mod live;
mod screen;
mod terminal;
mod totals;

mod once;

mod crawl_run;
mod recorder;

mod checks;
mod compare;
mod listings;
mod report;

use std::pin::pin;

use environment::Environment;
use screen::Screen;
pub use server::{NewTenant, RunningServer, ServerPlan, StartServer};
pub use settings::{DemoSettings, Mode, View};

/// Runs the demo until its end, or until `stop` completes. Returns the final message; an error says what went wrong.
pub async fn run(
    settings: DemoSettings,
    server: impl StartServer,
    stop: impl Future<Output = ()>,
) -> Result<String, String> {
    let mut stop = pin!(stop);
    let env = tokio::select! {
        env = Box::pin(Environment::open(settings.data_dir, server)) => env?,
        () = &mut stop => return match settings.mode {
            Mode::Once => Err(once::STOPPED.to_owned()),
            Mode::Live { .. } => Ok("stopped\n".to_owned()),
        },
    };
    match settings.mode {
        Mode::Once => Box::pin(once::run(env, stop)).await,
        Mode::Live { view, days } => {
            let screen = Screen::new(env.date.clone(), view, settings.message_line);
            Box::pin(live::run(env, screen, days, stop)).await
        }
    }
}
