//! `lotline sample-site`: a small listings site on this machine, for a first crawl without load on a real site.

use std::io::{Write, stderr};
use std::sync::Arc;

use super::cli::SampleSiteArgs;
use super::demo::catalogue::Catalogue;
use super::demo::data;
use super::demo::site::server::{SiteSettings, start_on};
use super::demo::virtual_date::VirtualDate;
use super::signals::wait_for_signal;

/// The number of homes: enough for several pages of a list, few enough for a crawl of seconds.
const HOMES: usize = 24;

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: &SampleSiteArgs) -> Result<String, String> {
    let homes = data::sacramento().map_err(|error| error.to_string())?.first(HOMES);
    let catalogue = Catalogue::Sacramento(Arc::new(homes));
    let patient = SiteSettings { refuse_every: None };
    let site = start_on(args.port, catalogue, VirtualDate::start(), patient).await;
    let site = site.map_err(|error| format!("--port {}: {error}", args.port))?;
    let _ = writeln!(
        stderr().lock(),
        "{HOMES} homes on {}\na server crawls it when it is started with LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS={}",
        site.url(),
        site.address
    );
    wait_for_signal().await;
    site.stop().await;
    Ok(String::new())
}
