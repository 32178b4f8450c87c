//! The demonstration: real listings sites on loopback, two tenants and the crawls that follow the sites day by day.

pub mod data;

pub mod virtual_date;

pub mod calendar;

pub mod catalogue;

pub mod changes;

pub mod site;

mod people;

mod settings;
mod stage;

mod rest;
mod socket;

mod events;
mod live;
mod screen;
mod terminal;
mod totals;
mod welcome;

mod once;

mod round;
mod watch;

mod checks;
mod compare;
mod listings;
mod report;

use std::path::Path;

use self::settings::Given;
use super::cli::DemoArgs;

/// `lotline demo`, with the operator's own configuration where it says something. Gives its last words; an error is what
/// went wrong.
pub async fn run(
    args: &DemoArgs,
    config: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<String, String> {
    let given = Given::read(args, config, environment)?;
    if args.once { Box::pin(once::run(given)).await } else { Box::pin(live::run(args, given)).await }
}
