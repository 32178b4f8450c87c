//! The demonstration: real listings sites on loopback, two tenants and the crawls that follow the sites day by day.

pub mod data;

pub mod virtual_date;

pub mod calendar;

pub mod catalogue;

pub mod changes;

pub mod site;

mod people;

mod stage;

mod rest;
mod socket;

mod live;
mod screen;
mod welcome;

mod once;

mod round;
mod watch;

mod checks;
mod compare;
mod listings;
mod report;

use super::cli::DemoArgs;

/// `lotline demo`. Gives its last words; an error is what went wrong, in one line.
pub async fn run(args: &DemoArgs) -> Result<String, String> {
    if args.once { Box::pin(once::run(args)).await } else { Box::pin(live::run(args)).await }
}
