//! Who is sending which file on this node: one connection a file. Whoever comes back after a cut takes the file from the
//! connection that was cut, which may not know of it yet.

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

/// How long the connection that has the file gets to note where it is and let go.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// As many as there are connections that send.
#[derive(Default)]
pub struct UploadLocks(Mutex<HashMap<UploadId, Arc<LockState>>>);

#[derive(Default)]
struct LockState {
    /// Somebody else wants the file.
    takeover: CancellationToken,
    released: CancellationToken,
}

/// The right to send a file; dropping it lets the file go.
pub struct UploadLock {
    locks: Arc<UploadLocks>,
    id: UploadId,
    state: Arc<LockState>,
}

impl UploadLocks {
    /// Takes the file, from another connection if need be.
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

    /// Tells the connection that sends a file to let it go.
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
    /// Waits until somebody else wants the file.
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
