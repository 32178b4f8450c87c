//! Identity on a real store with a manual clock.

mod credentials;
mod first_start;
mod people;
mod signing_in;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use tokio::sync::broadcast;

use super::authenticate::{Authenticated, Credential};
use super::bootstrap::{self, BootstrapUser};
use super::sign_in::{PasswordForm, sign_in};
use super::testing::{PASSWORD, identity, settings};
use super::tokens::SignedIn;
use super::{Identity, IdentitySettings};
use crate::auth::key_scope::Role;
use crate::auth::principal::Principal;
use crate::auth::revocation::Revocation;
use crate::auth::token::issuers::ForeignIssuer;
use crate::base::ids::UserId;
use crate::domain::error::Result;
use crate::domain::op::{Op, Origin};
use crate::domain::testing::World;
use crate::protocol::problem::{Code, Problem};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A node on a fresh store with the tenant `acme` and its admin `ann`.
struct Fixture {
    world: World,
    identity: Identity,
    ann: UserId,
    revocations: broadcast::Receiver<Revocation>,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(settings(), Vec::new()).await
    }

    async fn with(settings: IdentitySettings, foreign: Vec<ForeignIssuer>) -> Self {
        let world = World::new().await;
        let identity = identity(&world, settings, foreign, 1);
        let revocations = world.services.publisher.revocations();
        let ann = add(&identity, "acme", "ann", Role::Admin).await;
        Self { world, identity, ann, revocations }
    }

    async fn add(&self, username: &str, role: Role) -> UserId {
        add(&self.identity, "acme", username, role).await
    }

    async fn sign_in_with(&self, username: &str, password: &str) -> Result<SignedIn> {
        let form = PasswordForm { username, password, scope: None, client: HOME };
        sign_in(&self.identity, &form, &Origin::default()).await
    }

    async fn sign_in(&self, username: &str) -> SignedIn {
        self.sign_in_with(username, PASSWORD).await.unwrap()
    }

    async fn authenticate(&self, token: &str) -> Result<Authenticated> {
        self.identity.authenticate(Credential::Header(token)).await
    }

    /// Signs in and authenticates.
    async fn principal(&self, username: &str) -> Principal {
        let signed_in = self.sign_in(username).await;
        self.authenticate(signed_in.access.text.expose()).await.unwrap().principal
    }

    /// The context of a signed-in user.
    async fn op(&self, username: &str) -> Op {
        let principal = self.principal(username).await;
        Op::of_caller(&self.world.services, principal, Origin::default()).unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.world.services.clock.advance(Duration::from_secs(seconds));
    }

    /// Revocations since the last call.
    fn revocations(&mut self) -> Vec<Revocation> {
        std::iter::from_fn(|| self.revocations.try_recv().ok()).collect()
    }
}

async fn add(identity: &Identity, tenant: &str, username: &str, role: Role) -> UserId {
    let password = SecretString::from(PASSWORD);
    let new = BootstrapUser { username, email: None, role, password: Some(&password) };
    UserId(bootstrap::create_user(identity, tenant, &new).await.unwrap().id)
}

fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|problem| problem.code)
}

fn refusal<T>(result: Result<T>) -> Problem {
    result.err().expect("it is refused")
}

fn anything<T>(_: &T) -> Result<()> {
    Ok(())
}
