//! `lotline demo --once`: crawls both sites, lets 30 days pass, crawls again, and compares every event, hit and
//! listing with the data.

use std::io::Write;
use std::time::Duration;

use reqwest::StatusCode;

use super::changes::{expected_changes, expected_first};
use super::checks;
use super::clock::{Stopwatch, sleep};
use super::crawl_run::{CrawlRun, TenantObserver};
use super::environment::{DemoTenant, Environment};
use super::report::Report;

/// The error of a demo that is stopped.
pub(crate) const STOPPED: &str = "stopped before the end";
const SECOND: Duration = Duration::from_secs(1);
/// Days between the two crawls.
const DAYS: u16 = 30;
/// The minimum of homes for sale on the first day: fewer would not be a meaningful import.
const MIN_OPEN: usize = 2_000;

/// The result in one line; an error if a check failed.
pub(crate) async fn run(env: Environment, stop: impl Future<Output = ()>) -> Result<String, String> {
    let mut report = Report::on_standard_output();
    let stopwatch = Stopwatch::start();
    let played = tokio::select! {
        played = Box::pin(run_scenario(&env, &mut report)) => played,
        () = stop => Err(STOPPED.to_owned()),
    };
    let took = stopwatch.elapsed();
    let closed = env.close().await;
    played?;
    closed?;
    report.print_line(&format!("took {:.1} s", took.as_secs_f64()));
    report.finish().map(|words| words + "\n")
}

async fn run_scenario<W: Write>(env: &Environment, report: &mut Report<W>) -> Result<(), String> {
    let (lucas, sacramento) = (&env.lucas, &env.sacramento);
    let for_lucas = TenantObserver::connect(env, lucas).await?;
    let for_sacramento = TenantObserver::connect(env, sacramento).await?;
    let open = lucas.catalogue.open(env.date.today()).len();
    let few = (open < MIN_OPEN).then(|| format!("there are {open}"));
    report.check(&format!("at least {MIN_OPEN} homes are for sale"), &Vec::from_iter(few));

    // Both at once, so that a leak from one tenant to the other would show.
    let expected = |tenant: &DemoTenant| expected_first(&tenant.catalogue, env.date.today());
    let heard = || for_lucas.received_count() + for_sacramento.received_count();
    let first = async {
        tokio::try_join!(
            CrawlRun::run(env, lucas, &for_lucas, expected(lucas)),
            CrawlRun::run(env, sacramento, &for_sacramento, expected(sacramento)),
        )
    };
    let first = with_progress(report, heard, first).await?;
    check(report, &first);
    check_foreign_job(report, &for_sacramento, &first.0).await?;

    let step = env.date.step(DAYS).map_err(|refused| refused.to_string())?;
    report.print_line(&format!("{DAYS} days pass, from {} to {}", step.from, step.to));
    let expected = |tenant: &DemoTenant| expected_changes(&tenant.catalogue, step.from, step.to);
    let second = async {
        tokio::try_join!(
            CrawlRun::run(env, lucas, &for_lucas, expected(lucas)),
            CrawlRun::run(env, sacramento, &for_sacramento, expected(sacramento)),
        )
    };
    let second = with_progress(report, heard, second).await?;
    check(report, &second);
    Ok(())
}

/// Prints the progress of two crawls while they run.
async fn with_progress<T, W: Write>(
    report: &mut Report<W>,
    received: impl Fn() -> usize,
    crawls: impl Future<Output = T>,
) -> T {
    let mut crawls = std::pin::pin!(crawls);
    let (stopwatch, before) = (Stopwatch::start(), received());
    loop {
        tokio::select! {
            done = &mut crawls => {
                report.show_status("");
                return done;
            }
            () = sleep(SECOND) => {
                let (events, seconds) = (received() - before, stopwatch.elapsed().as_secs());
                report.show_status(&format!("both sites are being crawled: {events} events in {seconds} s"));
            }
        }
    }
}

fn check<W: Write>(report: &mut Report<W>, runs: &(CrawlRun<'_>, CrawlRun<'_>)) {
    checks::check(report, &runs.0);
    checks::check(report, &runs.1);
}

/// A job of the other tenant must look like one that never existed.
async fn check_foreign_job<W: Write>(
    report: &mut Report<W>,
    foreign: &TenantObserver,
    crawl: &CrawlRun<'_>,
) -> Result<(), String> {
    let status = foreign.client.status_of_job(crawl.job_id()).await?;
    report.check_equal(
        "the other tenant's member does not find this tenant's job",
        &StatusCode::NOT_FOUND,
        &status,
    );
    Ok(())
}
