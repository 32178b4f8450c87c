//! Compares the messages that sockets received with the data. Pure: messages in, textual differences out, none when
//! all is right.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::changes::ListingChange;
use super::data::Dollars;
use super::wire::{JobId, Property, StandardStatus};

impl fmt::Display for ListingChange {
    /// All parts are written, so that equal texts are equal changes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { listing_key, status, price } => {
                write!(f, "{listing_key} is new, {} at {price}", status.name())
            }
            Self::PriceChanged { listing_key, old, new } => {
                write!(f, "{listing_key} went from {old} to {new}")
            }
            Self::StatusChanged { listing_key, old, new } => {
                write!(f, "{listing_key} went from {} to {}", old.name(), new.name())
            }
            Self::Removed { listing_key } => write!(f, "{listing_key} was removed"),
        }
    }
}

/// The changes that property messages report, in their order; or those messages that no change of the data yields.
pub(crate) fn reported_changes(messages: &[Value]) -> Result<Vec<ListingChange>, Vec<String>> {
    let (mut changes, mut odd) = (Vec::new(), Vec::new());
    for message in messages.iter().filter(|message| message["type"] == "property_update") {
        match parse_change(message) {
            Some(change) => changes.push(change),
            None => odd.push(format!("the data does not yield {message}")),
        }
    }
    if odd.is_empty() { Ok(changes) } else { Err(odd) }
}

fn parse_change(message: &Value) -> Option<ListingChange> {
    let property: Property = parse(&message["property"])?;
    let (old, new) = (&message["old"], &message["new"]);
    let listing_key = property.listing_key.clone();
    match message["event"].as_str()? {
        "property_created" => {
            let price = dollars(current_price(&property)?)?;
            Some(ListingChange::Created { listing_key, status: property.standard_status, price })
        }
        "price_changed" if message["currency"] == "USD" => {
            let (old, new) = (dollars(old.as_f64()?)?, dollars(new.as_f64()?)?);
            Some(ListingChange::PriceChanged { listing_key, old, new })
        }
        "status_changed" => {
            Some(ListingChange::StatusChanged { listing_key, old: parse(old)?, new: parse(new)? })
        }
        "property_removed" => Some(ListingChange::Removed { listing_key }),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// The current price of the property.
pub(crate) fn current_price(property: &Property) -> Option<f64> {
    let sold = property.close_price.filter(|_| property.standard_status == StandardStatus::Closed);
    sold.or(property.list_price)
}

/// Whole dollars; the tables have no others.
pub(crate) fn dollars(price: f64) -> Option<Dollars> {
    let fits = price.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&price);
    fits.then_some(Dollars(price as u32))
}

/// What is missing of `expected`, and what is unexpected, each with its count.
pub(crate) fn differences(expected: &[ListingChange], reported: &[ListingChange]) -> Vec<String> {
    let mut balance: BTreeMap<String, i64> = BTreeMap::new();
    for change in expected {
        *balance.entry(change.to_string()).or_default() += 1;
    }
    for change in reported {
        *balance.entry(change.to_string()).or_default() -= 1;
    }
    let off = balance.into_iter().filter(|(_, count)| *count != 0);
    off.map(|(change, count)| {
        let side = if count > 0 { "missing" } else { "unexpected" };
        format!("{side}, {} times: {change}", count.abs())
    })
    .collect()
}

/// Listings with a status that came before the price that it changed with.
pub(crate) fn out_of_order(reported: &[ListingChange]) -> Vec<String> {
    let mut with_status = BTreeSet::new();
    let mut found = Vec::new();
    for change in reported {
        match change {
            ListingChange::StatusChanged { listing_key, .. } => drop(with_status.insert(listing_key)),
            ListingChange::PriceChanged { listing_key, .. } if with_status.contains(listing_key) => {
                found.push(format!("{listing_key}: the status came before the price"));
            }
            ListingChange::PriceChanged { .. }
            | ListingChange::Created { .. }
            | ListingChange::Removed { .. } => {}
        }
    }
    found
}

/// How the events of `job` differ from those of a successful job: queued, started, progress, completed.
pub(crate) fn job_faults(messages: &[Value], job: JobId) -> Vec<String> {
    let events: Vec<&str> = messages
        .iter()
        .filter(|message| message["type"] == "job_update" && message["job_id"] == job.0)
        .filter_map(|message| message["event"].as_str())
        .collect();
    let as_it_should = match events.as_slice() {
        ["job_queued", "job_started", progress @ .., "job_completed"] => {
            !progress.is_empty() && progress.iter().all(|event| *event == "job_progress")
        }
        _ => false,
    };
    if as_it_should { Vec::new() } else { vec![format!("job {job} was reported as {}", runs(&events))] }
}

/// `job_queued, job_progress (12)`: equal neighbours are merged.
fn runs(events: &[&str]) -> String {
    let runs = events.chunk_by(|one, other| one == other).map(|run| match run {
        [once] => (*once).to_owned(),
        _ => format!("{} ({})", run[0], run.len()),
    });
    let runs: Vec<String> = runs.collect();
    if runs.is_empty() { "nothing".to_owned() } else { runs.join(", ") }
}

/// Progress that decreased.
pub(crate) fn progress_faults(messages: &[Value], job: JobId) -> Vec<String> {
    let mine = |message: &&Value| message["event"] == "job_progress" && message["job_id"] == job.0;
    let counts: Vec<i64> = messages
        .iter()
        .filter(mine)
        .filter_map(|message| message["progress"]["items_scraped"].as_i64())
        .collect();
    let back = counts.windows(2).filter(|pair| pair[1] < pair[0]);
    back.map(|pair| format!("progress went from {} to {}", pair[0], pair[1])).collect()
}

/// Messages of another tenant: of a job that is not `job`, or of a listing for which `is_own` is false.
pub(crate) fn foreign_messages(messages: &[Value], job: JobId, is_own: impl Fn(&str) -> bool) -> Vec<String> {
    let is_strange = |message: &&Value| {
        let of_job = message["job_id"].as_i64().is_some_and(|id| id != job.0);
        let key = message["property"]["listing_key"].as_str();
        of_job || key.is_some_and(|key| !is_own(key))
    };
    messages.iter().filter(is_strange).map(|message| format!("another's message came: {message}")).collect()
}

/// Durable messages that were received more than once, by their position.
pub(crate) fn duplicates(messages: &[Value]) -> Vec<String> {
    let mut seen = HashMap::new();
    let durable = messages.iter().filter(|message| message["occurred_at"].is_string());
    for position in durable.filter_map(|message| message["position"].as_str()) {
        *seen.entry(position).or_insert(0) += 1;
    }
    let twice = seen.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(position, count)| format!("the message at {position} came {count} times")).collect()
}

/// Messages of this `type`.
pub(crate) fn count(messages: &[Value], kind: &str) -> usize {
    messages.iter().filter(|message| message["type"] == kind).count()
}

/// The number of new properties in the summaries.
pub(crate) fn summary_count(messages: &[Value]) -> i64 {
    let summaries = messages.iter().filter(|message| message["event"] == "new_properties");
    summaries.filter_map(|message| message["count"].as_i64()).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(event: &str, more: &Value) -> Value {
        let mut message = json!({
            "type": "property_update", "event": event,
            "property": {
                "property_id": 1, "source": "127.0.0.1:1", "listing_key": "LUC-1", "standard_status": "closed",
                "list_price": 100_000.0, "close_price": 95_000.0, "currency": "USD", "removed": false,
                "first_seen_at": "", "last_seen_at": "", "updated_at": "",
            },
        });
        for (name, value) in more.as_object().unwrap() {
            message[name] = value.clone();
        }
        message
    }

    fn price(old: u32, new: u32) -> ListingChange {
        ListingChange::PriceChanged { listing_key: "LUC-1".to_owned(), old: Dollars(old), new: Dollars(new) }
    }

    fn status(key: &str) -> ListingChange {
        let (old, new) = (StandardStatus::Active, StandardStatus::Closed);
        ListingChange::StatusChanged { listing_key: key.to_owned(), old, new }
    }

    #[test]
    fn each_message_is_parsed_as_the_change_that_it_reports() {
        let messages = [
            json!({"type": "job_update", "event": "job_progress"}),
            message("property_created", &json!({})),
            message("price_changed", &json!({"old": 100_000.0, "new": 95_000.0, "currency": "USD"})),
            message("status_changed", &json!({"old": "active", "new": "closed"})),
            message("property_removed", &json!({})),
        ];

        let listing_key = "LUC-1".to_owned();
        let created = ListingChange::Created {
            listing_key: listing_key.clone(),
            status: StandardStatus::Closed,
            price: Dollars(95_000),
        };
        let expected =
            [created, price(100_000, 95_000), status("LUC-1"), ListingChange::Removed { listing_key }];
        assert_eq!(reported_changes(&messages), Ok(expected.to_vec()));
    }

    #[test]
    fn a_message_that_no_row_can_yield_is_named() {
        let odd = [
            message("property_changed", &json!({"changed": ["stories"]})),
            message("price_changed", &json!({"old": 1.0, "new": 2.5, "currency": "USD"})),
            message("price_changed", &json!({"old": 1.0, "new": 2.0, "currency": "EUR"})),
        ];

        for message in odd {
            assert!(reported_changes(std::slice::from_ref(&message)).is_err(), "{message}");
        }
    }

    #[test]
    fn missing_and_unexpected_changes_are_counted() {
        let expected = [price(3, 2), price(3, 2), status("LUC-1")];
        let told = [price(3, 2), status("LUC-1"), status("LUC-2"), status("LUC-2")];

        assert_eq!(
            differences(&expected, &told),
            [
                "missing, 1 times: LUC-1 went from $3 to $2",
                "unexpected, 2 times: LUC-2 went from active to closed",
            ]
        );
        assert_eq!(differences(&expected, &expected), Vec::<String>::new());
    }

    #[test]
    fn the_price_comes_before_the_status_of_the_same_listing() {
        assert_eq!(out_of_order(&[status("LUC-2"), price(3, 2), status("LUC-1")]).len(), 0);
        assert_eq!(out_of_order(&[status("LUC-1"), price(3, 2)]).len(), 1);
    }

    fn job(events: &[&str]) -> Vec<Value> {
        let one = |event: &&str| json!({"type": "job_update", "event": event, "job_id": 7});
        events.iter().map(one).collect()
    }

    #[test]
    fn a_job_that_goes_well_has_one_order_of_events() {
        let well = ["job_queued", "job_started", "job_progress", "job_progress", "job_completed"];
        assert_eq!(job_faults(&job(&well), JobId(7)), Vec::<String>::new());

        let silent = ["job_queued", "job_started", "job_completed"];
        let twice = ["job_queued", "job_started", "job_started", "job_progress", "job_completed"];
        let late = ["job_queued", "job_started", "job_completed", "job_progress"];
        for events in [&silent[..], &twice, &late, &[]] {
            assert_eq!(job_faults(&job(events), JobId(7)).len(), 1, "{events:?}");
        }
        assert_eq!(
            job_faults(&job(&["job_queued", "job_progress", "job_progress"]), JobId(7)),
            ["job 7 was reported as job_queued, job_progress (2)"]
        );
    }

    #[test]
    fn progress_does_not_go_back() {
        let at = |items: i64| json!({"event": "job_progress", "job_id": 7, "progress": {"items_scraped": items, "pages_crawled": 0}});

        assert_eq!(progress_faults(&[at(1), at(1), at(5)], JobId(7)).len(), 0);
        assert_eq!(progress_faults(&[at(5), at(4)], JobId(7)), ["progress went from 5 to 4"]);
    }

    #[test]
    fn messages_of_another_tenant_are_found() {
        let own = message("property_removed", &json!({"job_id": 7}));
        let of_job = json!({"type": "job_update", "job_id": 8});

        assert_eq!(
            foreign_messages(std::slice::from_ref(&own), JobId(7), |key| key == "LUC-1"),
            Vec::<String>::new()
        );
        assert_eq!(foreign_messages(&[own, of_job], JobId(7), |_| false).len(), 2);
    }

    #[test]
    fn a_duplicate_message_is_found_by_its_position() {
        let at = |position: &str| json!({"position": position, "occurred_at": "2026-01-01T00:00:00.000Z"});
        // A response to ping repeats the last position.
        let pong = json!({"type": "pong", "position": "1-1"});

        assert_eq!(duplicates(&[at("1-1"), pong, at("1-2")]), Vec::<String>::new());
        assert_eq!(duplicates(&[at("1-1"), at("1-1")]), ["the message at 1-1 came 2 times"]);
    }
}
