//! Publishes the viewers of a property to each other.

use std::collections::HashSet;

use super::read::payload;
use super::tracker::{MAX_NAMED_VIEWERS, ViewerTracker};
use crate::base::ids::ConnectionId;
use crate::cluster::viewer_store::{TenantProperty, ViewerSummary};
use crate::domain::op::Services;
use crate::hub::Hub;
use crate::protocol::message::{ServerMessage, Viewers};
use crate::protocol::routing::Topic;
use crate::protocol::websocket::encode::TextFrame;

/// Up to this number of viewers every change is published.
const EXACT_UP_TO: usize = 100;
/// Above it, only changes of at least one in this number.
const CHANGE_DIVISOR: usize = 20;

/// An update to publish.
struct ViewerUpdate {
    key: TenantProperty,
    viewers: ViewerSummary,
    recipients: Recipients,
}

enum Recipients {
    All,
    Only(HashSet<ConnectionId>),
}

/// To be called once a second.
pub fn flush(services: &Services) {
    services.ephemeral.viewing.take_updates().iter().for_each(|word| publish(&services.hub, word));
}

impl ViewerTracker {
    fn take_updates(&self) -> Vec<ViewerUpdate> {
        let state = &mut *self.state.lock();
        let mut newcomers = std::mem::take(&mut state.new_connections);
        let mut listings: HashSet<TenantProperty> = self.store.take_changed().into_iter().collect();
        listings.extend(newcomers.keys());
        let mut updates = Vec::with_capacity(listings.len());
        for listing in listings {
            let viewed = self.store.viewers_of(listing, MAX_NAMED_VIEWERS);
            if viewed.count == 0 {
                state.published.remove(&listing);
            } else if is_significant(state.published.get(&listing), &viewed) {
                state.published.insert(listing, viewed.clone());
                updates.push(ViewerUpdate { key: listing, viewers: viewed, recipients: Recipients::All });
            } else if let Some(only) = newcomers.remove(&listing) {
                updates.push(ViewerUpdate {
                    key: listing,
                    viewers: viewed,
                    recipients: Recipients::Only(only),
                });
            }
        }
        updates
    }
}

/// Whether viewers that have received an earlier update are sent the current one.
fn is_significant(published: Option<&ViewerSummary>, now: &ViewerSummary) -> bool {
    match published {
        None => true,
        Some(told) if now.count > EXACT_UP_TO => {
            now.count.abs_diff(told.count) * CHANGE_DIVISOR >= told.count
        }
        Some(told) => told != now,
    }
}

fn publish(hub: &Hub, update: &ViewerUpdate) {
    let payload = payload(update.key.property, &update.viewers);
    let message = ServerMessage::Viewers(Viewers { payload });
    let (kind, frame) = (message.kind(), TextFrame::new(&message.to_json()));
    hub.publish_ephemeral_to_topic(update.key.tenant, Topic::Viewing(update.key.property), |interest| {
        let wanted = match &update.recipients {
            Recipients::All => true,
            Recipients::Only(only) => {
                interest.reader.connection.is_some_and(|connection| only.contains(&connection))
            }
        };
        wanted.then(|| (kind, frame.clone()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn viewed(count: usize) -> ViewerSummary {
        ViewerSummary { count, first_users: Vec::new() }
    }

    fn is_published_again(told: usize, now: usize) -> bool {
        is_significant(Some(&viewed(told)), &viewed(now))
    }

    #[test]
    fn few_viewers_receive_every_change_and_nothing_else() {
        assert!(is_significant(None, &viewed(1)));
        assert!(is_published_again(3, 4) && is_published_again(100, 99) && is_published_again(101, 100));
        assert!(!is_published_again(4, 4));
        let other = ViewerSummary { count: 4, first_users: vec![UserId(1)] };
        assert!(is_significant(Some(&viewed(4)), &other), "another of the same number");
    }

    #[test]
    fn many_viewers_receive_a_change_by_a_twentieth() {
        assert!(!is_published_again(100, 104) && is_published_again(100, 105));
        assert!(!is_published_again(2_000, 1_901) && is_published_again(2_000, 1_900));
        let other = ViewerSummary { count: 200, first_users: vec![UserId(1)] };
        assert!(!is_significant(Some(&viewed(200)), &other));
    }
}
