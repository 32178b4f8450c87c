//! The client's messages as types, for the documents. The parser is `command`, which is more lenient: fields may also
//! be in `payload`, unknown fields are ignored. A test parses each example of this file with it.

use poem_openapi::{Enum, Object, Union};
use serde_json::Value;

use super::property::{ListingType, StandardStatus};

/// Every message from client to server.
#[derive(Clone, Debug, Union)]
#[oai(discriminator_name = "type", one_of)]
#[expect(clippy::large_enum_variant, reason = "for the documents and their test only")]
pub enum ClientMessage {
    #[oai(mapping = "ping")]
    Ping(Ping),
    #[oai(mapping = "subscribe")]
    Subscribe(SubscribeMessage),
    #[oai(mapping = "unsubscribe")]
    Unsubscribe(Unsubscribe),
    #[oai(mapping = "request_status")]
    RequestStatus(RequestStatus),
    #[oai(mapping = "refresh_token")]
    RefreshToken(RefreshToken),
    #[oai(mapping = "broadcast")]
    Broadcast(SendBroadcast),
    #[oai(mapping = "join_room")]
    JoinRoom(JoinRoom),
    #[oai(mapping = "leave_room")]
    LeaveRoom(LeaveRoom),
    #[oai(mapping = "chat")]
    Chat(SendChat),
    #[oai(mapping = "room_message")]
    RoomMessage(SendRoomMessage),
    #[oai(mapping = "direct_message")]
    DirectMessage(SendDirectMessage),
    #[oai(mapping = "typing")]
    Typing(ShowTyping),
    #[oai(mapping = "presence")]
    Presence(ShowPresence),
    #[oai(mapping = "viewing")]
    Viewing(ShowViewing),
}

/// Asks for a `pong`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Ping {
    /// Returned as `reply_to` on the answer; any message may have it.
    pub id: Option<Value>,
}

/// Follows a feed. The same feed and key again replaces the subscription.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Subscribe", skip_serializing_if_is_none)]
pub struct SubscribeMessage {
    pub id: Option<Value>,
    /// `job_updates`, `property_updates` or `system_alerts`.
    pub subscription: String,
    /// Distinguishes several subscriptions to one feed.
    #[oai(validator(max_length = 100))]
    pub key: Option<String>,
    /// A position: the events after it are replayed first.
    pub since: Option<String>,
    pub filter: Option<SubscriptionFilter>,
}

/// Narrows a subscription; each feed takes its own fields, `system_alerts` none. All fields must match. A property
/// matches by its state before or after the change, and not where it lacks what a field compares. A single text is
/// accepted in place of a list of texts.
#[derive(Clone, Debug, Default, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SubscriptionFilter {
    /// `job_updates`.
    pub job_id: Option<i64>,
    /// `job_updates`.
    pub spider_name: Option<String>,
    /// `job_updates`: also the ephemeral `job_log` messages.
    pub logs: Option<bool>,
    /// `property_updates`; one city, compared without case.
    pub city: Option<String>,
    /// `property_updates`, major units, whatever the property's currency; compared with the current price: `close_price`
    /// once closed, else `list_price`. The bound itself is included.
    pub price_min: Option<f64>,
    pub price_max: Option<f64>,
    pub bedrooms_min: Option<i64>,
    /// `property_updates`: west, south, east, north in degrees.
    pub bbox: Option<Vec<f64>>,
    pub property_id: Option<i64>,
    /// `property_updates`: properties for sale or to let.
    pub listing_type: Option<Vec<ListingType>>,
    /// `property_updates`: codes of ISO 4217; `none` means properties without a currency.
    pub currency: Option<Vec<String>>,
    /// `property_updates`: properties in one of these states.
    pub standard_status: Option<Vec<StandardStatus>>,
    /// `property_updates`: the same as `standard_status`; give one of the two.
    pub status: Option<Vec<StandardStatus>>,
    /// `property_updates`; one type, compared without case with the whole `property_type`.
    pub property_type: Option<String>,
}

/// Ends a subscription.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Unsubscribe {
    pub id: Option<Value>,
    pub subscription: String,
    pub key: Option<String>,
}

/// Asks for a `status_update`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RequestStatus {
    pub id: Option<Value>,
}

/// Continues the connection with a newer access token of the same user.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RefreshToken {
    pub id: Option<Value>,
    pub token: String,
}

/// Sends a broadcast to the whole tenant (admins); arrives as `system_notification`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SendBroadcast {
    pub id: Option<Value>,
    #[oai(validator(min_length = 1, max_length = 4000))]
    pub message: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    pub category: Option<String>,
}

/// Joins a public room permanently.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct JoinRoom {
    pub id: Option<Value>,
    pub room_id: String,
}

/// Leaves a room.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct LeaveRoom {
    pub id: Option<Value>,
    pub room_id: String,
}

/// Sends a message to a room; answered with `ack`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SendChat {
    pub id: Option<Value>,
    /// The lobby when absent; all users of the tenant are in it.
    pub room_id: Option<String>,
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub text: String,
    /// The client's own id for the message: sent again with the same id, the message is stored once.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub client_message_id: Option<String>,
    /// Finished uploads of the sender to attach.
    #[oai(validator(max_items = 10))]
    pub upload_ids: Option<Vec<String>>,
}

/// The same as `chat`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SendRoomMessage {
    pub id: Option<Value>,
    pub room_id: Option<String>,
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub text: String,
    #[oai(validator(min_length = 1, max_length = 64))]
    pub client_message_id: Option<String>,
    /// Finished uploads of the sender to attach.
    #[oai(validator(max_items = 10))]
    pub upload_ids: Option<Vec<String>>,
}

/// Sends a message to one user; answered with `ack`.
#[derive(Clone, Debug, Object)]
#[oai(rename = "SendDirectMessage", skip_serializing_if_is_none)]
pub struct SendDirectMessage {
    pub id: Option<Value>,
    /// A user's id.
    pub target_user: i64,
    #[oai(validator(min_length = 1, max_length = 1000))]
    pub text: String,
    #[oai(validator(min_length = 1, max_length = 64))]
    pub client_message_id: Option<String>,
    /// Finished uploads of the sender to attach.
    #[oai(validator(max_items = 10))]
    pub upload_ids: Option<Vec<String>>,
}

/// Starts or stops the typing indicator. Repeat it while the user types: it expires after five seconds.
#[derive(Clone, Debug, Object)]
#[oai(rename = "ShowTyping", skip_serializing_if_is_none)]
pub struct ShowTyping {
    pub id: Option<Value>,
    pub room_id: String,
    pub is_typing: bool,
}

/// Reports whether the user is active on this connection.
#[derive(Clone, Debug, Object)]
#[oai(rename = "ShowPresence", skip_serializing_if_is_none)]
pub struct ShowPresence {
    pub id: Option<Value>,
    pub status: OwnPresence,
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum OwnPresence {
    Online,
    Away,
}

/// Reports which listing is on the screen; null: none. Answered with `viewers` within about a second.
#[derive(Clone, Debug, Object)]
pub struct ShowViewing {
    #[oai(skip_serializing_if_is_none)]
    pub id: Option<Value>,
    pub property_id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;

    use super::*;
    use crate::protocol::command;

    #[test]
    fn every_documented_message_is_read_by_the_socket() {
        let mut messages = crate::protocol::examples::commands::client_messages();

        assert_eq!(messages.len(), 14);
        messages.push(ClientMessage::Viewing(ShowViewing { id: None, property_id: None }));
        for message in messages {
            let text = message.to_json_string();
            assert!(command::parse(&text).command.is_ok(), "{text}");
        }
    }

    #[test]
    fn a_filter_with_every_documented_field_of_a_feed_is_read_by_the_socket() {
        let filters = [
            (
                "job_updates",
                SubscriptionFilter {
                    job_id: Some(7),
                    spider_name: Some("auto".to_owned()),
                    logs: Some(true),
                    ..SubscriptionFilter::default()
                },
            ),
            (
                "property_updates",
                SubscriptionFilter {
                    city: Some("Toledo".to_owned()),
                    price_min: Some(1.0),
                    price_max: Some(2.0),
                    bedrooms_min: Some(1),
                    bbox: Some(vec![-84.0, 41.0, -83.0, 42.0]),
                    property_id: Some(7),
                    listing_type: Some(vec![ListingType::Sale]),
                    currency: Some(vec!["USD".to_owned(), "none".to_owned()]),
                    standard_status: Some(vec![StandardStatus::Active, StandardStatus::Pending]),
                    property_type: Some("Condominium".to_owned()),
                    ..SubscriptionFilter::default()
                },
            ),
            (
                "property_updates",
                SubscriptionFilter {
                    status: Some(vec![StandardStatus::Closed]),
                    ..SubscriptionFilter::default()
                },
            ),
        ];
        for (subscription, filter) in filters {
            let filter = Some(filter);
            let subscription = subscription.to_owned();
            let message = SubscribeMessage { id: None, subscription, key: None, since: None, filter };
            let text = ClientMessage::Subscribe(message).to_json_string();
            assert!(command::parse(&text).command.is_ok(), "{text}");
        }
    }
}
