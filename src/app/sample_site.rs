//! `lotline sample-site`: a small listings site on this machine, for a first crawl without load on a real site.

use std::io::{self, ErrorKind, Write, stderr};
use std::sync::Arc;

use lotline_demo::catalogue::Catalogue;
use lotline_demo::data;
use lotline_demo::site::server::{SiteSettings, start_on};
use lotline_demo::virtual_date::VirtualDate;

use super::cli::SampleSiteArgs;
use super::signals::wait_for_signal;

/// The number of homes: enough for several pages of a list, few enough for a crawl of seconds.
const HOMES: usize = 24;

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: &SampleSiteArgs) -> Result<String, String> {
    let homes = data::sacramento().map_err(|error| error.to_string())?.first(HOMES);
    let catalogue = Catalogue::Sacramento(Arc::new(homes));
    let patient = SiteSettings { refuse_every: None };
    let site = start_on(args.port, catalogue, VirtualDate::start(), patient).await;
    let site = site.map_err(|error| bind_error_line(args.port, &error))?;
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

/// As `serve` says it, with the flag that chooses the port.
fn bind_error_line(port: u16, error: &io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "the port is in use by another process; choose another with --port",
        ErrorKind::PermissionDenied => "this user may not use the port; choose one from 1024 up with --port",
        _ => return format!("cannot listen on 127.0.0.1:{port}: {error}"),
    };
    format!("cannot listen on 127.0.0.1:{port}: {why}")
}
