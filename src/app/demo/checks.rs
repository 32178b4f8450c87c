//! What must hold of a crawl, whatever the day: everything that anybody was told, shown or asked for agrees with the data.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::changes::Change;
use super::compare;
use super::listings;
use super::report::Report;
use super::round::Round;
use super::site::facts::Dialect;
use super::site::hits::{Hit, Page};
use crate::protocol::job::JobStatus;

/// Says how the crawl went and checks all of it.
pub(super) fn check<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let (seconds, pages) = (round.took.as_secs_f64(), round.job.pages_crawled);
    report.say(&format!(
        "{} on {}: {pages} pages and {} listings in {seconds:.1} s, {:.0} pages a second",
        round.company.slug,
        round.on,
        round.items.len(),
        pages as f64 / seconds.max(0.001),
    ));
    check_job(report, round);
    check_events(report, round);
    check_borders(report, round);
    check_site(report, round);
    check_lists(report, round);
}

fn check_job<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let (job, id) = (&round.job, round.job_id());
    let well = job.status == JobStatus::Completed && job.finish_reason.as_deref() == Some("finished");
    let ended = format!("it ended {:?} with {:?} {:?}", job.status, job.finish_reason, job.error);
    report.check("the crawl came to its natural end", &Vec::from_iter((!well).then_some(ended)));

    let progress = round.owner.iter().filter(|message| message["event"] == "job_progress").count();
    let words =
        format!("the owner's socket, nothing subscribed: queued, started, {progress} progress, completed");
    report.check(&words, &compare::job_faults(&round.owner, id));
    report.check("and progress never went back", &compare::progress_faults(&round.owner, id));
    report.check("the admin's socket was told the same", &compare::job_faults(&round.admin, id));

    let end = round.owner.iter().find(|message| message["event"] == "job_completed");
    let total = end.and_then(|end| end["total_items"].as_u64());
    let items = round.items.len();
    report.equal(
        &format!("job_completed says {items} listings, as the job's items do"),
        &Some(items as u64),
        &total,
    );
}

fn check_events<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let [created, prices, statuses, removed] = tally(&round.expected);
    let words = format!(
        "property events are those of the data: {created} created, {prices} prices, {statuses} statuses, {removed} removed"
    );
    match compare::told(&round.admin) {
        Ok(told) => {
            report.check(&words, &compare::differences(&round.expected, &told));
            report.check("a price was told before the status it changed with", &compare::out_of_order(&told));
        }
        Err(odd) => report.check(&words, &odd),
    }
    let unasked = compare::count(&round.owner, "property_update");
    report.equal("the owner, not subscribed, was told of no single property", &0, &unasked);
    let words = format!("and in summaries of {created} new ones");
    report.equal(&words, &(created as i64), &compare::summarised(&round.owner));
}

/// Created, price changed, status changed, removed.
fn tally(changes: &[Change]) -> [usize; 4] {
    let mut counts = [0; 4];
    for change in changes {
        let kind = match change {
            Change::Created { .. } => 0,
            Change::PriceChanged { .. } => 1,
            Change::StatusChanged { .. } => 2,
            Change::Removed { .. } => 3,
        };
        counts[kind] += 1;
    }
    counts
}

fn check_borders<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let is_own = |key: &str| round.company.catalogue.position(key).is_some();
    let heard = || [&round.owner, &round.admin].into_iter();
    let strange: Vec<String> =
        heard().flat_map(|messages| compare::strangers(messages, round.job_id(), is_own)).collect();
    report.check("no socket was told anything of the other tenant", &strange);
    let repeated: Vec<String> = heard().flat_map(|messages| compare::repeated(messages)).collect();
    report.check("no message came twice", &repeated);
}

fn check_site<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let shown = Dialect::ALL.map(|dialect| round.hits.get(Hit::Served(Page::Listing(dialect))));
    let read = Dialect::ALL.map(|dialect| read(round, dialect));
    let items = items(round);
    let items = Dialect::ALL.map(|dialect| items.get(&dialect).copied().unwrap_or(0));
    let [json_ld, state, microdata] = shown;
    let words = format!(
        "hits, pages read and items agree: {json_ld} JSON-LD, {state} page state, {microdata} microdata"
    );
    report.equal(&words, &[shown, shown], &[read, items]);

    let hits = &round.hits;
    let refused = hits.get(Hit::Refused);
    let pages = hits.total() - refused - hits.get(Hit::Served(Page::Robots));
    let words = format!("pages_crawled is what the site answered, refusals ({refused}) and robots.txt apart");
    report.equal(&words, &pages, &round.job.pages_crawled);
    let gone = hits.get(Hit::Gone);
    report.equal("each page that is gone was asked for once", &(tally(&round.expected)[3] as u64), &gone);
    report.equal("the page that robots.txt forbids was never fetched", &0, &hits.get(Hit::Forbidden));
    report.equal("no address led nowhere", &0, &(hits.get(Hit::NotFound) + hits.get(Hit::BadMethod)));
}

/// Listings that the crawl read in `dialect`, by its own count.
fn read(round: &Round<'_>, dialect: Dialect) -> u64 {
    let layer = match dialect {
        Dialect::JsonLd => "json_ld",
        Dialect::EmbeddedState => "embedded",
        Dialect::Microdata => "microdata",
    };
    round.job.stats["lotline/layers"][layer].as_u64().unwrap_or(0)
}

/// Accepted listings whose page was up.
fn items(round: &Round<'_>) -> BTreeMap<Dialect, u64> {
    let keys: HashMap<i64, &str> =
        round.all.iter().map(|property| (property.property_id, property.listing_key.as_str())).collect();
    let up = round.items.iter().filter(|item| item.status != "removed");
    let keys = up.filter_map(|item| keys.get(&item.property_id.0).copied());
    listings::by_dialect(&round.company.catalogue, keys)
}

fn check_lists<W: Write>(report: &mut Report<W>, round: &Round<'_>) {
    let count = round.listed.len();
    let words =
        format!("GET /properties, page by page, is the table of that day: {count} listings, 14 fields each");
    report.check(&words, &listings::differences(&round.company.catalogue, round.on, &round.listed));
}
