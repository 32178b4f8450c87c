//! The demonstration: a real listings site on loopback, two tenants and the crawls that follow it.

pub mod data;

pub mod virtual_date;

pub mod calendar;

pub mod catalogue;

pub mod changes;

pub mod site;

use super::cli::DemoArgs;

/// `lotline demo`.
pub async fn run(_args: &DemoArgs) -> Result<String, String> {
    Err("the demo is not built yet".to_owned())
}
