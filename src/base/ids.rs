//! Identifiers as types, so that a job cannot be passed in place of a user. Numbers come from the store's identity
//! columns; UUIDs are version 7 (RFC 9562), so they sort by time of creation.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Clock;

macro_rules! numeric_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }
    )*};
}

numeric_id! {
    /// A company that uses the deployment; the isolation boundary of all data.
    TenantId
    /// A person of one tenant.
    UserId
    /// A platform account without a tenant.
    OperatorId
    /// A crawl job.
    JobId
    /// One attempt at running a job.
    ExecutionId
    /// A listing as stored.
    PropertyId
    /// A room, or the conversation of two people, as stored. The wire's `room_id` is a different, textual id.
    RoomId
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, stamped with the clock's time.
            pub fn new(clock: &Clock) -> Self {
                Self(uuid_v7(clock))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// One open socket or stream.
    ConnectionId
    /// One sign-in: the family that its refresh tokens belong to.
    SessionId
    /// An API key's public half.
    KeyId
    /// A broadcast, as sent to one tenant.
    BroadcastId
    /// A stored notification.
    NotificationId
    /// A message in a room or between two people.
    MessageId
    /// A file that was sent, or is being sent.
    UploadId
    /// A node of the deployment; it keeps its id over restarts.
    NodeId
}

/// A UUID of version 7 (RFC 9562): identifiers made later sort after those made earlier.
pub fn uuid_v7(clock: &Clock) -> Uuid {
    let now = clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos());
    Uuid::new_v7(stamp)
}
