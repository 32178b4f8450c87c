//! Makes room for an owner at its limit: connections whose client is gone without a close give their slots to new ones.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::connection_limits::Carrier;
use super::registry::ConnectionRegistry;
use crate::cluster::connection_counts::ConnectionOwner;
use crate::protocol::problem::CloseCode;

/// How long an unresponsive connection has to answer when its slot is needed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Probes an owner's sockets that have missed a heartbeat, and closes those that do not answer. The client of a
/// stream sends nothing: its silence means nothing, and a connection that is gone ends with a failed write.
pub(super) async fn close_unresponsive(
    registry: &ConnectionRegistry,
    owner: ConnectionOwner,
    carrier: Carrier,
) {
    if carrier == Carrier::Stream {
        return;
    }
    let silent_since = registry.steady_micros() - registry.settings.heartbeat.as_micros() as i64;
    let mut silent = registry.index.by_subject(owner.subject());
    silent.retain(|one| {
        one.permit.owner() == owner
            && one.carrier == carrier
            && one.last_activity_at.load(Ordering::Relaxed) < silent_since
    });
    if silent.is_empty() {
        return;
    }
    silent.iter().for_each(|one| registry.send_heartbeat(one));
    registry.services.clock.sleep(PROBE_TIMEOUT).await;
    for one in silent {
        if one.last_activity_at.load(Ordering::Relaxed) < silent_since {
            one.close(CloseCode::Idle, "no sign of life");
            one.permit.release_slot();
        }
    }
}
