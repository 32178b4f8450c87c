//! Publishes presence changes since the last run. Only one timer calls it, so that runs never overlap.

use std::collections::{BTreeMap, HashMap};

use super::diff::{MAX_USERS_PER_MESSAGE, PresenceChange, PresenceDiff, to_messages};
use super::published::PublishedPresence;
use super::tracker::{ChangeReason, PresenceTracker, State};
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{RoomId, TenantId, UserId};
use crate::cluster::presence_store::TenantUser;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::hub::Hub;
use crate::protocol::message::{RoomEvent, ServerMessage, SystemMessage, SystemPayload};
use crate::protocol::routing::{Ephemeral, Topic};
use crate::protocol::websocket::encode::TextFrame;
use crate::storage::{self, room_members, rooms};

/// The users of a tenant that are checked now.
struct TenantChanges {
    tenant_id: TenantId,
    changes: Vec<PresenceChange>,
}

/// To be called once a second. Tenants with rooms that could not be read stay due.
pub async fn flush(services: &Services) -> Result<()> {
    let presence = &services.ephemeral.presence;
    presence.collect_due(services);
    let mut result = Ok(());
    for mut due in presence.take_due() {
        match read_rooms(services, &mut due).await {
            Ok(slugs) => presence.flush_tenant(&services.hub, &due, &slugs),
            Err(error) => {
                presence.requeue(&due);
                result = Err(error);
            }
        }
    }
    result
}

/// Reads the rooms of all due users, and returns the wire ids of those with users that are gone.
async fn read_rooms(services: &Services, due: &mut TenantChanges) -> Result<HashMap<RoomId, String>> {
    let tx = Op::of_system(services, SystemReason::Presence, due.tenant_id).read().await?;
    let users: Vec<UserId> = due.changes.iter().map(|change| change.user).collect();
    let mut found: HashMap<UserId, Vec<RoomId>> = HashMap::new();
    for (user, room) in room_members::rooms_of_all(&tx, &users).await? {
        found.entry(user).or_default().push(room);
    }
    for change in &mut due.changes {
        change.rooms = found.remove(&change.user).unwrap_or_default();
    }
    let gone = due.changes.iter().filter(|change| change.availability.is_none());
    let mut left: Vec<RoomId> = gone.flat_map(|change| &change.rooms).copied().collect();
    left.sort_unstable();
    left.dedup();
    slugs(&tx, &left).await.map_err(Into::into)
}

async fn slugs(tx: &storage::TenantTx, ids: &[RoomId]) -> storage::Result<HashMap<RoomId, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(rooms::slugs(tx, ids).await?.into_iter().collect())
}

impl PresenceTracker {
    /// Removes connections with an expired grace period, and collects the users to be checked.
    fn collect_due(&self, services: &Services) {
        let steady = services.clock.steady();
        let state = &mut *self.state.lock();
        while let Some(ended) = state.pending_disconnects.pop_front_if(|first| first.ends_at <= steady) {
            self.store.remove(ended.person, ended.connection);
        }
        for person in self.store.take_changed() {
            state.add_due(person.tenant, person.user, ChangeReason::AvailabilityChanged);
        }
        for (tenant_id, users) in services.hub.take_membership_changes() {
            users
                .into_iter()
                .for_each(|user| state.add_due(tenant_id, user, ChangeReason::MembershipChanged));
        }
    }

    /// Takes for each tenant as many users as one message holds, with their current availability.
    fn take_due(&self) -> Vec<TenantChanges> {
        let state = &mut *self.state.lock();
        let mut all = Vec::with_capacity(state.due.len());
        for (tenant_id, users) in &mut state.due {
            let mut changes = Vec::new();
            while changes.len() < MAX_USERS_PER_MESSAGE
                && let Some((user, why)) = users.pop_first()
            {
                let availability = self.store.availability_of(TenantUser { tenant: *tenant_id, user });
                let was_published = state.published.get(tenant_id).is_some_and(|told| told.contains(user));
                // A user that is offline may be added to a room: there is nothing to publish.
                if availability.is_some() || was_published {
                    changes.push(PresenceChange {
                        user,
                        availability,
                        membership_changed: why == ChangeReason::MembershipChanged,
                        rooms: Vec::new(),
                    });
                }
            }
            if !changes.is_empty() {
                all.push(TenantChanges { tenant_id: *tenant_id, changes });
            }
        }
        state.due.retain(|_, users| !users.is_empty());
        all
    }

    fn requeue(&self, due: &TenantChanges) {
        let mut state = self.state.lock();
        for change in &due.changes {
            state.add_due(
                due.tenant_id,
                change.user,
                if change.membership_changed {
                    ChangeReason::MembershipChanged
                } else {
                    ChangeReason::AvailabilityChanged
                },
            );
        }
    }

    /// Publishes the changes to the tenant's readers. The lock excludes `send_snapshot` meanwhile.
    fn flush_tenant(&self, hub: &Hub, due: &TenantChanges, slugs: &HashMap<RoomId, String>) {
        let state = &mut *self.state.lock();
        let published = state.published.entry(due.tenant_id).or_default();
        let diff = PresenceDiff::apply(published, &due.changes);
        publish(hub, due.tenant_id, &diff, published);
        if published.is_empty() {
            state.published.remove(&due.tenant_id);
        }
        let departed = due.changes.iter().filter(|change| diff.gone.contains(&change.user));
        departed.for_each(|change| publish_disconnect(hub, due.tenant_id, change, slugs));
    }
}

impl State {
    fn add_due(&mut self, tenant_id: TenantId, user: UserId, reason: ChangeReason) {
        let noted = self.due.entry(tenant_id).or_default().entry(user).or_insert(reason);
        *noted = reason.max(*noted);
    }
}

/// Most readers of the same rooms receive the same messages: these are encoded once.
fn publish(hub: &Hub, tenant_id: TenantId, diff: &PresenceDiff, published: &PublishedPresence) {
    let mut written: BTreeMap<Vec<RoomId>, Vec<(&'static str, TextFrame)>> = BTreeMap::new();
    hub.publish_ephemeral_to_topics(tenant_id, diff.rooms().map(Topic::Room), |interest| {
        let Some(user) = interest.reader.user.filter(|_| interest.receives_presence) else {
            return Vec::new();
        };
        let rooms = diff.rooms_among(interest.rooms.iter());
        let write =
            |rooms: &[RoomId]| frames(&to_messages(&diff.statuses_for(published, rooms, user), false));
        if diff.includes(user) {
            return write(&rooms);
        }
        match written.get(&rooms) {
            Some(frames) => frames.clone(),
            None => {
                let frames = write(&rooms);
                written.insert(rooms, frames.clone());
                frames
            }
        }
    });
}

fn frames(messages: &[ServerMessage]) -> Vec<(&'static str, TextFrame)> {
    messages.iter().map(|message| (message.kind(), TextFrame::new(&message.to_json()))).collect()
}

/// Notifies the members of each of a user's rooms that the user's last connection is closed.
fn publish_disconnect(
    hub: &Hub,
    tenant_id: TenantId,
    change: &PresenceChange,
    slugs: &HashMap<RoomId, String>,
) {
    for room in &change.rooms {
        let Some(slug) = slugs.get(room) else { continue };
        let payload = SystemPayload {
            event: Some(RoomEvent::UserDisconnected),
            user_id: Some(change.user.0),
            room_id: slug.clone(),
            ..SystemPayload::default()
        };
        let message = SystemMessage { payload, reply_to: None, position: None, occurred_at: None };
        let ephemeral = Ephemeral::Room { room: *room, everyone: false, user: change.user };
        // To this node's readers only: every node finds the same change in the presence store.
        hub.publish_ephemeral(tenant_id, &ephemeral, &ServerMessage::System(message));
    }
}
