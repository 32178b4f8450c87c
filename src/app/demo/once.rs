//! `lotline demo --once`: crawls both sites, lets 30 days pass, crawls again, and holds every event, hit and listing
//! against the data.

use std::io::Write;
use std::time::Duration;

use reqwest::StatusCode;

use super::changes::{expected_changes, expected_first};
use super::checks;
use super::report::Report;
use super::round::{Audience, Round};
use super::settings::Given;
use super::stage::{Company, Stage};
use crate::app::signals::Signals;
use crate::base::clock::Clock;

const SECOND: Duration = Duration::from_secs(1);
/// Days between the two crawls.
const DAYS: u16 = 30;
/// Homes for sale on the first day, at least: less would be no import to speak of.
const LEAST_OPEN: usize = 2_000;

/// The result in one line; an error when anything was wrong.
pub(super) async fn run(given: Given) -> Result<String, String> {
    // From before there is a folder to remove.
    let mut signals = Signals::listen().map_err(|error| error.to_string())?;
    let stage = tokio::select! {
        stage = Stage::open(given) => stage?,
        _ = signals.next() => return Err("stopped before the end".to_owned()),
    };
    let mut report = Report::on_standard_output();
    let begun = stage.clock.now();
    let played = tokio::select! {
        played = Box::pin(play(&stage, &mut report)) => played,
        _ = signals.next() => Err("stopped before the end".to_owned()),
    };
    let took = stage.clock.now() - begun;
    let closed = stage.close().await;
    played?;
    closed?;
    report.say(&format!("took {:.1} s", took.num_milliseconds() as f64 / 1e3));
    report.close().map(|words| words + "\n")
}

async fn play<W: Write>(stage: &Stage, report: &mut Report<W>) -> Result<(), String> {
    let (lucas, sacramento) = (&stage.lucas, &stage.sacramento);
    let for_lucas = Audience::gather(stage, lucas).await?;
    let for_sacramento = Audience::gather(stage, sacramento).await?;
    let open = lucas.catalogue.open(stage.date.today()).len();
    let few = (open < LEAST_OPEN).then(|| format!("there are {open}"));
    report.check(&format!("at least {LEAST_OPEN} homes are for sale"), &Vec::from_iter(few));

    // Both at once: whatever crosses from one tenant to the other has its chance.
    let expected = |company: &Company| expected_first(&company.catalogue, stage.date.today());
    let heard = || for_lucas.heard() + for_sacramento.heard();
    let first = async {
        tokio::try_join!(
            Round::run(stage, lucas, &for_lucas, expected(lucas)),
            Round::run(stage, sacramento, &for_sacramento, expected(sacramento)),
        )
    };
    let first = watched(&stage.clock, report, heard, first).await?;
    check(report, &first);
    check_foreign_job(report, &for_sacramento, &first.0).await?;

    let step = stage.date.step(DAYS).map_err(|refused| refused.to_string())?;
    report.say(&format!("{DAYS} days pass, from {} to {}", step.from, step.to));
    let expected = |company: &Company| expected_changes(&company.catalogue, step.from, step.to);
    let second = async {
        tokio::try_join!(
            Round::run(stage, lucas, &for_lucas, expected(lucas)),
            Round::run(stage, sacramento, &for_sacramento, expected(sacramento)),
        )
    };
    let second = watched(&stage.clock, report, heard, second).await?;
    check(report, &second);
    Ok(())
}

/// Says how far two crawls are while they run.
async fn watched<T, W: Write>(
    clock: &Clock,
    report: &mut Report<W>,
    heard: impl Fn() -> usize,
    crawls: impl Future<Output = T>,
) -> T {
    let mut crawls = std::pin::pin!(crawls);
    let (begun, before) = (clock.now(), heard());
    loop {
        tokio::select! {
            done = &mut crawls => {
                report.passes("");
                return done;
            }
            () = clock.sleep(SECOND) => {
                let (events, seconds) = (heard() - before, (clock.now() - begun).num_seconds());
                report.passes(&format!("both sites are being crawled: {events} events in {seconds} s"));
            }
        }
    }
}

fn check<W: Write>(report: &mut Report<W>, rounds: &(Round<'_>, Round<'_>)) {
    checks::check(report, &rounds.0);
    checks::check(report, &rounds.1);
}

/// A job of the other tenant must look like one that never was.
async fn check_foreign_job<W: Write>(
    report: &mut Report<W>,
    stranger: &Audience,
    round: &Round<'_>,
) -> Result<(), String> {
    let status = stranger.client.status_of_job(round.job_id()).await?;
    report.equal(
        "the other tenant's member does not find this tenant's job",
        &StatusCode::NOT_FOUND,
        &status,
    );
    Ok(())
}
