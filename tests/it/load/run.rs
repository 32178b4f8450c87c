//! One run: writers and readers start, the test causes its fault, all of them finish, and the result is the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Accounts, OPERATOR, PASSWORD, TenantAccounts};
use super::node::Node;
use super::outcome::{Outcome, Refusal};
use super::readers::{Carrier, ReaderSpec, SwitchPolicy, follow, read_log};
use super::writers::{WriteCounts, Writer, WriterResult};
use crate::history::{Entry, Fact, History, Reader, Role, Tenant};
use crate::support::wait::sleep_briefly;

/// The broadcast that ends the compared part of the log.
const LAST_MESSAGE: &str = "that was all";
/// How long readers may take to reach the end, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Run {
    pub node: Node,
    pub cast: Accounts,
    /// For each tenant the head of its log at the start.
    pub starts: Vec<String>,
    /// The answers that writers have got so far.
    counts: watch::Receiver<WriteCounts>,
    stop: CancellationToken,
    /// For each tenant its own writers, and after them the platform's.
    writing: Vec<Vec<JoinHandle<WriterResult>>>,
    following: Vec<Vec<JoinHandle<(Reader, u64)>>>,
}

/// The result of a run.
pub struct RunResult {
    pub node: Node,
    pub cast: Accounts,
    pub history: History,
    pub acknowledged: u64,
    /// How often readers were disconnected, or switched carriers by themselves.
    pub cuts: u64,
    pub refused: BTreeMap<Refusal, u64>,
}

impl Run {
    /// Starts writers and readers on a node that is running.
    pub async fn start(node: Node, cast: Accounts) -> Self {
        Self::start_with(node, cast, SwitchPolicy::OnDisconnect).await
    }

    /// The same with readers of this policy.
    pub async fn start_with(node: Node, cast: Accounts, habit: SwitchPolicy) -> Self {
        let whereabouts = node.client();
        let (counts, received) = watch::channel(WriteCounts::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let writer = || Writer::new(&whereabouts, &counts, &stop);
        let (mut starts, mut writing, mut following) = (Vec::new(), Vec::new(), Vec::new());
        for accounts in &cast.tenants {
            let head = whereabouts.get(&accounts.admin, "/api/v1/events").await.expect_done("the head");
            let start = first_position(head["position"].as_str().unwrap());
            writing.push(vec![
                tasks.spawn(writer().broadcasts(accounts.clone())),
                tasks.spawn(writer().updates_prices(accounts.clone())),
                tasks.spawn(writer().runs_jobs(accounts.clone())),
            ]);
            let people = reader_specs(accounts, &start).into_iter().zip(Carrier::ALL.into_iter().cycle());
            let follow = |(person, carrier)| {
                tasks.spawn(follow(whereabouts.clone(), person, (carrier, habit), LAST_MESSAGE))
            };
            following.push(people.map(follow).collect());
            starts.push(start);
        }
        let operator = whereabouts.signs_in(OPERATOR, PASSWORD).await;
        let operator = operator["access_token"].as_str().unwrap().to_owned();
        writing.push(vec![tasks.spawn(writer().broadcasts_to_all_tenants(operator))]);
        Self { node, cast, starts, counts: received, stop, writing, following }
    }

    /// Waits until `more` further writes have been acknowledged.
    pub async fn wait_for_acknowledged(&self, more: u64) {
        let wanted = self.counts.borrow().acknowledged + more;
        self.wait_until("nothing is acknowledged any more", |counts| counts.acknowledged >= wanted).await;
    }

    /// Waits until `more` further writes have been refused with `status`.
    pub async fn wait_for_refused(&self, status: u16, more: u64) {
        let refused = move |counts: &WriteCounts| counts.refused.get(&status).copied().unwrap_or_default();
        let wanted = refused(&self.counts.borrow()) + more;
        self.wait_until("writes are not refused as they should", |counts| refused(counts) >= wanted).await;
    }

    async fn wait_until(&self, otherwise: &str, holds: impl FnMut(&WriteCounts) -> bool + Send) {
        let mut counts = self.counts.clone();
        let received = tokio::time::timeout(TIMEOUT, counts.wait_for(holds)).await.is_ok();
        assert!(received, "{otherwise}: {:?}", *self.counts.borrow());
    }

    /// Lets writers and readers finish on a node that works.
    pub async fn finish(self) -> RunResult {
        self.stop.cancel();
        let mut refused = BTreeMap::new();
        let mut history = History { tenants: vec![Tenant::default(); self.starts.len()] };
        for (index, writers) in self.writing.into_iter().enumerate() {
            for writer in writers {
                let WriterResult { tried, acknowledged, refused: more } = writer.await.unwrap();
                more.into_iter().for_each(|(refusal, times)| *refused.entry(refusal).or_default() += times);
                match history.tenants.get_mut(index) {
                    Some(tenant) => add_writes(tenant, tried, vec![acknowledged]),
                    // Broadcast to every tenant, with no guaranteed order among themselves.
                    None => history.tenants.iter_mut().for_each(|tenant| {
                        let each = acknowledged.iter().map(|fact| vec![fact.clone()]);
                        add_writes(tenant, tried.clone(), each.collect());
                    }),
                }
            }
        }
        let whereabouts = self.node.client();
        let acknowledged = self.counts.borrow().acknowledged;
        let mut cuts = 0;
        let companies = self.cast.tenants.iter().zip(&self.starts).zip(&mut history.tenants);
        for (((accounts, start), tenant), following) in companies.zip(self.following) {
            wait_for_pending_writes(&whereabouts, accounts, start, tenant).await;
            broadcast_last_message(&whereabouts, accounts, tenant).await;
            let log = read_log(&whereabouts, &accounts.admin, start, LAST_MESSAGE).await;
            tenant.log = log.iter().map(|frame| Entry::of(frame).unwrap()).collect();
            for one in following {
                let (reader, more) = tokio::time::timeout(TIMEOUT, one)
                    .await
                    .unwrap_or_else(|_| panic!("a reader of {} does not come to the end", accounts.slug))
                    .unwrap();
                cuts += more;
                tenant.readers.push(reader);
            }
        }
        RunResult { node: self.node, cast: self.cast, history, acknowledged, cuts, refused }
    }
}

impl RunResult {
    #[track_caller]
    pub fn assert_clean(&self) {
        let faults = self.history.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Entries of all logs.
    pub fn entries(&self) -> usize {
        self.history.tenants.iter().map(|tenant| tenant.log.len()).sum()
    }
}

fn add_writes(tenant: &mut Tenant, tried: BTreeSet<Fact>, acknowledged: Vec<Vec<Fact>>) {
    tenant.tried.extend(tried);
    tenant.acknowledged.extend(acknowledged);
}

/// An admin and a viewer with all feeds, and a viewer without.
fn reader_specs(accounts: &TenantAccounts, start: &str) -> Vec<ReaderSpec> {
    let person = |name: &str, token: &String, role, follows| {
        let (name, token, start) = (name.to_owned(), token.clone(), start.to_owned());
        ReaderSpec { name, token, role, follows, start }
    };
    vec![
        person("the admin", &accounts.admin, Role::Admin, true),
        person("the viewer", &accounts.viewer, Role::Viewer, true),
        person("the viewer without feeds", &accounts.viewer, Role::Viewer, false),
    ]
}

/// Broadcasts to all tenants are acknowledged before every tenant has them.
async fn wait_for_pending_writes(
    node: &super::node::NodeClient,
    accounts: &TenantAccounts,
    start: &str,
    tenant: &Tenant,
) {
    let wanted: BTreeSet<&Fact> = tenant.acknowledged.iter().flatten().collect();
    let all_there = async {
        let (mut found, mut since) = (BTreeSet::new(), start.to_owned());
        while !wanted.is_subset(&found.iter().collect()) {
            let feeds = "job_updates,property_updates,system_alerts";
            let path = format!("/api/v1/events?since={since}&subscriptions={feeds}&limit=200");
            if let Outcome::Done(page) = node.get(&accounts.admin, &path).await {
                let entries = page["data"].as_array().unwrap().iter().filter_map(Entry::of);
                found.extend(entries.filter_map(|entry| entry.fact));
                since = page["position"].as_str().unwrap().to_owned();
            }
            sleep_briefly().await;
        }
    };
    // The checker reports what is missing.
    let _ = tokio::time::timeout(Duration::from_secs(15), all_there).await;
}

async fn broadcast_last_message(
    node: &super::node::NodeClient,
    accounts: &TenantAccounts,
    tenant: &mut Tenant,
) {
    let body = serde_json::json!({ "message": LAST_MESSAGE });
    let outcome = node.post(&accounts.admin, "/api/v1/admin/broadcast", &body).await;
    outcome.expect_done("the last word");
    let fact = Fact::message(LAST_MESSAGE);
    add_writes(tenant, BTreeSet::from([fact.clone()]), vec![vec![fact]]);
}

/// The position before the first event: the log's epoch with the number 0.
fn first_position(head: &str) -> String {
    let (epoch, _) = head.split_once('-').unwrap();
    format!("{epoch}-0")
}
