//! Locks on the files that this node receives: one connection for each file. A client that reconnects takes
//! the file from its old connection, which may not have noticed the disconnect yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::ids::UploadId;
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};

/// How long the connection that has the file may take to save a checkpoint and release it.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bounded by the connections that send files.
#[derive(Default)]
pub struct UploadLocks(Mutex<HashMap<UploadId, Arc<LockState>>>);

#[derive(Default)]
struct LockState {
    /// Another connection asks for the file.
    takeover: CancellationToken,
    released: CancellationToken,
}

/// The lock to send a file; dropping it releases the file.
pub struct UploadLock {
    locks: Arc<UploadLocks>,
    id: UploadId,
    state: Arc<LockState>,
}

impl UploadLocks {
    /// Acquires the file, from another connection if necessary.
    pub async fn acquire(self: &Arc<Self>, id: UploadId, clock: &Clock) -> Result<UploadLock> {
        let deadline = clock.now() + RELEASE_TIMEOUT;
        loop {
            let before = match self.0.lock().entry(id) {
                Entry::Vacant(free) => {
                    let held = Arc::clone(free.insert(Arc::default()));
                    return Ok(UploadLock { locks: Arc::clone(self), id, state: held });
                }
                Entry::Occupied(taken) => Arc::clone(taken.get()),
            };
            before.takeover.cancel();
            tokio::select! {
                () = before.released.cancelled() => {}
                () = clock.sleep_until(deadline) => return Err(busy()),
            }
        }
    }

    /// Requests that the connection which sends a file releases it.
    pub fn request_release(&self, id: UploadId) {
        if let Some(held) = self.0.lock().get(&id) {
            held.takeover.cancel();
        }
    }

    /// Whether a connection of this node sends the file.
    pub fn is_locked(&self, id: UploadId) -> bool {
        self.0.lock().contains_key(&id)
    }
}

impl UploadLock {
    /// Waits until another connection asks for the file.
    pub async fn takeover_requested(&self) {
        self.state.takeover.cancelled().await;
    }

    pub fn is_takeover_requested(&self) -> bool {
        self.state.takeover.is_cancelled()
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        self.locks.0.lock().remove(&self.id);
        self.state.released.cancel();
    }
}

fn busy() -> Problem {
    let words = "Another connection is still sending this file; try again in a moment.";
    Problem::new(Code::Conflict, words).retry_after(1)
}
