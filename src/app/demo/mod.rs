//! The demonstration: real listings sites on loopback, two tenants and the crawls that follow the sites day by day.

pub mod data;

pub mod virtual_date;

pub mod calendar;

pub mod catalogue;

pub mod changes;

pub mod site;

mod users;

mod environment;
mod options;

mod rest;
mod socket;

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

use std::path::Path;

use self::options::DemoOptions;
use super::cli::DemoArgs;

/// `lotline demo`, with the operator's own configuration where it sets a key. Returns the final message; an error
/// says what went wrong.
pub async fn run(
    args: &DemoArgs,
    config: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<String, String> {
    let options = DemoOptions::read(args, config, environment)?;
    if args.once { Box::pin(once::run(options)).await } else { Box::pin(live::run(args, options)).await }
}
