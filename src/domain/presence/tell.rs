//! Tells who came, went and turned since the last look. One timer calls it, so that two looks never overlap.

use std::collections::{BTreeMap, HashMap};

use super::news::{Change, News, messages};
use super::told::Told;
use super::{MOST_TOLD, Presence, State, Why};
use crate::auth::scope::SystemReason;
use crate::base::ids::{RoomId, TenantId, UserId};
use crate::cluster::attendance::Person;
use crate::domain::error::Result;
use crate::domain::op::{Kernel, Op};
use crate::hub::Hub;
use crate::protocol::message::{RoomEvent, ServerMessage, SystemMessage, SystemPayload};
use crate::protocol::routing::{Passing, Topic};
use crate::protocol::websocket::encode::TextFrame;
use crate::storage::{self, room_members, rooms};

/// The people of a tenant who are looked at now.
struct Due {
    tenant_id: TenantId,
    changes: Vec<Change>,
}

/// To be called once a second. What the store could not be asked for stays due.
pub async fn tell(kernel: &Kernel) -> Result<()> {
    let presence = &kernel.together.presence;
    presence.gather(kernel);
    let mut told = Ok(());
    for mut due in presence.take_due() {
        match read_rooms(kernel, &mut due).await {
            Ok(slugs) => presence.tell_tenant(&kernel.hub, &due, &slugs),
            Err(error) => {
                presence.put_back(&due);
                told = Err(error);
            }
        }
    }
    told
}

/// Reads the rooms of everybody who is due, and gives the ids on the wire of those that somebody is gone from.
async fn read_rooms(kernel: &Kernel, due: &mut Due) -> Result<HashMap<RoomId, String>> {
    let tx = Op::of_system(kernel, SystemReason::Presence, due.tenant_id).read().await?;
    let users: Vec<UserId> = due.changes.iter().map(|change| change.user).collect();
    let mut found: HashMap<UserId, Vec<RoomId>> = HashMap::new();
    for (user, room) in room_members::rooms_of_all(&tx, &users).await? {
        found.entry(user).or_default().push(room);
    }
    for change in &mut due.changes {
        change.rooms = found.remove(&change.user).unwrap_or_default();
    }
    let gone = due.changes.iter().filter(|change| change.attention.is_none());
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

impl Presence {
    /// Ends the connections whose grace is over, and notes everybody who is to be looked at.
    fn gather(&self, kernel: &Kernel) {
        let steady = kernel.clock.steady();
        let state = &mut *self.state.lock();
        while let Some(ended) = state.lingering.pop_front_if(|first| first.ends_at <= steady) {
            self.attendance.remove(ended.person, ended.connection);
        }
        for person in self.attendance.take_changed() {
            state.note(person.tenant, person.user, Why::Changed);
        }
        for (tenant_id, users) in kernel.hub.take_moved() {
            users.into_iter().for_each(|user| state.note(tenant_id, user, Why::Moved));
        }
    }

    /// Takes of each tenant as many people as one message holds, as they stand now.
    fn take_due(&self) -> Vec<Due> {
        let state = &mut *self.state.lock();
        let mut all = Vec::with_capacity(state.due.len());
        for (tenant_id, users) in &mut state.due {
            let mut changes = Vec::new();
            while changes.len() < MOST_TOLD
                && let Some((user, why)) = users.pop_first()
            {
                let attention = self.attendance.of(Person { tenant: *tenant_id, user });
                let known = state.told.get(tenant_id).is_some_and(|told| told.knows(user));
                // Somebody who is not there may be brought into a room: there is nothing to tell of it.
                if attention.is_some() || known {
                    changes.push(Change { user, attention, moved: why == Why::Moved, rooms: Vec::new() });
                }
            }
            if !changes.is_empty() {
                all.push(Due { tenant_id: *tenant_id, changes });
            }
        }
        state.due.retain(|_, users| !users.is_empty());
        all
    }

    fn put_back(&self, due: &Due) {
        let mut state = self.state.lock();
        for change in &due.changes {
            state.note(due.tenant_id, change.user, if change.moved { Why::Moved } else { Why::Changed });
        }
    }

    /// Tells the tenant's readers, each in one message. Nobody is welcomed meanwhile.
    fn tell_tenant(&self, hub: &Hub, due: &Due, slugs: &HashMap<RoomId, String>) {
        let state = &mut *self.state.lock();
        let told = state.told.entry(due.tenant_id).or_default();
        let news = News::of(told, &due.changes);
        pass(hub, due.tenant_id, &news, told);
        if told.is_empty() {
            state.told.remove(&due.tenant_id);
        }
        let departed = due.changes.iter().filter(|change| news.gone.contains(&change.user));
        departed.for_each(|change| pass_departure(hub, due.tenant_id, change, slugs));
    }
}

impl State {
    fn note(&mut self, tenant_id: TenantId, user: UserId, why: Why) {
        let noted = self.due.entry(tenant_id).or_default().entry(user).or_insert(why);
        *noted = why.max(*noted);
    }
}

/// Most readers of the same rooms hear the same: it is written once for all of them.
fn pass(hub: &Hub, tenant_id: TenantId, news: &News, told: &Told) {
    let mut written: BTreeMap<Vec<RoomId>, Vec<(&'static str, TextFrame)>> = BTreeMap::new();
    hub.pass_once(tenant_id, news.rooms().map(Topic::Room), |interest| {
        let Some(user) = interest.reader.user.filter(|_| interest.sees_people) else { return Vec::new() };
        let rooms = news.rooms_among(interest.rooms.iter());
        let write = |rooms: &[RoomId]| frames(&messages(&news.people(told, rooms, user), false));
        if news.is_about(user) {
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

/// Tells the members of each room of somebody's that the last connection is gone.
fn pass_departure(hub: &Hub, tenant_id: TenantId, change: &Change, slugs: &HashMap<RoomId, String>) {
    for room in &change.rooms {
        let Some(slug) = slugs.get(room) else { continue };
        let payload = SystemPayload {
            event: Some(RoomEvent::UserDisconnected),
            user_id: Some(change.user.0),
            room_id: slug.clone(),
            ..SystemPayload::default()
        };
        let message = SystemMessage { payload, reply_to: None, position: None, occurred_at: None };
        let passing = Passing::Room { room: *room, everyone: false, of: change.user };
        hub.pass(tenant_id, &passing, &ServerMessage::System(message));
    }
}
