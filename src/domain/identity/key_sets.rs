//! Keeps the key sets of foreign issuers: fetched in the background alone, and once more when a token names a key that is
//! not among them. A set that cannot be fetched changes nothing: what was known holds on. No caller waits under a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::auth::token::jwks::{IssuerKeys, JwksError, parse_jwks};
use crate::auth::token::key_ring::{Algorithm, VerifyingKey};
use crate::base::clock::Clock;

/// How often a set is fetched by itself.
const REFRESH_INTERVAL: Duration = Duration::from_secs(300);
/// How soon after a failure, and at most how often for tokens that name unknown keys: tokens are anybody's to make up.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a fetch.
const FETCH_WAIT: Duration = Duration::from_secs(2);
/// Callers who wait for one issuer's keys at once; further ones are refused.
const MAX_WAITING: usize = 64;
/// The largest set that is read.
const MAX_BYTES: usize = 64 * 1024;

/// Where an issuer's keys are fetched from.
pub struct KeySource {
    /// Among the foreign issuers.
    pub issuer_index: usize,
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
    requested: bool,
}

/// What came of asking for an issuer's keys.
pub enum KeyFetchStatus {
    /// They are being fetched.
    Pending(KeyFetch),
    /// They were fetched, or could not be, a short while ago: what is known is all that there is.
    RecentlyFetched,
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
    pub async fn wait(mut self) -> bool {
        tokio::select! {
            ended = self.ended.changed() => ended.is_ok(),
            () = self.clock.sleep(FETCH_WAIT) => false,
        }
    }
}

/// The client for fetching could not be made.
#[derive(Debug, thiserror::Error)]
#[error("key sets cannot be fetched: {0}")]
pub struct HttpClientError(#[from] reqwest::Error);

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer has more than 64 KiB")]
    TooLarge,
    #[error("{0}")]
    Set(#[from] JwksError),
}

impl KeySets {
    pub fn new(sources: Vec<KeySource>, clock: Clock) -> Result<Self, HttpClientError> {
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
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            failing: AtomicBool::new(false),
        });
        Ok(Self { sets: sets.collect(), client, clock })
    }

    /// Asks for the keys of the issuer at this place, at most once a minute however many tokens ask for it. Never waits.
    pub fn request_fetch(&self, issuer_index: usize) -> KeyFetchStatus {
        let Some(set) = self.sets.iter().find(|set| set.source.issuer_index == issuer_index) else {
            return KeyFetchStatus::RecentlyFetched;
        };
        let mut state = set.state.lock();
        let now = self.clock.steady();
        let pause = TimeDelta::from_std(RETRY_INTERVAL).unwrap_or_default();
        if !state.pending && state.last.is_some_and(|last| now - last < pause) {
            return KeyFetchStatus::RecentlyFetched;
        }
        let Ok(waiting) = Arc::clone(&set.waiting).try_acquire_owned() else {
            return KeyFetchStatus::TooMany;
        };
        // Subscribed while the state is held: the end of this very fetch is still to come.
        let ended = set.ended.subscribe();
        if !state.pending {
            *state = FetchState { last: Some(now), pending: true, requested: true };
            set.wake.notify_one();
        }
        KeyFetchStatus::Pending(KeyFetch { ended, clock: self.clock.clone(), _waiting: waiting })
    }

    /// Fetches all sets at once and then each by the clock or when it is asked for, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        futures_util::future::join_all(self.sets.iter().map(|set| self.run_one(set, &stop))).await;
    }

    async fn run_one(&self, set: &KeySet, stop: &CancellationToken) {
        loop {
            set.begin_fetch(self.clock.steady());
            let good = tokio::select! {
                () = stop.cancelled() => return,
                good = self.fetch(set) => good,
            };
            set.finish_fetch();
            tokio::select! {
                () = stop.cancelled() => return,
                () = set.fetch_requested() => {}
                () = self.clock.sleep(if good { REFRESH_INTERVAL } else { RETRY_INTERVAL }) => {}
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
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(parse_jwks(&bytes, &set.source.algorithms)?)
    }
}

impl KeySet {
    fn begin_fetch(&self, now: DateTime<Utc>) {
        *self.state.lock() = FetchState { last: Some(now), pending: true, requested: false };
    }

    fn finish_fetch(&self) {
        let mut state = self.state.lock();
        state.pending = false;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Waits until a fetch is asked for.
    async fn fetch_requested(&self) {
        // A wake-up may be left from a fetch that the clock began.
        while !self.state.lock().requested {
            self.wake.notified().await;
        }
    }
}
