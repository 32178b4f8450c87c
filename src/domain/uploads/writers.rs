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
const LET_GO: Duration = Duration::from_secs(10);

/// As many as there are connections that send.
#[derive(Default)]
pub struct Writers(Mutex<HashMap<UploadId, Arc<Held>>>);

#[derive(Default)]
struct Held {
    /// Somebody else wants the file.
    wanted: CancellationToken,
    released: CancellationToken,
}

/// The right to send a file; dropping it lets the file go.
pub struct Turn {
    writers: Arc<Writers>,
    id: UploadId,
    held: Arc<Held>,
}

impl Writers {
    /// Takes the file, from another connection if need be.
    pub async fn take(self: &Arc<Self>, id: UploadId, clock: &Clock) -> Result<Turn> {
        let deadline = clock.now() + LET_GO;
        loop {
            let before = match self.0.lock().entry(id) {
                Entry::Vacant(free) => {
                    let held = Arc::clone(free.insert(Arc::default()));
                    return Ok(Turn { writers: Arc::clone(self), id, held });
                }
                Entry::Occupied(taken) => Arc::clone(taken.get()),
            };
            before.wanted.cancel();
            tokio::select! {
                () = before.released.cancelled() => {}
                () = clock.sleep_until(deadline) => return Err(busy()),
            }
        }
    }

    /// Tells the connection that sends a file to let it go.
    pub fn interrupt(&self, id: UploadId) {
        if let Some(held) = self.0.lock().get(&id) {
            held.wanted.cancel();
        }
    }

    /// Whether a connection of this node sends the file.
    pub fn has(&self, id: UploadId) -> bool {
        self.0.lock().contains_key(&id)
    }
}

impl Turn {
    /// Waits until somebody else wants the file.
    pub async fn wanted(&self) {
        self.held.wanted.cancelled().await;
    }

    pub fn is_wanted(&self) -> bool {
        self.held.wanted.is_cancelled()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.writers.0.lock().remove(&self.id);
        self.held.released.cancel();
    }
}

fn busy() -> Problem {
    let words = "Another connection is still sending this file; try again in a moment.";
    Problem::new(Code::Conflict, words).retry_after(1)
}
