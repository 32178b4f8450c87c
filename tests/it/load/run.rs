//! One run: everybody begins, the test does its harm, everybody comes to an end, and out comes the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cast::{Cast, Company, OPERATOR, PASSWORD};
use super::node::Node;
use super::outcome::{Outcome, Refusal};
use super::readers::{Carrier, Habit, Person, follow, reads_log};
use super::writers::{Tally, Writer, Written};
use crate::history::{Entry, Fact, History, Reader, Role, Tenant};
use crate::support::wait::a_moment;

/// The end of what is compared.
const LAST_WORD: &str = "that was all";
/// How long readers may take to come to the end, a busy machine included.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Run {
    pub node: Node,
    pub cast: Cast,
    /// For each tenant the head of its log when all began.
    pub starts: Vec<String>,
    /// What the writers have heard so far.
    tally: watch::Receiver<Tally>,
    stop: CancellationToken,
    /// For each tenant its own writers, and after them the platform's.
    writing: Vec<Vec<JoinHandle<Written>>>,
    following: Vec<Vec<JoinHandle<(Reader, u64)>>>,
}

/// What it came to.
pub struct Ended {
    pub node: Node,
    pub cast: Cast,
    pub history: History,
    pub acknowledged: u64,
    /// How often readers were cut, or went to another carrier by themselves.
    pub cuts: u64,
    pub refused: BTreeMap<Refusal, u64>,
}

impl Run {
    /// Lets everybody begin on a node that has started.
    pub async fn begin(node: Node, cast: Cast) -> Self {
        Self::begin_with(node, cast, Habit::Stays).await
    }

    /// The same with readers of this habit.
    pub async fn begin_with(node: Node, cast: Cast, habit: Habit) -> Self {
        let whereabouts = node.whereabouts();
        let (tally, heard) = watch::channel(Tally::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let writer = || Writer::new(&whereabouts, &tally, &stop);
        let (mut starts, mut writing, mut following) = (Vec::new(), Vec::new(), Vec::new());
        for company in &cast.companies {
            let head = whereabouts.get(&company.admin, "/api/v1/events").await.expect_done("the head");
            let start = first_position(head["position"].as_str().unwrap());
            writing.push(vec![
                tasks.spawn(writer().broadcasts(company.clone())),
                tasks.spawn(writer().prices(company.clone())),
                tasks.spawn(writer().works(company.clone())),
            ]);
            let people = people(company, &start).into_iter().zip(Carrier::ALL.into_iter().cycle());
            let follow = |(person, carrier)| {
                tasks.spawn(follow(whereabouts.clone(), person, (carrier, habit), LAST_WORD))
            };
            following.push(people.map(follow).collect());
            starts.push(start);
        }
        let operator = whereabouts.signs_in(OPERATOR, PASSWORD).await;
        let operator = operator["access_token"].as_str().unwrap().to_owned();
        writing.push(vec![tasks.spawn(writer().platform(operator))]);
        Self { node, cast, starts, tally: heard, stop, writing, following }
    }

    /// Waits until `more` writes have been acknowledged from now on.
    pub async fn hears(&self, more: u64) {
        let wanted = self.tally.borrow().acknowledged + more;
        self.hears_that("nothing is acknowledged any more", |tally| tally.acknowledged >= wanted).await;
    }

    /// Waits until `more` writes have been refused with `status` from now on.
    pub async fn hears_refused(&self, status: u16, more: u64) {
        let refused = move |tally: &Tally| tally.refused.get(&status).copied().unwrap_or_default();
        let wanted = refused(&self.tally.borrow()) + more;
        self.hears_that("writes are not refused as they should", |tally| refused(tally) >= wanted).await;
    }

    async fn hears_that(&self, otherwise: &str, holds: impl FnMut(&Tally) -> bool + Send) {
        let mut tally = self.tally.clone();
        let heard = tokio::time::timeout(PATIENCE, tally.wait_for(holds)).await.is_ok();
        assert!(heard, "{otherwise}: {:?}", *self.tally.borrow());
    }

    /// Lets everybody come to an end on a node that works.
    pub async fn end(self) -> Ended {
        self.stop.cancel();
        let mut refused = BTreeMap::new();
        let mut history = History { tenants: vec![Tenant::default(); self.starts.len()] };
        for (index, writers) in self.writing.into_iter().enumerate() {
            for writer in writers {
                let Written { tried, acknowledged, refused: more } = writer.await.unwrap();
                more.into_iter().for_each(|(refusal, times)| *refused.entry(refusal).or_default() += times);
                match history.tenants.get_mut(index) {
                    Some(tenant) => adopt(tenant, tried, vec![acknowledged]),
                    // Told to every tenant, and no order among themselves is promised.
                    None => history.tenants.iter_mut().for_each(|tenant| {
                        let each = acknowledged.iter().map(|fact| vec![fact.clone()]);
                        adopt(tenant, tried.clone(), each.collect());
                    }),
                }
            }
        }
        let whereabouts = self.node.whereabouts();
        let acknowledged = self.tally.borrow().acknowledged;
        let mut cuts = 0;
        let companies = self.cast.companies.iter().zip(&self.starts).zip(&mut history.tenants);
        for (((company, start), tenant), following) in companies.zip(self.following) {
            waits_for_the_rest(&whereabouts, company, start, tenant).await;
            says_last_word(&whereabouts, company, tenant).await;
            let log = reads_log(&whereabouts, &company.admin, start, LAST_WORD).await;
            tenant.log = log.iter().map(|frame| Entry::of(frame).unwrap()).collect();
            for one in following {
                let (reader, more) = tokio::time::timeout(PATIENCE, one)
                    .await
                    .unwrap_or_else(|_| panic!("a reader of {} does not come to the end", company.slug))
                    .unwrap();
                cuts += more;
                tenant.readers.push(reader);
            }
        }
        Ended { node: self.node, cast: self.cast, history, acknowledged, cuts, refused }
    }
}

impl Ended {
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

fn adopt(tenant: &mut Tenant, tried: BTreeSet<Fact>, acknowledged: Vec<Vec<Fact>>) {
    tenant.tried.extend(tried);
    tenant.acknowledged.extend(acknowledged);
}

/// An admin and a viewer with all feeds, and a viewer without.
fn people(company: &Company, start: &str) -> Vec<Person> {
    let person = |name: &str, token: &String, role, follows| {
        let (name, token, start) = (name.to_owned(), token.clone(), start.to_owned());
        Person { name, token, role, follows, start }
    };
    vec![
        person("the admin", &company.admin, Role::Admin, true),
        person("the viewer", &company.viewer, Role::Viewer, true),
        person("the viewer without feeds", &company.viewer, Role::Viewer, false),
    ]
}

/// Broadcasts to all tenants are acknowledged before every tenant has them.
async fn waits_for_the_rest(
    node: &super::node::Whereabouts,
    company: &Company,
    start: &str,
    tenant: &Tenant,
) {
    let wanted: BTreeSet<&Fact> = tenant.acknowledged.iter().flatten().collect();
    let all_there = async {
        let (mut found, mut since) = (BTreeSet::new(), start.to_owned());
        while !wanted.is_subset(&found.iter().collect()) {
            let feeds = "job_updates,property_updates,system_alerts";
            let path = format!("/api/v1/events?since={since}&subscriptions={feeds}&limit=200");
            if let Outcome::Done(page) = node.get(&company.admin, &path).await {
                let entries = page["data"].as_array().unwrap().iter().filter_map(Entry::of);
                found.extend(entries.filter_map(|entry| entry.fact));
                since = page["position"].as_str().unwrap().to_owned();
            }
            a_moment().await;
        }
    };
    // What does not come is for the judge to name.
    let _ = tokio::time::timeout(Duration::from_secs(15), all_there).await;
}

async fn says_last_word(node: &super::node::Whereabouts, company: &Company, tenant: &mut Tenant) {
    let body = serde_json::json!({ "message": LAST_WORD });
    let outcome = node.post(&company.admin, "/api/v1/admin/broadcast", &body).await;
    outcome.expect_done("the last word");
    let fact = Fact::said(LAST_WORD);
    adopt(tenant, BTreeSet::from([fact.clone()]), vec![vec![fact]]);
}

/// Before everything: the log's own mark with the number 0.
fn first_position(head: &str) -> String {
    let (epoch, _) = head.split_once('-').unwrap();
    format!("{epoch}-0")
}
