//! Tells viewers of each other.

use std::collections::HashSet;

use super::read::payload;
use super::{NAMED, Viewing};
use crate::base::ids::ConnectionId;
use crate::cluster::viewership::{Listing, Viewed};
use crate::domain::op::Kernel;
use crate::hub::Hub;
use crate::protocol::message::{ServerMessage, Viewers};
use crate::protocol::routing::Topic;
use crate::protocol::websocket::encode::TextFrame;

/// Up to so many viewers every change is told.
const FEW: usize = 100;
/// Above that a change by one in so many.
const SHARE: usize = 20;

/// Something to tell.
struct Word {
    listing: Listing,
    viewed: Viewed,
    to: To,
}

enum To {
    Everybody,
    Only(HashSet<ConnectionId>),
}

/// To be called once a second.
pub fn tell(kernel: &Kernel) {
    kernel.together.viewing.take_words().iter().for_each(|word| pass(&kernel.hub, word));
}

impl Viewing {
    fn take_words(&self) -> Vec<Word> {
        let state = &mut *self.state.lock();
        let mut newcomers = std::mem::take(&mut state.newcomers);
        let mut listings: HashSet<Listing> = self.viewership.take_changed().into_iter().collect();
        listings.extend(newcomers.keys());
        let mut words = Vec::with_capacity(listings.len());
        for listing in listings {
            let viewed = self.viewership.at(listing, NAMED);
            if viewed.count == 0 {
                state.told.remove(&listing);
            } else if is_worth_telling(state.told.get(&listing), &viewed) {
                state.told.insert(listing, viewed.clone());
                words.push(Word { listing, viewed, to: To::Everybody });
            } else if let Some(only) = newcomers.remove(&listing) {
                words.push(Word { listing, viewed, to: To::Only(only) });
            }
        }
        words
    }
}

/// Whether those who were told before are told again.
fn is_worth_telling(told: Option<&Viewed>, now: &Viewed) -> bool {
    match told {
        None => true,
        Some(told) if now.count > FEW => now.count.abs_diff(told.count) * SHARE >= told.count,
        Some(told) => told != now,
    }
}

fn pass(hub: &Hub, word: &Word) {
    let payload = payload(word.listing.property, &word.viewed);
    let message = ServerMessage::Viewers(Viewers { payload });
    let (kind, frame) = (message.kind(), TextFrame::new(&message.to_json()));
    hub.pass_each(word.listing.tenant, Topic::Viewing(word.listing.property), |interest| {
        let wanted = match &word.to {
            To::Everybody => true,
            To::Only(only) => interest.reader.connection.is_some_and(|connection| only.contains(&connection)),
        };
        wanted.then(|| (kind, frame.clone()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn viewed(count: usize) -> Viewed {
        Viewed { count, first: Vec::new() }
    }

    fn told_again(told: usize, now: usize) -> bool {
        is_worth_telling(Some(&viewed(told)), &viewed(now))
    }

    #[test]
    fn few_viewers_hear_of_every_change_and_of_nothing_else() {
        assert!(is_worth_telling(None, &viewed(1)));
        assert!(told_again(3, 4) && told_again(100, 99) && told_again(101, 100));
        assert!(!told_again(4, 4));
        let other = Viewed { count: 4, first: vec![UserId(1)] };
        assert!(is_worth_telling(Some(&viewed(4)), &other), "another of the same number");
    }

    #[test]
    fn many_hear_of_a_change_by_a_twentieth() {
        assert!(!told_again(100, 104) && told_again(100, 105));
        assert!(!told_again(2_000, 1_901) && told_again(2_000, 1_900));
        let other = Viewed { count: 200, first: vec![UserId(1)] };
        assert!(!is_worth_telling(Some(&viewed(200)), &other));
    }
}
