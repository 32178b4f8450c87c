//! Checks of a crawl for any day: everything that sockets, site and REST routes reported must agree with the data.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::changes::ListingChange;
use super::compare;
use super::crawl_run::CrawlRun;
use super::listings;
use super::report::Report;
use super::site::facts::Dialect;
use super::site::hits::{Hit, Page};
use super::wire::JobStatus;

/// Prints a summary of the crawl and checks all of it.
pub(crate) fn check<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let (seconds, pages) = (run.took.as_secs_f64(), run.job.pages_crawled);
    report.print_line(&format!(
        "{} on {}: {pages} pages and {} listings in {seconds:.1} s, {:.0} pages a second",
        run.tenant.slug,
        run.on,
        run.items.len(),
        pages as f64 / seconds.max(0.001),
    ));
    check_job(report, run);
    check_events(report, run);
    check_isolation(report, run);
    check_site(report, run);
    check_lists(report, run);
}

fn check_job<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let (job, id) = (&run.job, run.job_id());
    let well = job.status == JobStatus::Completed && job.finish_reason.as_deref() == Some("finished");
    let ended = format!("it ended {:?} with {:?} {:?}", job.status, job.finish_reason, job.error);
    report.check("the crawl came to its natural end", &Vec::from_iter((!well).then_some(ended)));

    let progress = run.owner.iter().filter(|message| message["event"] == "job_progress").count();
    let words =
        format!("the owner's socket, nothing subscribed: queued, started, {progress} progress, completed");
    report.check(&words, &compare::job_faults(&run.owner, id));
    report.check("and progress never went back", &compare::progress_faults(&run.owner, id));
    report.check("the admin's socket received the same", &compare::job_faults(&run.admin, id));

    let end = run.owner.iter().find(|message| message["event"] == "job_completed");
    let total = end.and_then(|end| end["total_items"].as_u64());
    let items = run.items.len();
    report.check_equal(
        &format!("job_completed says {items} listings, as the job's items do"),
        &Some(items as u64),
        &total,
    );
}

fn check_events<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let [created, prices, statuses, removed] = count_by_kind(&run.expected);
    let words = format!(
        "property events are those of the data: {created} created, {prices} prices, {statuses} statuses, {removed} removed"
    );
    match compare::reported_changes(&run.admin) {
        Ok(told) => {
            report.check(&words, &compare::differences(&run.expected, &told));
            report.check("each price came before the status it changed with", &compare::out_of_order(&told));
        }
        Err(odd) => report.check(&words, &odd),
    }
    let unasked = compare::count(&run.owner, "property_update");
    report.check_equal("the owner, not subscribed, received no single property", &0, &unasked);
    let words = format!("and in summaries of {created} new ones");
    report.check_equal(&words, &(created as i64), &compare::summary_count(&run.owner));
}

/// Created, price changed, status changed, removed.
fn count_by_kind(changes: &[ListingChange]) -> [usize; 4] {
    let mut counts = [0; 4];
    for change in changes {
        let kind = match change {
            ListingChange::Created { .. } => 0,
            ListingChange::PriceChanged { .. } => 1,
            ListingChange::StatusChanged { .. } => 2,
            ListingChange::Removed { .. } => 3,
        };
        counts[kind] += 1;
    }
    counts
}

fn check_isolation<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let is_own = |key: &str| run.tenant.catalogue.position(key).is_some();
    let heard = || [&run.owner, &run.admin].into_iter();
    let strange: Vec<String> =
        heard().flat_map(|messages| compare::foreign_messages(messages, run.job_id(), is_own)).collect();
    report.check("no socket received anything of the other tenant", &strange);
    let repeated: Vec<String> = heard().flat_map(|messages| compare::duplicates(messages)).collect();
    report.check("no message came twice", &repeated);
}

fn check_site<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let shown = Dialect::ALL.map(|dialect| run.hits.get(Hit::Served(Page::Listing(dialect))));
    let read = Dialect::ALL.map(|dialect| listings_read(run, dialect));
    let items = items_by_dialect(run);
    let items = Dialect::ALL.map(|dialect| items.get(&dialect).copied().unwrap_or(0));
    let unchanged = Dialect::ALL.map(|dialect| run.hits.get(Hit::NotModified(Page::Listing(dialect))));
    let [json_ld, state, microdata] = shown;
    let words =
        format!("hits and pages read agree: {json_ld} JSON-LD, {state} page state, {microdata} microdata");
    report.check_equal(&words, &shown, &read);
    let seen = std::array::from_fn(|at| shown[at] + unchanged[at]);
    let [json_ld, state, microdata] = unchanged;
    let words = format!(
        "items are those and the unchanged pages: {json_ld} JSON-LD, {state} page state, {microdata} microdata"
    );
    report.check_equal(&words, &seen, &items);

    let hits = &run.hits;
    let refused = hits.get(Hit::Refused);
    let apart = hits.get(Hit::Served(Page::Robots)) + hits.get(Hit::NoSitemap);
    let pages = hits.total() - refused - apart;
    let words = format!(
        "pages_crawled is what the site answered, refusals ({refused}), robots.txt and the missing sitemap apart"
    );
    report.check_equal(&words, &pages, &run.job.pages_crawled);
    let gone = hits.get(Hit::Gone);
    report.check_equal(
        "each page that is gone was asked for once",
        &(count_by_kind(&run.expected)[3] as u64),
        &gone,
    );
    report.check_equal("the page that robots.txt forbids was never fetched", &0, &hits.get(Hit::Forbidden));
    report.check_equal("no address led nowhere", &0, &(hits.get(Hit::NotFound) + hits.get(Hit::BadMethod)));
}

/// Listings that the crawl read in `dialect`, by its own count.
fn listings_read(run: &CrawlRun<'_>, dialect: Dialect) -> u64 {
    let layer = match dialect {
        Dialect::JsonLd => "json_ld",
        Dialect::EmbeddedState => "page_state",
        Dialect::Microdata => "microdata",
    };
    run.job.stats["lotline/layers"][layer].as_u64().unwrap_or(0)
}

/// Accepted listings with a page that was served.
fn items_by_dialect(run: &CrawlRun<'_>) -> BTreeMap<Dialect, u64> {
    let keys: HashMap<i64, &str> =
        run.all.iter().map(|property| (property.property_id, property.listing_key.as_str())).collect();
    let up = run.items.iter().filter(|item| item.status != "removed");
    let keys = up.filter_map(|item| keys.get(&item.property_id).copied());
    listings::count_by_dialect(&run.tenant.catalogue, keys)
}

fn check_lists<W: Write>(report: &mut Report<W>, run: &CrawlRun<'_>) {
    let count = run.listed.len();
    let words =
        format!("GET /properties, page by page, is the table of that day: {count} listings, 14 fields each");
    report.check(&words, &listings::differences(&run.tenant.catalogue, run.on, &run.listed));
}
