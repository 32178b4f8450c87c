//! Messages between the nodes of a deployment. Each is a hint: events are in the log and are found by polling, accounts
//! are checked against the store, and jobs are claimed there. A lost message costs time, never data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::auth::revocation::Revocation;
use crate::base::ids::TenantId;
use crate::protocol::envelope::Envelope;
use crate::protocol::message::ServerMessage;
use crate::protocol::routing::Ephemeral;

/// What one node tells all others.
#[derive(Clone, Debug)]
pub enum NodeMessage {
    /// Events were committed.
    Committed { tenant_id: TenantId, envelopes: Vec<Arc<Envelope>> },
    /// A message that is not kept in the log.
    Ephemeral { tenant_id: TenantId, routing: Ephemeral, message: Arc<ServerMessage> },
    /// Credentials have ended, or have changed.
    Revoked(Revocation),
    /// A job can be claimed.
    JobQueued { tenant_id: TenantId, job: QueuedJob },
}

/// A job that can be claimed from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueuedJob {
    /// For the builtin crawlers of the nodes.
    Builtin,
    External {
        spider_name: String,
        /// The claimer that lost it, and must leave it to others for now.
        not_for: Option<String>,
    },
}

/// Carries messages to all other nodes.
pub trait Broker: Send + Sync {
    /// Sends a message to all other nodes. Never waits: the message is queued, and dropped and counted when the queue
    /// is full.
    fn publish(&self, message: NodeMessage);

    /// The messages that other nodes publish from this call on.
    fn subscribe(&self) -> NodeMessages;

    /// Messages that were dropped, or were missed by a subscriber of this node.
    fn lost(&self) -> u64;
}

/// Some messages were lost: what depends on them is read from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagesLost;

/// A subscription to the messages of other nodes.
pub struct NodeMessages {
    receiver: broadcast::Receiver<Sent>,
    own: usize,
    lost: Arc<AtomicU64>,
}

/// A message and the node that sent it.
type Sent = (usize, NodeMessage);

impl NodeMessages {
    /// Waits for the next message. `None`: there will be no more.
    pub async fn next(&mut self) -> Option<Result<NodeMessage, MessagesLost>> {
        loop {
            match self.receiver.recv().await {
                Ok((from, message)) if from != self.own => return Some(Ok(message)),
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => {
                    self.lost.fetch_add(count, Ordering::Relaxed);
                    return Some(Err(MessagesLost));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Messages that wait for the slowest subscriber.
const QUEUED_MESSAGES: usize = 8192;

/// Connects the nodes of one process.
pub struct MemoryBus {
    sender: broadcast::Sender<Sent>,
    nodes: AtomicUsize,
}

impl MemoryBus {
    pub fn new() -> Arc<Self> {
        let (sender, _) = broadcast::channel(QUEUED_MESSAGES);
        Arc::new(Self { sender, nodes: AtomicUsize::new(0) })
    }

    /// The broker of one more node.
    pub fn join(self: &Arc<Self>) -> MemoryBroker {
        let own = self.nodes.fetch_add(1, Ordering::Relaxed);
        MemoryBroker { bus: Arc::clone(self), own, lost: Arc::default() }
    }
}

/// The broker of a node on a [`MemoryBus`].
pub struct MemoryBroker {
    bus: Arc<MemoryBus>,
    own: usize,
    lost: Arc<AtomicU64>,
}

impl Broker for MemoryBroker {
    fn publish(&self, message: NodeMessage) {
        // Without another node nothing is kept for it.
        if self.bus.nodes.load(Ordering::Relaxed) > 1 {
            // Nodes that do not listen are not waited for.
            let _ = self.bus.sender.send((self.own, message));
        }
    }

    fn subscribe(&self) -> NodeMessages {
        let receiver = self.bus.sender.subscribe();
        NodeMessages { receiver, own: self.own, lost: Arc::clone(&self.lost) }
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::contract;

    #[tokio::test]
    async fn the_memory_broker_keeps_the_contract() {
        let bus = MemoryBus::new();

        contract::broker(&bus.join(), &bus.join()).await;
    }

    #[test]
    fn a_node_alone_keeps_nothing() {
        let broker = MemoryBus::new().join();
        let waiting = broker.subscribe();

        broker.publish(NodeMessage::JobQueued { tenant_id: TenantId(1), job: QueuedJob::Builtin });

        assert!(waiting.receiver.is_empty());
    }
}
