//! One piece of work under a key: its turn among its twins, the answer that is kept of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::presented::{Kind, Presented};
use super::subject::Subject;
use super::twins::Turn;
use super::{ANSWER_BYTES, KEPT, TWIN_WAIT};
use crate::auth::mark::{Likeness, Marks};
use crate::auth::principal::Principal;
use crate::base::clock::Clock;
use crate::domain::error::Result;
use crate::domain::op::Kernel;
use crate::protocol::problem::{Code, Problem};
use crate::storage::idempotency_keys::{self, Door, IdempotencyRow, NewAnswer};
use crate::storage::{Error, micros};

/// What a use case that may be a retry finds when it begins.
pub enum Begun<C, T> {
    /// The work is to be done.
    First(C),
    /// It was done: the answer that is kept of it.
    Again(T),
}

/// A key and the principal that showed it. Lives as long as the request; the turn among its twins ends with it.
pub struct Once {
    slot: [u8; 32],
    marks: Marks,
    kind: Kind,
    waiting: Mutex<Option<Waiting>>,
    replayed: AtomicBool,
}

/// A turn that came, and until when a lock of the database may still be waited for.
struct Waiting {
    _turn: Turn,
    until: DateTime<Utc>,
}

impl Once {
    pub(in crate::domain) fn new(presented: Presented, principal: &Principal) -> Self {
        let slot = presented.slot(principal);
        let Presented { marks, kind, .. } = presented;
        Self { slot, marks, kind, waiting: Mutex::default(), replayed: AtomicBool::new(false) }
    }

    /// Whether the answer was given before, and nothing was done this time.
    pub fn was_replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// What the answer is kept under: as good as random, and known to whoever reads the store.
    pub(in crate::domain) fn slot(&self) -> &[u8; 32] {
        &self.slot
    }

    /// Waits for the turn, before the work takes a connection: a twin that waits must not keep others from working.
    pub(in crate::domain) async fn wait(&self, kernel: &Kernel) -> Result<()> {
        if self.waiting.lock().is_some() {
            // Work that starts anew has its turn already.
            return Ok(());
        }
        let until = kernel.clock.now() + TWIN_WAIT;
        let turn = kernel.twins.turn(self.slot, &kernel.clock, until).await.ok_or_else(in_flight)?;
        *self.waiting.lock() = Some(Waiting { _turn: turn, until });
        Ok(())
    }

    /// The answer that is kept, looked for under the database's lock. First in the transaction of the work.
    pub(in crate::domain) async fn look_up<T: DeserializeOwned>(
        &self,
        clock: &Clock,
        door: Door<'_>,
    ) -> Result<Option<T>> {
        let (lock, _) = self.slot.split_first_chunk().unwrap_or((&[0; 8], &[]));
        if !idempotency_keys::hold(door, i64::from_be_bytes(*lock), self.left(clock)).await? {
            return Err(in_flight());
        }
        let Some(row) = idempotency_keys::find(door, &self.digest()).await? else { return Ok(None) };
        // The sweep may not have come by yet: an answer's time is over when it is, not when that is noticed.
        if row.expires_at <= micros(clock.now()) {
            idempotency_keys::delete(door, row.id).await?;
            return Ok(None);
        }
        self.read(&row).map(Some)
    }

    /// Whether an answer is kept, without a look at what was sent.
    pub(in crate::domain) async fn is_kept(&self, clock: &Clock, door: Door<'_>) -> Result<bool> {
        let row = idempotency_keys::find(door, &self.digest()).await?;
        Ok(row.is_some_and(|row| row.expires_at > micros(clock.now())))
    }

    /// Keeps the answer. Last in the transaction of the work.
    pub(in crate::domain) async fn keep<T: Serialize>(
        &self,
        clock: &Clock,
        door: Door<'_>,
        subject: Option<&Subject>,
        answer: &T,
    ) -> Result<()> {
        let answer = serde_json::to_string(answer).map_err(|error| Error::Corrupt(error.to_string()))?;
        if answer.len() > ANSWER_BYTES {
            let words = "The answer would be too large to keep; send less at once, or no Idempotency-Key.";
            return Err(Problem::new(Code::PayloadTooLarge, words));
        }
        let now = clock.now();
        let new = NewAnswer {
            digest: &self.digest(),
            fingerprint: &self.marks.newest().to_store(),
            answer,
            subject: subject.map(Subject::as_str),
            now: micros(now),
            expires_at: micros(now + KEPT),
        };
        Ok(idempotency_keys::insert(door, new).await?)
    }

    fn read<T: DeserializeOwned>(&self, row: &IdempotencyRow) -> Result<T> {
        match self.marks.compare(&row.fingerprint) {
            // When the key that made the fingerprint is gone nobody can tell whether the body is the same. Answering
            // what is kept may answer a question that was not asked; doing the work could do it twice.
            Likeness::Same | Likeness::KeyGone => {}
            Likeness::Other => return Err(self.conflict()),
        }
        if row.answer.is_empty() {
            return Err(Problem::new(Code::Gone, "What was made under this key has been deleted since."));
        }
        let answer = serde_json::from_str(&row.answer).map_err(|error| Error::Corrupt(error.to_string()))?;
        self.replayed.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.slot)
    }

    /// What is left of the wait for a twin.
    fn left(&self, clock: &Clock) -> Duration {
        let until = self.waiting.lock().as_ref().map(|waiting| waiting.until);
        until.and_then(|until| (until - clock.now()).to_std().ok()).unwrap_or_default()
    }

    fn conflict(&self) -> Problem {
        let words = match self.kind {
            Kind::Request => "The Idempotency-Key was used for another request here; choose a new key.",
            Kind::Message => "The client_message_id was used for another message here; choose a new one.",
        };
        Problem::new(Code::IdempotencyConflict, words)
    }
}

fn in_flight() -> Problem {
    let words = "A request with the same key is still being worked on; try again in a moment.";
    Problem::new(Code::IdempotencyInFlight, words).retry_after(1)
}
