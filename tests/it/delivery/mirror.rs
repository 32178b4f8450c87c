//! A client's copy of a tenant's state: loaded from the lists that a gap names, updated by the events that follow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::people::Person;

/// Rows per page: few, so that a list is read in several pages while others write.
const PAGE: usize = 7;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mirror {
    pub(super) properties: BTreeMap<i64, Value>,
    pub(super) jobs: BTreeMap<i64, Value>,
    pub(super) notices: BTreeSet<String>,
}

impl Mirror {
    /// Loads what the lists at these addresses contain now.
    pub(super) async fn of(who: &Person<'_>, urls: &[&str]) -> Self {
        let mut mirror = Self::default();
        for url in urls {
            mirror.reads_anew(who, url).await;
        }
        mirror
    }

    /// Replaces what was known by the contents of a list.
    pub(super) async fn reads_anew(&mut self, who: &Person<'_>, url: &str) {
        let rows = read_all(who, url).await;
        let id = |row: &Value, name: &str| row[name].as_i64().unwrap();
        let (path, _) = url.split_once('?').unwrap_or((url, ""));
        match path {
            "/api/v1/properties" => {
                self.properties = rows.iter().map(|row| (id(row, "property_id"), property(row))).collect();
            }
            "/api/v1/jobs" => self.jobs = rows.iter().map(|row| (id(row, "job_id"), job(row))).collect(),
            "/api/v1/notifications" => {
                self.notices = rows.iter().map(|row| notice(&row["message"])).collect();
            }
            other => panic!("no list of a feed: {other}"),
        }
    }

    /// Applies an event. It may be older than the list; then a later event corrects the state.
    pub(super) fn applies(&mut self, frame: &Value) {
        if !frame["occurred_at"].is_string() {
            return;
        }
        match frame["type"].as_str().unwrap() {
            "property_update" => {
                let id = frame["property_id"].as_i64().unwrap();
                self.properties.insert(id, property(&frame["property"]));
            }
            "job_update" => {
                self.jobs.insert(frame["job_id"].as_i64().unwrap(), job(frame));
            }
            "system_notification" | "admin_notification" | "system_alert" | "property_notification" => {
                self.notices.insert(notice(frame));
            }
            other => panic!("no event that this client knows: {other}"),
        }
    }
}

async fn read_all(who: &Person<'_>, url: &str) -> Vec<Value> {
    let and = if url.contains('?') { '&' } else { '?' };
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = who.get(&format!("{url}{and}limit={PAGE}{cursor}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        cursor = format!("&cursor={next}");
    }
}

/// Seeing a listing again unchanged causes no event.
fn property(row: &Value) -> Value {
    let mut row = row.clone();
    row.as_object_mut().unwrap().remove("last_seen_at");
    row
}

/// The part of a job that list and events share. Progress is merged, so its counts are final for ended jobs only.
fn job(row: &Value) -> Value {
    let status = row["status"].as_str().unwrap();
    let is_over = ["completed", "failed", "cancelled"].contains(&status);
    let mut job =
        json!({ "items_scraped": if is_over { row["items_scraped"].clone() } else { Value::Null } });
    for field in ["status", "spider_name", "attempt", "execution_id", "finish_reason", "error"] {
        job[field] = row[field].clone();
    }
    job
}

/// A message without the fields that the log adds.
fn notice(message: &Value) -> String {
    let mut message = message.clone();
    let fields = message.as_object_mut().unwrap();
    fields.remove("position");
    fields.remove("occurred_at");
    fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
