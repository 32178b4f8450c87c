//! Keeps the key sets of foreign issuers: fetched in the background alone, and once more when a token names a key that is
//! not among them. A set that cannot be fetched changes nothing: what was known holds on. No caller waits under a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::auth::token::key_set::{IssuerKeys, KeySetError, parse_key_set};
use crate::auth::token::keys::{Algorithm, VerifyingKey};
use crate::base::clock::Clock;

/// How often a set is fetched by itself.
const EVERY: Duration = Duration::from_secs(300);
/// How soon after a failure, and at most how often for tokens that name unknown keys: tokens are anybody's to make up.
const AGAIN: Duration = Duration::from_secs(60);
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(2);
/// Callers who wait for one issuer's keys at once; further ones are refused.
const MOST_WAITING: usize = 64;
/// The largest set that is read.
const MOST_BYTES: usize = 64 * 1024;

/// Where an issuer's keys are fetched from.
pub struct KeySource {
    /// Among the foreign issuers.
    pub place: usize,
    /// The issuer's name in our log.
    pub name: Arc<str>,
    pub url: String,
    pub algorithms: Vec<Algorithm>,
    pub keys: IssuerKeys,
}

/// All key sets that are fetched.
pub struct KeySets {
    sets: Vec<KeySet>,
    client: reqwest::Client,
    clock: Clock,
}

struct KeySet {
    source: KeySource,
    state: Mutex<FetchState>,
    /// Wakes the background when a fetch was asked for.
    wake: Notify,
    /// Fetches that have ended, well or badly.
    ended: watch::Sender<u64>,
    /// Bounded: callers beyond it are refused.
    waiting: Arc<Semaphore>,
    failing: AtomicBool,
}

#[derive(Default)]
struct FetchState {
    /// When the last fetch was asked for or began, by the steady clock.
    last: Option<DateTime<Utc>>,
    /// One was asked for, and has not ended.
    pending: bool,
    /// One was asked for, and has not begun.
    asked: bool,
}

/// What came of asking for an issuer's keys.
pub enum Asked {
    /// They are being fetched.
    Pending(KeyFetch),
    /// They were fetched, or could not be, a short while ago: what is known is all that there is.
    Lately,
    /// Too many wait for them already.
    TooMany,
}

/// A fetch that was asked for. It goes on without those who wait for it.
pub struct KeyFetch {
    ended: watch::Receiver<u64>,
    clock: Clock,
    _waiting: OwnedSemaphorePermit,
}

impl KeyFetch {
    /// Whether the fetch has ended within a short while.
    pub async fn ended(mut self) -> bool {
        tokio::select! {
            ended = self.ended.changed() => ended.is_ok(),
            () = self.clock.sleep(PATIENCE) => false,
        }
    }
}

/// The client for fetching could not be made.
#[derive(Debug, thiserror::Error)]
#[error("key sets cannot be fetched: {0}")]
pub struct NoClient(#[from] reqwest::Error);

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than 64 KiB")]
    TooLarge,
    #[error("{0}")]
    Set(#[from] KeySetError),
}

impl KeySets {
    pub fn new(sources: Vec<KeySource>, clock: Clock) -> Result<Self, NoClient> {
        // A redirect could lead anywhere: the configuration names the one address that is asked. It may be a private one,
        // and no proxy variable of the environment stands between.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        let sets = sources.into_iter().map(|source| KeySet {
            source,
            state: Mutex::default(),
            wake: Notify::new(),
            ended: watch::Sender::new(0),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            failing: AtomicBool::new(false),
        });
        Ok(Self { sets: sets.collect(), client, clock })
    }

    /// Asks for the keys of the issuer at this place, at most once a minute however many tokens ask for it. Never waits.
    pub fn ask(&self, place: usize) -> Asked {
        let Some(set) = self.sets.iter().find(|set| set.source.place == place) else { return Asked::Lately };
        let mut state = set.state.lock();
        let now = self.clock.steady();
        let pause = TimeDelta::from_std(AGAIN).unwrap_or_default();
        if !state.pending && state.last.is_some_and(|last| now - last < pause) {
            return Asked::Lately;
        }
        let Ok(waiting) = Arc::clone(&set.waiting).try_acquire_owned() else { return Asked::TooMany };
        // Subscribed while the state is held: the end of this very fetch is still to come.
        let ended = set.ended.subscribe();
        if !state.pending {
            *state = FetchState { last: Some(now), pending: true, asked: true };
            set.wake.notify_one();
        }
        Asked::Pending(KeyFetch { ended, clock: self.clock.clone(), _waiting: waiting })
    }

    /// Fetches all sets at once and then each by the clock or when it is asked for, until `stop`.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        futures_util::future::join_all(self.sets.iter().map(|set| self.keep_one(set, &stop))).await;
    }

    async fn keep_one(&self, set: &KeySet, stop: &CancellationToken) {
        loop {
            set.begins(self.clock.steady());
            let good = tokio::select! {
                () = stop.cancelled() => return,
                good = self.fetch(set) => good,
            };
            set.ends();
            tokio::select! {
                () = stop.cancelled() => return,
                () = set.asked() => {}
                () = self.clock.sleep(if good { EVERY } else { AGAIN }) => {}
            }
        }
    }

    /// Whether new keys came. A failure is told once, and so is its end.
    async fn fetch(&self, set: &KeySet) -> bool {
        let issuer = &set.source.name;
        match self.read(set).await {
            Ok(keys) => {
                set.source.keys.replace(keys);
                if set.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(%issuer, "the key set of a token issuer can be fetched again");
                }
                true
            }
            Err(error) => {
                if !set.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%issuer, %error, "the key set of a token issuer could not be fetched; known keys hold on");
                }
                false
            }
        }
    }

    async fn read(&self, set: &KeySet) -> Result<Vec<VerifyingKey>, FetchError> {
        let mut answer = self.client.get(&set.source.url).header("accept", "application/json").send().await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(parse_key_set(&bytes, &set.source.algorithms)?)
    }
}

impl KeySet {
    fn begins(&self, now: DateTime<Utc>) {
        *self.state.lock() = FetchState { last: Some(now), pending: true, asked: false };
    }

    fn ends(&self) {
        let mut state = self.state.lock();
        state.pending = false;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Waits until a fetch is asked for.
    async fn asked(&self) {
        // A wake-up may be left from a fetch that the clock began.
        while !self.state.lock().asked {
            self.wake.notified().await;
        }
    }
}
