//! `lotline demo`: a server to look around in, whose days pass and whose crawls bring news, until the data ends or
//! somebody stops it.

use std::time::Duration;

use chrono::NaiveDate;

use super::changes::{Change, expected_changes};
use super::rest::Client;
use super::screen::{Screen, View};
use super::settings::Given;
use super::socket::Socket;
use super::stage::{Company, Stage};
use super::virtual_date::{START, Step, StepRefused};
use super::welcome;
use crate::app::cli::DemoArgs;
use crate::app::signals::Signals;
use crate::base::clock::Clock;
use crate::base::ids::JobId;
use crate::protocol::job::JobStatus;

/// Between the end of a crawl and the next day.
const PAUSE: Duration = Duration::from_secs(10);
/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

/// Ends well at the data's end and on a signal.
pub(super) async fn run(args: &DemoArgs, given: Given) -> Result<String, String> {
    // From before there is a folder to remove.
    let mut signals = Signals::listen().map_err(|error| error.to_string())?;
    let stage = tokio::select! {
        stage = Stage::open(given) => stage?,
        _ = signals.next() => return Ok("stopped\n".to_owned()),
    };
    let view = if args.verbose { View::Events } else { View::Summary };
    let screen = Screen::new(stage.date.clone(), view);
    screen.say(&welcome::text(&stage));
    let played = tokio::select! {
        played = Box::pin(play(&stage, &screen, args.days)) => played,
        // A terminal that is closed ends the demo too: there is no configuration to read again.
        _ = signals.next() => Ok("stopped".to_owned()),
    };
    screen.tick();
    screen.say("stopping");
    screen.close();
    let people = welcome::people(&stage);
    let kept = stage.kept().map(|path| {
        format!(
            "the data stays in {}: `LOTLINE__SERVER__DATA_DIR={0} lotline serve` serves it",
            path.display()
        )
    });
    let closed = stage.close().await;
    let words = played?;
    closed?;
    Ok([Some(people), Some(words), kept]
        .into_iter()
        .flatten()
        .fold(String::new(), |text, line| text + &line + "\n"))
}

/// Gives the words with which the data ends.
async fn play(stage: &Stage, screen: &Screen, days: u16) -> Result<String, String> {
    let [lucas, sacramento] = stage.companies();
    tokio::select! {
        ended = pass_days(stage, screen, days) => ended,
        () = follow(stage, screen, lucas) => Err("the events of lucas ended".to_owned()),
        () = follow(stage, screen, sacramento) => Err("the events of sacramento ended".to_owned()),
        () = tick(screen, &stage.clock) => Err("the clock ended".to_owned()),
    }
}

async fn pass_days(stage: &Stage, screen: &Screen, days: u16) -> Result<String, String> {
    let (lucas, sacramento) = (&stage.lucas, &stage.sacramento);
    let for_lucas = stage.client(&lucas.people.member.token)?;
    let for_sacramento = stage.client(&sacramento.people.member.token)?;
    // Sacramento's table has no dates: one crawl sees all that there ever is.
    tokio::try_join!(
        crawl(stage, screen, lucas, &for_lucas),
        crawl(stage, screen, sacramento, &for_sacramento)
    )?;
    loop {
        stage.clock.sleep(PAUSE).await;
        // A crawl that somebody started by hand sees one day, too.
        while for_lucas.is_crawling().await? || for_sacramento.is_crawling().await? {
            stage.clock.sleep(SECOND).await;
        }
        match stage.date.step(days) {
            Ok(step) => screen.say(&headline(lucas, step)),
            Err(ended @ StepRefused::DataEnded) => return Ok(ended.to_string()),
            Err(StepRefused::CrawlRunning) => continue,
        }
        crawl(stage, screen, lucas, &for_lucas).await?;
    }
}

/// One crawl, from its start over REST to its end. The date stands meanwhile.
async fn crawl(stage: &Stage, screen: &Screen, company: &Company, client: &Client) -> Result<(), String> {
    let hold = stage.date.hold();
    let job = client.start_crawl(&company.site.url()).await?;
    let status = end_of(client, &stage.clock, job).await?;
    drop(hold);
    if status != JobStatus::Completed {
        screen.say(&format!(
            "the crawl of {} ended as {}; the days pass all the same",
            company.slug,
            status.name()
        ));
    }
    Ok(())
}

async fn end_of(client: &Client, clock: &Clock, job: JobId) -> Result<JobStatus, String> {
    loop {
        let status = client.job(job).await?.status;
        if status.is_terminal() {
            return Ok(status);
        }
        clock.sleep(LOOK).await;
    }
}

/// Shows what the owner of the jobs is told, with every listing. Resumes where it was cut.
async fn follow(stage: &Stage, screen: &Screen, company: &Company) {
    let mut position = None;
    loop {
        let Err(words) = listen(stage, screen, company, &mut position).await;
        screen.say(&format!("the socket of {} ended ({words}); it resumes", company.slug));
        stage.clock.sleep(SECOND).await;
    }
}

async fn listen(
    stage: &Stage,
    screen: &Screen,
    company: &Company,
    position: &mut Option<String>,
) -> Result<std::convert::Infallible, String> {
    let since = position.clone();
    let mut socket = Socket::open(stage.address, &company.people.member.token, since.as_deref()).await?;
    socket.subscribe("property_updates", since.as_deref()).await?;
    loop {
        let message = socket.next().await?;
        if let Some(at) = message["position"].as_str() {
            *position = Some(at.to_owned());
        }
        screen.show(company.slug, message);
    }
}

async fn tick(screen: &Screen, clock: &Clock) {
    loop {
        clock.sleep(SECOND).await;
        screen.tick();
    }
}

/// The new day, and what the data holds for it.
fn headline(company: &Company, step: Step) -> String {
    let changes = expected_changes(&company.catalogue, step.from, step.to);
    let count = |matches: fn(&Change) -> bool| changes.iter().filter(|change| matches(change)).count();
    let created = count(|change| matches!(change, Change::Created { .. }));
    let sold = count(|change| matches!(change, Change::StatusChanged { .. }));
    let removed = count(|change| matches!(change, Change::Removed { .. }));
    format!(
        "\n{}, day {}: {} new homes for sale in the data, {sold} sold, {removed} taken down",
        step.to,
        day_number(step.to),
        created,
    )
}

/// The first day is day 1.
fn day_number(day: NaiveDate) -> i64 {
    (day - START).num_days() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_one() {
        assert_eq!(day_number(START), 1);
        assert_eq!(day_number("1996-03-31".parse().unwrap()), 31);
    }
}
