//! One example of every message that a client sends on a socket. Each is read by the socket's own parser in a test.

use serde_json::{Value, json};

use super::messages::{OTHER_USER, REQUEST};
use super::rooms::TEXT;
use super::{PROPERTY, UUID, position};
use crate::protocol::client_message::{
    ClientMessage, JoinRoom, LeaveRoom, OwnPresence, Ping, RefreshToken, RequestStatus, SendBroadcast,
    SendChat, SendDirectMessage, SendRoomMessage, ShowPresence, ShowTyping, ShowViewing, SubscribeMessage,
    SubscriptionFilter, Unsubscribe,
};
use crate::protocol::feed::Feed;

const ROOM: &str = "elm-street";
/// A placeholder for an access token; it is not valid.
pub(super) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.signature";

/// Every message of a client, once.
pub fn client_messages() -> Vec<ClientMessage> {
    let id: Option<Value> = Some(json!(REQUEST));
    let subscription = Feed::PropertyUpdates.name().to_owned();
    let key = Some("toledo".to_owned());
    vec![
        ClientMessage::Ping(Ping { id: id.clone() }),
        ClientMessage::Subscribe(SubscribeMessage {
            id: id.clone(),
            subscription: subscription.clone(),
            key: key.clone(),
            since: Some(position()),
            filter: Some(SubscriptionFilter {
                city: Some("Toledo".to_owned()),
                price_max: Some(350_000.0),
                ..SubscriptionFilter::default()
            }),
        }),
        ClientMessage::Unsubscribe(Unsubscribe { id: id.clone(), subscription, key }),
        ClientMessage::RequestStatus(RequestStatus { id: id.clone() }),
        ClientMessage::RefreshToken(RefreshToken { id: id.clone(), token: TOKEN.to_owned() }),
        ClientMessage::Broadcast(SendBroadcast {
            id: id.clone(),
            message: "Maintenance tonight at ten".to_owned(),
            category: Some("maintenance".to_owned()),
        }),
        ClientMessage::JoinRoom(JoinRoom { id: id.clone(), room_id: ROOM.to_owned() }),
        ClientMessage::LeaveRoom(LeaveRoom { id: id.clone(), room_id: ROOM.to_owned() }),
        ClientMessage::Chat(SendChat {
            id: id.clone(),
            room_id: Some(ROOM.to_owned()),
            text: TEXT.to_owned(),
            client_message_id: Some("tab-3-17".to_owned()),
            upload_ids: Some(vec![UUID.to_owned()]),
        }),
        ClientMessage::RoomMessage(SendRoomMessage {
            id: id.clone(),
            room_id: None,
            text: TEXT.to_owned(),
            client_message_id: None,
            upload_ids: None,
        }),
        ClientMessage::DirectMessage(SendDirectMessage {
            id: id.clone(),
            target_user: OTHER_USER,
            text: TEXT.to_owned(),
            client_message_id: Some("tab-3-18".to_owned()),
            upload_ids: None,
        }),
        ClientMessage::Typing(ShowTyping { id: id.clone(), room_id: ROOM.to_owned(), is_typing: true }),
        ClientMessage::Presence(ShowPresence { id: id.clone(), status: OwnPresence::Away }),
        ClientMessage::Viewing(ShowViewing { id, property_id: Some(PROPERTY) }),
    ]
}
