//! `lotline demo`: a server to explore, with simulated days and a crawl each, until the data ends or the user stops
//! it.

use std::time::Duration;

use chrono::NaiveDate;

use super::banner;
use super::changes::{ListingChange, expected_changes};
use super::clock::sleep;
use super::environment::{DemoTenant, Environment};
use super::rest::RestClient;
use super::screen::Screen;
use super::socket::SocketClient;
use super::virtual_date::{START, Step, StepError};
use super::wire::{JobId, JobStatus};

/// The time between the end of a crawl and the next day.
const PAUSE_BETWEEN_DAYS: Duration = Duration::from_secs(10);
/// The poll interval of a job's status.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);

/// Crawls every `days` days. Succeeds at the data's end and when `stop` completes.
pub(crate) async fn run(
    env: Environment,
    screen: Screen,
    days: u16,
    stop: impl Future<Output = ()>,
) -> Result<String, String> {
    screen.print_line(&banner::banner(&env));
    let played = tokio::select! {
        played = Box::pin(run_until_data_ends(&env, &screen, days)) => played,
        () = stop => Ok("stopped".to_owned()),
    };
    screen.tick();
    screen.print_line("stopping");
    screen.finish();
    let people = banner::credentials(&env);
    let kept = env.kept_folder().map(|path| {
        format!(
            "the data stays in {}: `LOTLINE__SERVER__DATA_DIR={0} lotline serve` serves it",
            path.display()
        )
    });
    let closed = env.close().await;
    let words = played?;
    closed?;
    Ok([Some(people), Some(words), kept]
        .into_iter()
        .flatten()
        .fold(String::new(), |text, line| text + &line + "\n"))
}

/// Returns the message for the end of the data.
async fn run_until_data_ends(env: &Environment, screen: &Screen, days: u16) -> Result<String, String> {
    let [lucas, sacramento] = env.tenants();
    tokio::select! {
        ended = advance_days(env, screen, days) => ended,
        () = show_events(env, screen, lucas) => Err("the events of lucas ended".to_owned()),
        () = show_events(env, screen, sacramento) => Err("the events of sacramento ended".to_owned()),
        () = tick(screen) => Err("the clock ended".to_owned()),
    }
}

async fn advance_days(env: &Environment, screen: &Screen, days: u16) -> Result<String, String> {
    let (lucas, sacramento) = (&env.lucas, &env.sacramento);
    let for_lucas = env.client(&lucas.users.member.token)?;
    let for_sacramento = env.client(&sacramento.users.member.token)?;
    // Sacramento's table has no dates: one crawl sees all of it.
    tokio::try_join!(crawl(env, screen, lucas, &for_lucas), crawl(env, screen, sacramento, &for_sacramento))?;
    loop {
        sleep(PAUSE_BETWEEN_DAYS).await;
        // A crawl that a user started sees one day, too.
        while for_lucas.is_crawling().await? || for_sacramento.is_crawling().await? {
            sleep(SECOND).await;
        }
        match env.date.step(days) {
            Ok(step) => screen.print_line(&headline(lucas, step)),
            Err(ended @ StepError::DataEnded) => return Ok(ended.to_string()),
            Err(StepError::CrawlRunning) => continue,
        }
        crawl(env, screen, lucas, &for_lucas).await?;
    }
}

/// One crawl, from its start over REST to its end. The date is frozen meanwhile.
async fn crawl(
    env: &Environment,
    screen: &Screen,
    tenant: &DemoTenant,
    client: &RestClient,
) -> Result<(), String> {
    let freeze = env.date.freeze();
    let job = client.start_crawl(&tenant.site.url()).await?;
    let status = wait_for_end(client, job).await?;
    drop(freeze);
    if status != JobStatus::Completed {
        screen.print_line(&format!(
            "the crawl of {} ended as {}; the days pass all the same",
            tenant.slug,
            status.name()
        ));
    }
    Ok(())
}

async fn wait_for_end(client: &RestClient, job: JobId) -> Result<JobStatus, String> {
    loop {
        let status = client.job(job).await?.status;
        if status.is_terminal() {
            return Ok(status);
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Shows the events that the owner of the jobs receives, with every listing. Resumes after a disconnect.
async fn show_events(env: &Environment, screen: &Screen, tenant: &DemoTenant) {
    let mut position = None;
    loop {
        let Err(words) = read_events(env, screen, tenant, &mut position).await;
        screen.print_line(&format!("the socket of {} ended ({words}); it resumes", tenant.slug));
        sleep(SECOND).await;
    }
}

async fn read_events(
    env: &Environment,
    screen: &Screen,
    tenant: &DemoTenant,
    position: &mut Option<String>,
) -> Result<std::convert::Infallible, String> {
    let (since, token) = (position.clone(), &tenant.users.member.token);
    let mut socket = SocketClient::connect(env.server.address, token, since.as_deref()).await?;
    socket.subscribe("property_updates", since.as_deref()).await?;
    loop {
        let message = socket.next().await?;
        if let Some(at) = message["position"].as_str() {
            *position = Some(at.to_owned());
        }
        screen.push(tenant.slug, message);
    }
}

async fn tick(screen: &Screen) {
    loop {
        sleep(SECOND).await;
        screen.tick();
    }
}

/// The new day, and the data's changes on it.
fn headline(tenant: &DemoTenant, step: Step) -> String {
    let changes = expected_changes(&tenant.catalogue, step.from, step.to);
    let count = |matches: fn(&ListingChange) -> bool| changes.iter().filter(|change| matches(change)).count();
    let created = count(|change| matches!(change, ListingChange::Created { .. }));
    let sold = count(|change| matches!(change, ListingChange::StatusChanged { .. }));
    let removed = count(|change| matches!(change, ListingChange::Removed { .. }));
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
