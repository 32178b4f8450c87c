//! Scheduled runs against a real store, with a manual clock that begins on 24 November 2025 at 16:00 UTC.

use serde_json::{Value, json};

use super::runs::{claim, start_due};
use crate::auth::key_scope::{KeyScope, Role};
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::JobId;
use crate::base::page::PageRequest;
use crate::domain::error::Result;
use crate::domain::identity::users;
use crate::domain::jobs::claims::claim_now;
use crate::domain::jobs::lease::Lease;
use crate::domain::jobs::queue::cancel;
use crate::domain::jobs::read::{JobOrder, JobQuery};
use crate::domain::jobs::worker_reports::{Failure, fail};
use crate::domain::limits::quota::{Quota, Quotas};
use crate::domain::limits::{LimitSettings, Limits};
use crate::domain::op::{Op, Services};
use crate::domain::testing::World;
use crate::domain::{jobs, notifications, spiders};
use crate::protocol::job::{Job, JobStatus};
use crate::protocol::schedule::SpiderSchedule;
use crate::protocol::spider::{NewSpider, Spider, SpiderInput};
use crate::protocol::user::UserView;
use crate::storage::schedules::{self as rows, DueRun};
use crate::storage::{audit_log, events, micros};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const LEASE: std::time::Duration = std::time::Duration::from_secs(60);
const SPIDER: &str = "portal";

/// A tenant whose spider begins each night at 03:00 in Berlin, which is 02:00 UTC.
struct Nightly {
    world: World,
    admin: Op,
}

impl Nightly {
    async fn new() -> Self {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let mut new = settings(json!({ "cron": "0 3 * * *", "timezone": "Europe/Berlin" }));
        new["name"] = SPIDER.into();
        let new: NewSpider = serde_json::from_value(new).unwrap();
        spiders::create(&admin, new).await.unwrap();
        Self { world, admin }
    }

    async fn passes(&self, ms: u64) -> usize {
        self.world.advance_ms(ms);
        start_due(&self.world.services).await.unwrap()
    }

    async fn jobs(&self) -> Vec<Job> {
        let page = PageRequest { limit: 100, after: None };
        let query = JobQuery::default();
        jobs::read::list(&self.admin, &query, JobOrder::OldestFirst, page).await.unwrap().rows
    }

    async fn schedule(&self) -> Option<SpiderSchedule> {
        spiders::get(&self.admin, SPIDER).await.unwrap().schedule
    }

    async fn next_run_at(&self) -> String {
        self.schedule().await.unwrap().next_run_at.unwrap()
    }

    async fn saves(&self, op: &Op, schedule: Value) -> Result<Spider> {
        let mut new = settings(schedule);
        if new["schedule"].is_null() {
            new.as_object_mut().unwrap().remove("schedule");
        }
        let new: SpiderInput = serde_json::from_value(new).unwrap();
        spiders::put(op, SPIDER, new, &|_: &Spider| Ok(())).await
    }

    /// The run that is planned.
    async fn run(&self) -> DueRun {
        let tx = self.admin.read().await.unwrap();
        let next_run_at = rows::find(&tx, SPIDER).await.unwrap().unwrap().next_run_at.unwrap();
        DueRun { tenant: self.world.tenant, spider_name: SPIDER.to_owned(), next_run_at }
    }

    fn system(&self, services: &Services) -> Op {
        Op::of_system(services, SystemReason::Schedule, self.world.tenant)
    }

    /// The alerts that a user finds among the notifications, by category.
    async fn alerts(&self, op: &Op) -> Vec<String> {
        let page = PageRequest { limit: 100, after: None };
        let found = notifications::list(op, page).await.unwrap().rows;
        let alerts = found.iter().filter(|one| one.kind == "system_alert");
        alerts.map(|one| one.message["category"].as_str().unwrap().to_owned()).collect()
    }

    async fn audited(&self, action: &str) -> usize {
        let tx = self.admin.read().await.unwrap();
        let entries = audit_log::list(&tx, None, 200).await.unwrap();
        entries.iter().filter(|entry| entry.action == action).count()
    }

    /// Removes or deactivates the user that set the schedule; another admin, who remains.
    async fn loses_owner(&self, is_removed: bool) -> Op {
        let other = self.world.user("other", Role::Admin).await;
        let owner = self.admin.principal().unwrap().owner_id().unwrap();
        let always = |_: &UserView| -> Result<()> { Ok(()) };
        if is_removed {
            users::remove(&other, owner, &always).await.unwrap();
        } else {
            let patch = users::UserPatch { is_active: Some(false), ..users::UserPatch::default() };
            users::change(&other, owner, &patch, &always).await.unwrap();
        }
        other
    }
}

fn settings(schedule: Value) -> Value {
    json!({ "runner": "external", "start_urls": ["https://portal.example.com/"], "schedule": schedule })
}

#[tokio::test]
async fn a_run_makes_one_job_at_its_time_and_plans_the_next() {
    let night = Nightly::new().await;
    assert_eq!(night.next_run_at().await, "2025-11-25T02:00:00.000Z");

    assert_eq!(night.passes(10 * HOUR_MS - 1).await, 0);
    assert_eq!(night.passes(1).await, 1);
    assert_eq!(night.passes(1_000).await, 0);

    let jobs = night.jobs().await;
    let owner = night.admin.principal().unwrap().owner_id().unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].scheduled, jobs[0].created_by), (Some(true), Some(owner.0)));
    assert_eq!((jobs[0].status, jobs[0].spider_name.as_str()), (JobStatus::Pending, SPIDER));
    assert_eq!(jobs[0].target_urls, ["https://portal.example.com/"]);
    let expected = SpiderSchedule {
        cron: "0 3 * * *".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        jitter: 0,
        next_run_at: Some("2025-11-26T02:00:00.000Z".to_owned()),
        last_run_at: Some("2025-11-25T02:00:00.000Z".to_owned()),
        last_job_id: Some(jobs[0].job_id),
    };
    assert_eq!(night.schedule().await, Some(expected));
    let page = PageRequest { limit: 10, after: None };
    let listed = spiders::list(&night.admin, page).await.unwrap().rows;
    assert_eq!(listed.into_iter().find(|one| one.name == SPIDER).unwrap().schedule, night.schedule().await);
}

#[tokio::test]
async fn runs_that_were_missed_while_no_node_ran_are_made_up_once() {
    let night = Nightly::new().await;
    night.world.advance_ms(10 * HOUR_MS + 2 * DAY_MS + HOUR_MS);
    let restarted = night.world.restarted().await;

    assert_eq!(start_due(&restarted).await.unwrap(), 1);
    assert_eq!(start_due(&restarted).await.unwrap(), 0);

    assert_eq!(night.jobs().await.len(), 1);
    assert_eq!(night.next_run_at().await, "2025-11-28T02:00:00.000Z");
}

#[tokio::test]
async fn of_two_nodes_one_makes_the_job() {
    let night = Nightly::new().await;
    let there = night.world.restarted().await;
    night.world.advance_ms(10 * HOUR_MS);

    let (one, other) = tokio::join!(start_due(&night.world.services), start_due(&there));

    assert_eq!(one.unwrap() + other.unwrap(), 1);
    assert_eq!(night.jobs().await.len(), 1);
}

#[tokio::test]
async fn a_run_that_another_node_has_claimed_is_left_to_it() {
    let night = Nightly::new().await;
    night.world.advance_ms(10 * HOUR_MS);
    let run = night.run().await;
    assert_eq!(night.passes(0).await, 1);

    let late = night.system(&night.world.services);
    let mut change = late.begin().await.unwrap();

    assert!(claim(&late, &mut change, &run).await.unwrap().is_none());
}

#[tokio::test]
async fn a_node_that_is_killed_before_its_commit_has_made_nothing_and_the_run_is_made_once() {
    let night = Nightly::new().await;
    night.world.advance_ms(10 * HOUR_MS);
    let run = night.run().await;
    let killed = night.system(&night.world.services);
    let mut change = killed.begin().await.unwrap();
    assert!(claim(&killed, &mut change, &run).await.unwrap().is_some());

    drop(change);
    let restarted = night.world.restarted().await;

    assert_eq!(start_due(&restarted).await.unwrap(), 1);
    assert_eq!(start_due(&restarted).await.unwrap(), 0);
    assert_eq!(night.jobs().await.len(), 1);
}

#[tokio::test]
async fn a_spider_whose_scheduled_job_has_not_ended_is_skipped_until_it_has() {
    let night = Nightly::new().await;
    assert_eq!(night.passes(10 * HOUR_MS).await, 1);

    assert_eq!(night.passes(DAY_MS).await, 0);
    assert_eq!(night.passes(DAY_MS).await, 0);

    let first = night.jobs().await[0].job_id;
    assert_eq!(night.jobs().await.len(), 1);
    assert_eq!(night.audited("spider.run_skipped").await, 1);
    assert_eq!(night.alerts(&night.admin).await, [] as [&str; 0]);
    assert_eq!(night.next_run_at().await, "2025-11-28T02:00:00.000Z");
    cancel(&night.admin, JobId(first)).await.unwrap();
    assert_eq!(night.passes(DAY_MS).await, 1);
    assert_eq!(night.schedule().await.unwrap().last_job_id, Some(night.jobs().await[1].job_id));
}

#[tokio::test]
async fn a_job_that_a_user_started_is_not_in_the_way() {
    let night = Nightly::new().await;
    let new = crate::protocol::job::NewJob { spider_name: SPIDER.to_owned(), ..Default::default() };
    let by_hand = jobs::queue::create(&night.admin, new).await.unwrap();

    assert_eq!(night.passes(10 * HOUR_MS).await, 1);

    assert_eq!(by_hand.scheduled, None);
    assert_eq!(night.jobs().await.len(), 2);
}

#[tokio::test]
async fn the_job_of_a_schedule_whose_user_is_gone_has_no_owner_and_only_admins_hear_of_it() {
    for is_removed in [true, false] {
        let night = Nightly::new().await;
        let member = night.world.user("ann", Role::Member).await;
        let worker = night.world.key("bob", &[KeyScope::JobsRun]).await;
        let other = night.loses_owner(is_removed).await;

        assert_eq!(night.passes(10 * HOUR_MS).await, 1);

        let page = PageRequest { limit: 10, after: None };
        let query = JobQuery::default();
        let job = jobs::read::list(&other, &query, JobOrder::NewestFirst, page).await.unwrap().rows.remove(0);
        assert_eq!((job.scheduled, job.created_by), (Some(true), None));
        let of_former = night.admin.principal().unwrap().owner_id();
        let query = JobQuery { created_by: of_former, ..JobQuery::default() };
        let page = PageRequest { limit: 10, after: None };
        let own = jobs::read::list(&other, &query, JobOrder::NewestFirst, page).await.unwrap().rows;
        assert!(own.is_empty(), "{own:?}");

        let claim = claim_now(&worker, None, LEASE).await.unwrap().unwrap();
        let lease = Lease { job_id: JobId(job.job_id), token: &claim.lease_token, length: LEASE };
        fail(&worker, &lease, Failure { error: "the site is down".to_owned(), ..Failure::default() })
            .await
            .unwrap();
        assert_eq!(night.alerts(&other).await, ["job_failed"]);
        assert_eq!(night.alerts(&member).await, [] as [&str; 0]);
        let tx = other.read().await.unwrap();
        let log = events::read_after(&tx, 0, 100).await.unwrap();
        let routings = log.iter().map(|row| serde_json::from_str::<Value>(&row.routing).unwrap());
        let owners: Vec<Value> = routings
            .filter(|routing| routing["to"] == "job")
            .map(|routing| routing["owner"].clone())
            .collect();
        assert!(!owners.is_empty() && owners.iter().all(Value::is_null), "{owners:?}");
    }
}

#[tokio::test]
async fn an_admin_who_saves_the_spider_owns_its_further_jobs() {
    let night = Nightly::new().await;
    let other = night.loses_owner(false).await;
    let same = json!({ "cron": "0 3 * * *", "timezone": "Europe/Berlin" });
    night.saves(&other, same).await.unwrap();

    assert_eq!(night.passes(10 * HOUR_MS).await, 1);

    let page = PageRequest { limit: 10, after: None };
    let query = JobQuery { created_by: other.principal().unwrap().owner_id(), ..JobQuery::default() };
    let own = jobs::read::list(&other, &query, JobOrder::NewestFirst, page).await.unwrap().rows;
    assert_eq!(own.len(), 1);
}

#[tokio::test]
async fn a_run_that_breaks_a_rule_is_told_to_the_admins_once_until_the_spider_is_saved() {
    let night = Nightly::new().await;
    let clear = async || {
        let change = night.admin.begin().await.unwrap();
        rows::clear_start_urls(&change.tx, SPIDER).await.unwrap();
        night.admin.commit(change).await.unwrap();
    };
    clear().await;

    assert_eq!(night.passes(10 * HOUR_MS).await, 0);
    assert_eq!(night.passes(DAY_MS).await, 0);
    assert_eq!(night.alerts(&night.admin).await, ["schedule"]);
    assert!(night.jobs().await.is_empty());

    night.saves(&night.admin, json!({ "cron": "0 3 * * *", "timezone": "Europe/Berlin" })).await.unwrap();
    clear().await;
    assert_eq!(night.passes(DAY_MS).await, 0);
    assert_eq!(night.alerts(&night.admin).await, ["schedule", "schedule"]);
}

#[tokio::test]
async fn a_run_that_the_quota_of_jobs_refuses_is_tried_again_and_made_once() {
    let mut night = Nightly::new().await;
    let quotas = Quotas::default().with(Quota::PendingJobs, 1);
    let settings = LimitSettings { quotas, ..LimitSettings::default() };
    let limits = Limits::new(settings, std::sync::Arc::clone(&night.world.services.rates));
    night.world.services.limits = limits.into();
    let auto = crate::protocol::job::NewJob {
        spider_name: "auto".to_owned(),
        target_urls: Some(vec!["https://a.example/".to_owned()]),
        ..Default::default()
    };
    let in_the_way = jobs::queue::create(&night.admin, auto).await.unwrap();

    assert_eq!(night.passes(10 * HOUR_MS).await, 0);
    assert_eq!(night.next_run_at().await, "2025-11-25T02:00:30.000Z");
    assert_eq!(night.passes(30_000).await, 0);
    cancel(&night.admin, JobId(in_the_way.job_id)).await.unwrap();
    assert_eq!(night.passes(30_000).await, 1);

    assert_eq!(night.next_run_at().await, "2025-11-26T02:00:00.000Z");
    assert_eq!(night.alerts(&night.admin).await, [] as [&str; 0]);
}

#[tokio::test]
async fn saving_without_a_schedule_removes_it_and_another_one_is_planned_anew() {
    let night = Nightly::new().await;
    assert_eq!(night.passes(10 * HOUR_MS).await, 1);
    let job = night.jobs().await[0].job_id;

    let later = json!({ "cron": "30 4  * * *", "timezone": "UTC" });
    let saved = night.saves(&night.admin, later).await.unwrap().schedule.unwrap();
    assert_eq!((saved.cron.as_str(), saved.timezone.as_str()), ("30 4 * * *", "UTC"));
    assert_eq!(saved.next_run_at.as_deref(), Some("2025-11-25T04:30:00.000Z"));
    assert_eq!(saved.last_job_id, Some(job), "the last run stays");

    assert_eq!(night.saves(&night.admin, Value::Null).await.unwrap().schedule, None);
    assert_eq!(night.schedule().await, None);
    assert_eq!(night.passes(3 * DAY_MS).await, 0);
}

#[tokio::test]
async fn a_jitter_is_drawn_once_for_each_run_and_saving_does_not_draw_again() {
    let night = Nightly::new().await;
    let jittered = json!({ "cron": "0 3 * * *", "timezone": "Europe/Berlin", "jitter": 3600 });
    let drawn =
        night.saves(&night.admin, jittered.clone()).await.unwrap().schedule.unwrap().next_run_at.unwrap();
    assert!(("2025-11-25T02:00:00.000Z"..="2025-11-25T03:00:00.000Z").contains(&drawn.as_str()), "{drawn}");

    for _ in 0..5 {
        night.saves(&night.admin, jittered.clone()).await.unwrap();
        assert_eq!(night.next_run_at().await, drawn);
    }
    assert_eq!(night.passes(11 * HOUR_MS).await, 1);

    let next = night.next_run_at().await;
    assert!(("2025-11-26T02:00:00.000Z"..="2025-11-26T03:00:00.000Z").contains(&next.as_str()), "{next}");
}

#[tokio::test]
async fn a_bad_schedule_is_refused_and_every_fault_named() {
    let night = Nightly::new().await;
    let bad = json!({ "cron": "0 0 3 * * *", "timezone": "Berlin", "jitter": 3601 });

    let refused = night.saves(&night.admin, bad).await.unwrap_err();

    let pointers: Vec<_> = refused.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/schedule/cron", "/schedule/timezone", "/schedule/jitter"]);
    assert_eq!(night.next_run_at().await, "2025-11-25T02:00:00.000Z");
}

#[tokio::test]
async fn a_suspended_tenant_starts_nothing_and_makes_up_one_run_when_it_returns() {
    let night = Nightly::new().await;
    let suspends = async |is_active: bool| {
        let change = crate::storage::tenants::TenantChange {
            is_active: Some(is_active),
            ..crate::storage::tenants::TenantChange::default()
        };
        let services = &night.world.services;
        let tx = services.db.system(SystemReason::Operator).begin().await.unwrap();
        let now = micros(services.clock.now());
        crate::storage::tenants::update(&tx, night.world.tenant, change, now).await.unwrap();
        tx.commit().await.unwrap();
    };

    suspends(false).await;
    assert_eq!(night.passes(10 * HOUR_MS + DAY_MS).await, 0);
    suspends(true).await;
    assert_eq!(night.passes(0).await, 1);
    assert_eq!(night.passes(0).await, 0);
}

#[tokio::test]
async fn a_user_that_set_a_schedule_can_be_removed_and_its_spider_stays() {
    let night = Nightly::new().await;

    let other = night.loses_owner(true).await;

    assert!(spiders::get(&other, SPIDER).await.unwrap().schedule.is_some());
    let tx = other.read().await.unwrap();
    let removed = night.admin.principal().unwrap().owner_id().unwrap();
    assert!(crate::storage::users::find(&tx, removed).await.unwrap().is_none());
}
