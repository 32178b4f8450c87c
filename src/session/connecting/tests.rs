//! The stages of connecting on a real store: what is dropped counts nowhere, and what changes between two stages is
//! noticed once, after the registration.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{Joined, Purpose, Verified};
use crate::auth::key_scope::Role;
use crate::auth::principal::Principal;
use crate::base::ids::UserId;
use crate::cluster::connection_counts::ConnectionOwner;
use crate::domain::identity::authenticate::Credential;
use crate::domain::identity::bootstrap::{self, BootstrapUser};
use crate::domain::identity::sign_in::{PasswordForm, sign_in};
use crate::domain::identity::testing::{PASSWORD, identity, settings};
use crate::domain::identity::tickets::Channel;
use crate::domain::identity::users::{self, UserPatch};
use crate::domain::op::{Op, Origin};
use crate::domain::testing::World;
use crate::protocol::problem::{Code, Problem};
use crate::session::ConnectionRegistry;
use crate::session::admission::AdmissionSettings;
use crate::session::connection_limits::ConnectionLimits;
use crate::session::role_change;
use crate::session::settings::SessionSettings;

/// A node with the admin ann and the member bob, who is signed in.
struct Fixture {
    world: World,
    registry: Arc<ConnectionRegistry>,
    ann: Op,
    bob: UserId,
    token: String,
}

impl Fixture {
    async fn new() -> Self {
        let world = World::new().await;
        let identity = Arc::new(identity(&world, settings(), Vec::new(), 1));
        let password = SecretString::from(PASSWORD);
        let bob =
            BootstrapUser { username: "bob", email: None, role: Role::Member, password: Some(&password) };
        let bob = UserId(bootstrap::create_user(&identity, "acme", &bob).await.unwrap().id);
        let form = PasswordForm {
            username: "bob",
            password: PASSWORD,
            scope: None,
            client: Ipv4Addr::LOCALHOST.into(),
        };
        let token = sign_in(&identity, &form, &Origin::default()).await.unwrap().access.text;
        let ann = world.user("ann", Role::Admin).await;
        let registry = ConnectionRegistry::new(world.services.clone(), identity, session_settings());
        Self { world, registry, ann, bob, token: token.expose().to_owned() }
    }

    async fn verified(&self) -> Verified {
        self.verified_by(Credential::Header(&self.token)).await
    }

    async fn verified_by(&self, credential: Credential<'_>) -> Verified {
        let origin = Origin { address: Some("192.0.2.1".to_owned()), ..Origin::default() };
        Verified::check(&self.registry, credential, origin).await.ok().unwrap()
    }

    async fn changes_bob(&self, patch: UserPatch) {
        users::change(&self.ann, self.bob, &patch, &|_| Ok(())).await.unwrap();
    }

    /// Connections of bob and of the tenant, and those that are registered.
    fn counts(&self) -> (usize, usize, usize) {
        let limiter = &self.registry.limiter;
        let bob = ConnectionOwner::User(self.world.tenant, self.bob);
        (limiter.count_of_owner(bob), limiter.count_of_tenant(self.world.tenant), self.registry.all().len())
    }
}

fn session_settings() -> SessionSettings {
    SessionSettings {
        connection_limits: ConnectionLimits { sockets: 2, uploads: 2, streams: 2 },
        max_connections: 100,
        max_per_address: Some(10),
        max_subscriptions: 10,
        queue_bytes: 10_000,
        message_bytes: 10_000,
        echo_message_bytes: 10_000,
        messages_per_second: 10,
        heartbeat: Duration::from_secs(30),
        stream_heartbeat: Duration::from_secs(15),
        reconnect_spread: Duration::from_secs(10),
        admission: AdmissionSettings { connects: 1, joins: 1, max_waiting: 0 },
    }
}

fn role(role: Role) -> UserPatch {
    UserPatch { role: Some(role), ..UserPatch::default() }
}

fn role_of(joined: &Joined) -> Role {
    match joined.connection().principal() {
        Principal::User(user) => user.role(),
        Principal::Key(_) | Principal::Operator(_) => unreachable!("a user signed in"),
    }
}

fn code<T>(result: Result<T, Problem>) -> Option<Code> {
    result.err().map(|problem| problem.code)
}

#[tokio::test]
async fn a_stage_that_is_dropped_gives_everything_back() {
    let node = Fixture::new().await;

    let verified = node.verified().await;
    assert_eq!(node.counts(), (0, 0, 0));
    let admitted = verified.admit(Purpose::MessageSocket).await.ok().unwrap();
    assert_eq!(node.counts(), (1, 1, 0));
    // The only permit to join is taken.
    assert_eq!(code(node.verified().await.admit(Purpose::LogStream).await), Some(Code::Unavailable));
    drop(admitted);
    assert_eq!(node.counts(), (0, 0, 0));

    let admitted = node.verified().await.admit(Purpose::MessageSocket).await.ok().unwrap();
    let joined = admitted.join().await.ok().unwrap();
    assert_eq!(node.counts(), (1, 1, 1));
    drop(joined);
    assert_eq!(node.counts(), (0, 0, 0));
    assert!(node.verified().await.admit(Purpose::LogStream).await.is_ok(), "its permit to join is back too");
}

#[tokio::test]
async fn a_refusal_of_the_owners_limit_counts_nothing() {
    let node = Fixture::new().await;
    let _first = node.verified().await.admit(Purpose::EchoSocket).await.ok().unwrap();

    let second = node.verified().await.admit(Purpose::EchoSocket).await;

    let refused = second.err().unwrap();
    assert_eq!(refused.code, Code::TooManyConnections);
    assert_eq!(refused.detail, "Too many connections: one at a time on /ws/echo");
    assert_eq!(node.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_user_that_is_deactivated_between_two_stages_does_not_join_and_counts_nowhere() {
    let node = Fixture::new().await;
    let admitted = node.verified().await.admit(Purpose::UploadSocket).await.ok().unwrap();

    node.changes_bob(UserPatch { is_active: Some(false), ..UserPatch::default() }).await;

    assert!(admitted.join().await.is_err());
    assert_eq!(node.counts(), (0, 0, 0));
}

#[tokio::test]
async fn a_role_that_changes_between_two_stages_is_that_of_the_connection() {
    let node = Fixture::new().await;
    for purpose in [Purpose::MessageSocket, Purpose::UploadSocket, Purpose::FiguresStream] {
        node.changes_bob(role(Role::Member)).await;
        let admitted = node.verified().await.admit(purpose).await.ok().unwrap();

        node.changes_bob(role(Role::Viewer)).await;
        let joined = admitted.join().await.ok().unwrap();

        assert_eq!(role_of(&joined), Role::Viewer, "{purpose:?}");
    }
}

#[tokio::test]
async fn a_change_after_the_registration_reaches_a_connection_that_has_not_begun() {
    let node = Fixture::new().await;
    let joined = node.verified().await.admit(Purpose::MessageSocket).await.ok().unwrap().join().await;
    let joined = joined.ok().unwrap();

    node.changes_bob(role(Role::Viewer)).await;
    let is_applied = async {
        while role_of(&joined) != Role::Viewer {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = role_change::run(Arc::clone(&node.registry), CancellationToken::new()) => {}
        () = is_applied => {}
    }

    node.changes_bob(UserPatch { is_active: Some(false), ..UserPatch::default() }).await;
    assert!(joined.connection().closing().is_some(), "a revocation closes it before it is answered");
}

#[tokio::test]
async fn a_ticket_is_spent_only_by_a_connection_that_joins() {
    let node = Fixture::new().await;
    let caller = node.registry.identity.authenticate(Credential::Header(&node.token)).await.unwrap();
    let ticket = node.registry.identity.tickets.mint(&caller.principal, caller.expires_at).unwrap();
    let verified = || node.verified_by(Credential::Ticket(ticket.expose(), Channel::Socket));

    let (first, second) = (verified().await, verified().await);
    drop(first.admit(Purpose::EchoSocket).await.ok().unwrap());
    let _joined = second.admit(Purpose::MessageSocket).await.ok().unwrap().join().await.ok().unwrap();

    let again = Credential::Ticket(ticket.expose(), Channel::Socket);
    let refused = Verified::check(&node.registry, again, Origin::default()).await;
    assert_eq!(code(refused), Some(Code::Unauthenticated));
}
