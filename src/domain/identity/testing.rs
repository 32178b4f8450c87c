//! Identity for tests of all layers: on a manual clock, with hashes that cost next to nothing.

use std::sync::Arc;

use chrono::TimeDelta;
use tokio_util::task::TaskTracker;

use super::key_sets::KeySets;
use super::tickets::TicketParts;
use super::{Identity, IdentityParts, IdentitySettings};
use crate::auth::password::{Cost, PasswordSettings, Passwords};
use crate::auth::throttle::{LoginThrottle, ThrottleSettings};
use crate::auth::token::issuers::{ForeignIssuer, Issuers, OwnIssuer};
use crate::auth::token::key_ring::{KeyRing, SigningKey};
use crate::auth::token::mint::Lifetime;
use crate::cluster::memory::{MemoryUsedTickets, UsedTicketLimits};
use crate::domain::testing::World;

/// A password that may be chosen.
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) fn settings() -> IdentitySettings {
    IdentitySettings {
        access_ttl: Lifetime::from_secs(900).unwrap(),
        refresh_ttl: TimeDelta::days(30),
        password_link_ttl: TimeDelta::hours(24),
        registration: false,
        default_tenant: None,
        sessions_per_account: 100,
        sign_ins_per_account: None,
        sign_ins_per_tenant: None,
        public_url: Some("https://lotline.example".to_owned()),
    }
}

/// `passes`: the cost of a hash; another number makes those hashes outdated.
pub(crate) fn identity(
    world: &World,
    settings: IdentitySettings,
    foreign: Vec<ForeignIssuer>,
    passes: u32,
) -> Identity {
    let services = world.services.clone();
    // The least that argon2 takes: the tests are about the rules, not about the cost.
    let cost = Cost { memory_kib: 8, passes, lanes: 1 };
    let hashing = PasswordSettings { cost, ..PasswordSettings::default() };
    let key = SigningKey::new("k1", &[7; 32], services.clock.now()).unwrap();
    let parts = IdentityParts {
        passwords: Passwords::new(hashing, services.clock.clone(), services.entropy, TaskTracker::new())
            .unwrap(),
        throttle: LoginThrottle::new(ThrottleSettings::default()),
        ring: KeyRing::new(vec![key]).unwrap(),
        issuers: Issuers::new(OwnIssuer::new("lotline", "lotline"), foreign).unwrap(),
        key_sets: Arc::new(KeySets::new(Vec::new(), services.clock.clone()).unwrap()),
        tickets: TicketParts {
            used: Arc::new(MemoryUsedTickets::new(
                services.clock.clone(),
                services.entropy,
                UsedTicketLimits::default(),
            )),
            streams_per_owner: 6,
        },
    };
    Identity::new(services, settings, parts)
}
