//! What a client asks for when it connects, the same on every carrier: `since` and `subscriptions`.

use crate::eventlog::Head;
use crate::protocol::command::{Subscribe, explain_subscriptions, parse_subscriptions};
use crate::protocol::position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::reader::Reader;
use crate::protocol::subscription::{Interest, Subscription};

/// The feeds to follow and where to start.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// A position; the head when absent.
    pub since: Option<String>,
    pub subscriptions: Vec<Subscribe>,
    /// Whether the reader's inbox is included.
    pub inbox: bool,
}

impl ConnectRequest {
    /// Parses the two parameters; the error names what is wrong. At most `most` subscriptions, as on an open socket.
    pub fn parse(
        since: Option<&str>,
        subscriptions: Option<&str>,
        max_subscriptions: usize,
    ) -> Result<Self, Problem> {
        let subscriptions = match subscriptions {
            None => Vec::new(),
            Some(text) => parse_subscriptions(text).map_err(|_| bad_subscriptions(text))?,
        };
        if subscriptions.len() > max_subscriptions {
            let words = format!("at most {max_subscriptions} subscriptions are allowed on one connection");
            return Err(Problem::new(Code::BadRequest, words));
        }
        if subscriptions.iter().any(|one| one.since.is_some()) {
            let words = "at connect one `since` speaks for everything: give it as a parameter of its own";
            return Err(Problem::new(Code::BadRequest, words));
        }
        Ok(Self { since: since.map(position::truncate_since), subscriptions, inbox: true })
    }

    /// Whether the filter of a subscription cannot tell which of the events after `after` match.
    pub(super) fn lacks_facts(&self, after: i64, head: Head) -> bool {
        self.subscriptions.iter().any(|one| head.lacks_facts(after, &one.filter))
    }

    /// The reader's interest after the log's sequence number `after`. Of subscriptions with the same feed and key the
    /// last one applies.
    pub(super) fn build_interest(&self, reader: Reader, after: i64) -> Interest {
        let inbox_after = (self.inbox && reader.user.is_some()).then_some(after);
        let mut interest = Interest::new(reader, inbox_after);
        for wanted in &self.subscriptions {
            let one = Subscription { filter: wanted.filter.clone(), key: wanted.key.clone(), after };
            upsert_subscription(&mut interest, one);
        }
        interest
    }
}

/// Adds a subscription, or replaces the one of the same feed and key.
pub(super) fn upsert_subscription(interest: &mut Interest, one: Subscription) {
    remove_same_key(interest, &one);
    interest.subscriptions.push(one);
}

fn remove_same_key(interest: &mut Interest, like: &Subscription) {
    interest.subscriptions.retain(|other| other.filter.feed() != like.filter.feed() || other.key != like.key);
}

/// The refusal of a list that cannot be parsed: it names every subscription that is wrong.
fn bad_subscriptions(text: &str) -> Problem {
    Problem::new(Code::BadRequest, explain_subscriptions(text).unwrap_or_default())
}
