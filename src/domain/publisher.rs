//! The way of everything that is published: to this node's readers at once, then to the other nodes.

use std::sync::{Arc, OnceLock};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::broadcast;

use super::jobs::wakeups::JobWakeups;
use crate::auth::revocation::Revocation;
use crate::base::ids::TenantId;
use crate::cluster::broker::{Broker, NodeMessage, NodeMessages, QueuedJob};
use crate::hub::Hub;
use crate::protocol::message::ServerMessage;
use crate::protocol::routing::Ephemeral;

/// Closes this node's connections that a revocation affects.
type Enforcer = Box<dyn Fn(&Revocation) + Send + Sync>;

/// Capacity of the revocation channel. An operation sends one revocation, whatever it ends, and closes this
/// node's own connections before it is answered, not through this channel. A receiver that lags nevertheless
/// rechecks every open connection against the store and closes only those without a valid credential.
const REVOCATION_QUEUE: usize = 8192;

pub struct Publisher {
    hub: Arc<Hub>,
    wakeups: JobWakeups,
    /// To connection holders and credential caches of this node.
    revocations: broadcast::Sender<Revocation>,
    enforcer: OnceLock<Enforcer>,
    broker: Arc<dyn Broker>,
}

impl Publisher {
    pub fn new(hub: Arc<Hub>, wakeups: JobWakeups, broker: Arc<dyn Broker>) -> Self {
        let (revocations, _) = broadcast::channel(REVOCATION_QUEUE);
        Self { hub, wakeups, revocations, enforcer: OnceLock::new(), broker }
    }

    /// Sets the function that closes this node's connections; only the first call takes effect.
    pub fn set_enforcer(&self, enforcer: impl Fn(&Revocation) + Send + Sync + 'static) {
        let _ = self.enforcer.set(Box::new(enforcer));
    }

    /// Publishes a message. Never waits.
    pub fn publish(&self, message: NodeMessage) {
        self.deliver(&message);
        self.broker.publish(message);
    }

    /// Publishes a message that is not kept in the log.
    pub fn publish_ephemeral(&self, tenant_id: TenantId, routing: Ephemeral, message: ServerMessage) {
        self.publish(NodeMessage::Ephemeral { tenant_id, routing, message: Arc::new(message) });
    }

    /// Publishes that a job can be claimed.
    pub fn publish_job(&self, tenant_id: TenantId, job: QueuedJob) {
        self.publish(NodeMessage::JobQueued { tenant_id, job });
    }

    /// Delivers a message on this node: one of its own, or one that it has received.
    pub fn deliver(&self, message: &NodeMessage) {
        match message {
            NodeMessage::Committed { tenant_id, envelopes } => {
                let deliveries = envelopes.len().saturating_mul(self.hub.readers(*tenant_id));
                yield_thread_for(deliveries, || self.hub.publish_committed(*tenant_id, envelopes));
            }
            NodeMessage::Ephemeral { tenant_id, routing, message } => {
                self.hub.publish_ephemeral(*tenant_id, routing, message);
            }
            NodeMessage::Revoked(revocation) => self.enforce(revocation),
            NodeMessage::JobQueued { tenant_id, job } => {
                self.wakeups.notify(*tenant_id, job.clone());
            }
        }
    }

    /// Without receivers no connection is open, which is no error. This node's own connections are closed before the
    /// caller is answered, so that they receive nothing published after the answer.
    fn enforce(&self, revocation: &Revocation) {
        if let Some(enforce) = self.enforcer.get() {
            enforce(revocation);
        }
        let _ = self.revocations.send(revocation.clone());
    }

    /// The revocations of all nodes from this call on.
    pub fn revocations(&self) -> broadcast::Receiver<Revocation> {
        self.revocations.subscribe()
    }

    /// What other nodes publish from this call on.
    pub fn remote_messages(&self) -> NodeMessages {
        self.broker.subscribe()
    }
}

/// Deliveries that a thread of the runtime makes before it hands its other tasks to another thread.
const MAX_INLINE_DELIVERIES: usize = 2_000;

/// Runs `deliver` on this thread. When that takes long, its other tasks move to another thread meanwhile: a tenant with
/// many readers delays its own writers, and no other tenant.
fn yield_thread_for(deliveries: usize, deliver: impl FnOnce()) {
    let can_move =
        || Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if deliveries > MAX_INLINE_DELIVERIES && can_move() {
        tokio::task::block_in_place(deliver);
    } else {
        deliver();
    }
}
