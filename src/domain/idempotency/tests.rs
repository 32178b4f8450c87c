//! Keys, concurrent requests and stored answers, through the use cases.

use std::time::Duration;

use super::{IdempotencyKey, SentRequest, sweep};
use crate::auth::key_scope::Role;
use crate::auth::principal::{Principal, sample};
use crate::auth::token::key_ring::{KeyRing, SigningKey};
use crate::base::page::PageRequest;
use crate::domain::error::Result;
use crate::domain::identity::Identity;
use crate::domain::identity::created_tenant::CreatedTenant;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants::{self, FirstAdmin, NewTenant};
use crate::domain::identity::testing::{identity, settings};
use crate::domain::jobs::queue::create;
use crate::domain::jobs::read::{JobOrder, JobQuery, list};
use crate::domain::op::{Op, Origin, Services};
use crate::domain::platform_broadcast;
use crate::domain::testing::World;
use crate::protocol::job::{Job, NewJob};
use crate::protocol::problem::Code;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A node with an admin that retries.
struct Fixture {
    world: World,
    identity: Identity,
    admin: Op,
}

impl Fixture {
    async fn new() -> Self {
        let world = World::new().await;
        let identity = identity(&world, settings(), Vec::new(), 1);
        let admin = world.user("ann", Role::Admin).await;
        Self { world, identity, admin }
    }

    fn idempotency_key(&self, key: &str, body: &str) -> Option<IdempotencyKey> {
        let (method, path, query) = ("POST", "/api/v1/jobs", "");
        let sent = SentRequest { key, method, path, query, body: body.as_bytes() };
        Some(IdempotencyKey::of_request(&self.identity.ring(), self.identity.now(), &sent))
    }

    /// A job for the target `url`, which is all of its body; and whether it is an earlier one.
    async fn job(&self, op: &Op, key: &str, url: &str) -> Result<(Job, bool)> {
        let op = op.clone().with_idempotency_key(self.idempotency_key(key, url));
        let new = NewJob {
            spider_name: "auto".to_owned(),
            target_urls: Some(vec![url.to_owned()]),
            ..Default::default()
        };
        let job = create(&op, new).await?;
        Ok((job, op.idempotency().unwrap().was_replayed()))
    }

    async fn jobs(&self) -> usize {
        let page = PageRequest { limit: 100, after: None };
        list(&self.admin, &JobQuery::default(), JobOrder::NewestFirst, page).await.unwrap().rows.len()
    }

    fn operator(&self) -> PlatformOp {
        operator(&self.world.services)
    }

    async fn tenant(&self, op: &PlatformOp, key: &str, slug: &str) -> CreatedTenant {
        let op = op.clone().with_idempotency_key(self.idempotency_key(key, slug));
        let new = NewTenant { slug: slug.to_owned(), name: slug.to_owned() };
        let admin = FirstAdmin { username: "eve".to_owned(), email: "eve@example.com".to_owned() };
        tenants::create(&self.identity, &op, &new, Some(&admin)).await.unwrap()
    }

    /// Replaces the key ring by another key alone.
    fn rotate(&self) {
        let key = SigningKey::new("k2", &[8; 32], self.world.services.clock.now()).unwrap();
        self.identity.replace_ring(KeyRing::new(vec![key]).unwrap());
    }
}

fn operator(services: &Services) -> PlatformOp {
    PlatformOp::of_operator(services, sample::operator(), Origin::default()).unwrap()
}

fn principal(op: &Op) -> Principal {
    op.principal().unwrap().clone()
}

#[tokio::test]
async fn after_a_restart_the_answer_is_found_and_the_work_is_not_done_again() {
    let fixture = Fixture::new().await;
    let (job, replayed) = fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap();
    let services = fixture.world.restarted().await;
    let again = Op::of_caller(&services, principal(&fixture.admin), Origin::default()).unwrap();

    let answered = fixture.job(&again, "k", "https://a.example/").await.unwrap();

    assert!(!replayed);
    assert_eq!(answered, (job, true));
    assert_eq!(fixture.jobs().await, 1);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day_and_the_sweep_takes_what_is_over() {
    let fixture = Fixture::new().await;
    fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap();
    fixture.world.services.clock.advance(DAY - Duration::from_secs(1));
    fixture.job(&fixture.admin, "later", "https://a.example/").await.unwrap();
    assert!(fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap().1);

    fixture.world.services.clock.advance(Duration::from_secs(1));
    let (_, replayed) = fixture.job(&fixture.admin, "k", "https://b.example/").await.unwrap();

    assert!(!replayed);
    assert_eq!(sweep(&fixture.world.services).await.unwrap(), 0, "it made way for the new one");
    fixture.world.services.clock.advance(DAY);
    assert_eq!(sweep(&fixture.world.services).await.unwrap(), 2);
    assert_eq!(fixture.jobs().await, 3);
}

#[tokio::test]
async fn refusals_are_not_kept_and_work_without_a_key_keeps_nothing() {
    let fixture = Fixture::new().await;
    let refused = fixture.job(&fixture.admin, "k", "no url").await.unwrap_err();
    let new = NewJob {
        spider_name: "auto".to_owned(),
        target_urls: Some(vec!["https://a.example/".to_owned()]),
        ..Default::default()
    };
    create(&fixture.admin, new).await.unwrap();

    fixture.world.services.clock.advance(DAY);

    assert_eq!(refused.code, Code::ValidationFailed);
    assert_eq!(sweep(&fixture.world.services).await.unwrap(), 0);
}

#[tokio::test]
async fn another_body_is_refused_and_does_nothing() {
    let fixture = Fixture::new().await;
    fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap();

    let refused = fixture.job(&fixture.admin, "k", "https://b.example/").await.unwrap_err();

    assert_eq!(refused.code, Code::IdempotencyConflict);
    assert_eq!(fixture.jobs().await, 1);
}

#[tokio::test]
async fn when_the_key_of_the_fingerprints_is_gone_a_retry_still_does_nothing() {
    let fixture = Fixture::new().await;
    let (job, _) = fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap();

    fixture.rotate();

    assert_eq!(fixture.job(&fixture.admin, "k", "https://a.example/").await.unwrap(), (job, true));
}

#[tokio::test]
async fn two_at_once_do_the_work_once_and_both_have_its_answer() {
    let fixture = Fixture::new().await;

    let (one, two) = tokio::join!(
        fixture.job(&fixture.admin, "k", "https://a.example/"),
        fixture.job(&fixture.admin, "k", "https://a.example/"),
    );

    let ((one, first), (two, second)) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    assert!(first != second, "one of them is a replay");
    assert_eq!(fixture.jobs().await, 1);
}

#[tokio::test]
async fn a_replay_returns_the_first_admins_link_which_is_not_stored() {
    let fixture = Fixture::new().await;
    let made = fixture.tenant(&fixture.operator(), "k", "new").await;
    let services = fixture.world.restarted().await;

    let again = fixture.tenant(&operator(&services), "k", "new").await;

    let (user, link) = made.admin.unwrap();
    let (same_user, same_link) = again.admin.unwrap();
    let (link, same_link) = (link.unwrap(), same_link.unwrap());
    assert_eq!((made.row, user), (again.row, same_user));
    assert_eq!((&link.url, link.expires_at), (&same_link.url, same_link.expires_at));
    let secret = link.url.rsplit_once('=').unwrap().1.as_bytes().to_owned();
    assert!(fixture.world.stored_bytes().windows(secret.len()).all(|bytes| bytes != secret));

    fixture.rotate();
    let without = fixture.tenant(&operator(&services), "k", "new").await;
    assert!(without.admin.unwrap().1.is_none(), "nobody can make it again");
}

#[tokio::test]
async fn a_broadcast_to_all_tenants_is_stored_once() {
    let fixture = Fixture::new().await;
    let send = async || {
        let op = fixture.operator().with_idempotency_key(fixture.idempotency_key("k", "news"));
        platform_broadcast::send(&op, "news", None, None).await.unwrap()
    };

    assert_eq!(send().await, send().await);
    assert_eq!(platform_broadcast::flush(&fixture.world.services).await.unwrap(), 1);
}
