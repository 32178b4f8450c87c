//! An operation under an idempotency key: exclusion of concurrent requests, and the stored answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::in_flight::{IN_FLIGHT_WAIT, InFlight, InFlightGuard};
use super::key::IdempotencyKey;
use super::subject::AnswerSubject;
use crate::auth::fingerprint::{FingerprintSet, Match};
use crate::auth::principal::Principal;
use crate::base::clock::Clock;
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};
use crate::storage::idempotency_keys::{self, AnyTx, IdempotencyRow, NewAnswer};
use crate::storage::{Error, micros};

/// How long an answer is stored.
const RETENTION: TimeDelta = TimeDelta::hours(24);
/// Maximum bytes of a stored answer. The largest is a batch's: 500 rows, each with at most 2,000 bytes of
/// error, which is below this even with every byte of them escaped.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// What a use case that may be a retry finds when it begins.
pub enum Begin<C, T> {
    /// The work is to be done.
    Execute(C),
    /// It was done before: the stored answer.
    Replay(T),
}

/// A key and the principal that sent it. Lives as long as the request, and keeps its in-flight guard as long.
pub struct IdempotentOperation {
    key_digest: [u8; 32],
    fingerprints: FingerprintSet,
    acquired: Mutex<Option<Acquired>>,
    replayed: AtomicBool,
}

/// The guard of the key, and the deadline for waiting for a database lock.
struct Acquired {
    _guard: InFlightGuard,
    deadline: DateTime<Utc>,
}

impl IdempotentOperation {
    pub(in crate::domain) fn new(key: IdempotencyKey, principal: &Principal) -> Self {
        let key_digest = key.key_digest(principal);
        let IdempotencyKey { fingerprints, .. } = key;
        Self { key_digest, fingerprints, acquired: Mutex::default(), replayed: AtomicBool::new(false) }
    }

    /// Whether the stored answer was returned, and nothing was done this time.
    pub fn was_replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// What the answer is stored under: as good as random, and visible to readers of the store.
    pub(in crate::domain) fn key_digest(&self) -> &[u8; 32] {
        &self.key_digest
    }

    /// Waits for the guard, before the work takes a connection: a waiting request must not keep others from working.
    pub(in crate::domain) async fn acquire(&self, in_flight: &InFlight, clock: &Clock) -> Result<()> {
        if self.acquired.lock().is_some() {
            // An operation that restarts has its guard already.
            return Ok(());
        }
        let deadline = clock.now() + IN_FLIGHT_WAIT;
        let acquired = in_flight.acquire(self.key_digest, clock, deadline).await;
        let guard = acquired.ok_or_else(still_in_flight)?;
        *self.acquired.lock() = Some(Acquired { _guard: guard, deadline });
        Ok(())
    }

    /// The stored answer, read under the database's lock. First in the transaction of the work.
    pub(in crate::domain) async fn find_answer<T: DeserializeOwned>(
        &self,
        clock: &Clock,
        tx: AnyTx<'_>,
    ) -> Result<Option<T>> {
        let (lock, _) = self.key_digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        if !idempotency_keys::acquire_lock(tx, i64::from_be_bytes(*lock), self.remaining_wait(clock)).await? {
            return Err(still_in_flight());
        }
        let Some(row) = idempotency_keys::find(tx, &self.stored_digest()).await? else { return Ok(None) };
        // An answer expires at its time, even if the sweep has not deleted it yet.
        if row.expires_at <= micros(clock.now()) {
            idempotency_keys::delete(tx, row.id).await?;
            return Ok(None);
        }
        self.replay(&row).map(Some)
    }

    /// Whether an answer is stored, without comparing what was sent.
    pub(in crate::domain) async fn has_answer(&self, clock: &Clock, tx: AnyTx<'_>) -> Result<bool> {
        let row = idempotency_keys::find(tx, &self.stored_digest()).await?;
        Ok(row.is_some_and(|row| row.expires_at > micros(clock.now())))
    }

    /// Stores the answer. Last in the transaction of the work.
    pub(in crate::domain) async fn store_answer<T: Serialize>(
        &self,
        clock: &Clock,
        tx: AnyTx<'_>,
        subject: Option<&AnswerSubject>,
        answer: &T,
    ) -> Result<()> {
        let answer = serde_json::to_string(answer).map_err(|error| Error::Corrupt(error.to_string()))?;
        if answer.len() > MAX_ANSWER_BYTES {
            let words = "The answer would be too large to keep; send less at once, or no Idempotency-Key.";
            return Err(Problem::new(Code::PayloadTooLarge, words));
        }
        let now = clock.now();
        let new = NewAnswer {
            digest: &self.stored_digest(),
            fingerprint: &self.fingerprints.newest().encode(),
            answer,
            subject: subject.map(AnswerSubject::as_str),
            now: micros(now),
            expires_at: micros(now + RETENTION),
        };
        Ok(idempotency_keys::insert(tx, new).await?)
    }

    fn replay<T: DeserializeOwned>(&self, row: &IdempotencyRow) -> Result<T> {
        match self.fingerprints.compare(&row.fingerprint) {
            // Without the key that made the fingerprint, the bodies cannot be compared. Returning the stored
            // answer may answer another request; doing the work could do it twice.
            Match::Same | Match::KeyRemoved => {}
            Match::Different => return Err(conflict()),
        }
        if row.answer.is_empty() {
            return Err(Problem::new(Code::Gone, "What was made under this key has been deleted since."));
        }
        let answer = serde_json::from_str(&row.answer).map_err(|error| Error::Corrupt(error.to_string()))?;
        self.replayed.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    fn stored_digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key_digest)
    }

    /// The time left to wait for a concurrent request.
    fn remaining_wait(&self, clock: &Clock) -> Duration {
        let until = self.acquired.lock().as_ref().map(|waiting| waiting.deadline);
        until.and_then(|until| (until - clock.now()).to_std().ok()).unwrap_or_default()
    }
}

fn conflict() -> Problem {
    let words = "The Idempotency-Key was used for another request here; choose a new key.";
    Problem::new(Code::IdempotencyConflict, words)
}

fn still_in_flight() -> Problem {
    let words = "A request with the same key is still being worked on; try again in a moment.";
    Problem::new(Code::IdempotencyInFlight, words).retry_after(1)
}
