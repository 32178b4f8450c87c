//! One example of every message that the server sends on sockets and streams.

use poem_openapi::types::Example;
use serde_json::json;

use super::rooms::TEXT;
use super::uploads::CONTENT;
use super::{JOB, LISTING_KEY, PROPERTY, TENANT, USER, USERNAME, UUID, after, now, position};
use crate::base::clock::epoch_seconds;
use crate::base::ids::UserId;
use crate::protocol::feed::{Feed, INBOX_RESYNC_URL, own_jobs_url};
use crate::protocol::job::JobStatus;
use crate::protocol::log_stream::{LogStreamEnd, LogStreamEvent, LogStreamLine};
use crate::protocol::message::{
    Ack, AdminNotification, ChatMessage, ChatPayload, ConnectionEstablished, DirectMessage, ErrorMessage,
    Gap, GapReason, GoingAway, JobLog, JobUpdate, LogLine, Logged, MessageDeleted, MessageDeletedPayload,
    MessageEdited, MessagePayload, Pong, PongPayload, Presence, PresencePayload, PresenceStatus,
    PropertyEvent, PropertyNotification, PropertyNotificationEvent, PropertyUpdate, RoomEvent, Sender,
    ServerMessage, Severity, StatusUpdate, SubscriptionConfirmed, SubscriptionError, SubscriptionLive,
    SubscriptionRemoved, SystemAlert, SystemMessage, SystemNotification, SystemPayload, TokenExpiring,
    TokenRefreshed, Typing, TypingPayload, UploadCompleted, UserPresence, Viewers, ViewersPayload,
};
use crate::protocol::problem::{CloseCode, StreamProblem};
use crate::protocol::property::Property;
use crate::protocol::role::Role;

const ROOM: &str = "elm-street";
/// The recipient of direct messages.
pub(super) const OTHER_USER: i64 = 9;
/// The client's id of its request, by which it recognises the answer.
pub(super) const REQUEST: &str = "r-17";

/// Every message of a socket or a stream, once.
pub fn server_messages() -> Vec<ServerMessage> {
    [of_the_connection(), of_subscriptions(), of_work(), of_notices(), of_people()].concat()
}

fn of_the_connection() -> Vec<ServerMessage> {
    let timestamp = epoch_seconds(now());
    let reply_to = Some(json!(REQUEST));
    vec![
        ServerMessage::ConnectionEstablished(ConnectionEstablished {
            user_id: Some(USER),
            key_id: None,
            message: "Connected to real-time updates".to_owned(),
            connection_id: UUID.to_owned(),
            tenant_id: TENANT,
            username: Some(USERNAME.to_owned()),
            role: Some(Role::Member),
            position: position(),
            heartbeat_seconds: 25,
            server_time: timestamp,
            protocol: 1,
        }),
        ServerMessage::Pong(Pong {
            timestamp,
            payload: PongPayload { timestamp: after(0) },
            position: position(),
            reply_to: reply_to.clone(),
        }),
        ServerMessage::Error(error(reply_to.clone())),
        ServerMessage::Ack(Ack {
            reply_to: reply_to.clone(),
            message_id: UUID.to_owned(),
            position: position(),
            // A payload is made of texts and numbers, which always serialise.
            payload: serde_json::to_value(chat_payload()).unwrap_or_default(),
        }),
        ServerMessage::StatusUpdate(StatusUpdate {
            active_jobs: 1,
            total_properties: 2048,
            server_time: timestamp,
            user_connections: 2,
            tenant_connections: 14,
            reply_to: reply_to.clone(),
        }),
        ServerMessage::TokenExpiring(TokenExpiring { expires_in: 60 }),
        ServerMessage::TokenRefreshed(TokenRefreshed { expires_at: after(15), reply_to }),
        ServerMessage::GoingAway(GoingAway { reconnect_after_ms: 1500 }),
    ]
}

pub(super) fn error(reply_to: Option<serde_json::Value>) -> ErrorMessage {
    let message = "Unknown message type: dance".to_owned();
    ErrorMessage {
        payload: MessagePayload { message: message.clone() },
        message,
        code: "unknown_type".to_owned(),
        reply_to,
    }
}

fn of_subscriptions() -> Vec<ServerMessage> {
    let subscription = Feed::PropertyUpdates.name().to_owned();
    let key = Some("toledo".to_owned());
    let reply_to = Some(json!(REQUEST));
    vec![
        ServerMessage::SubscriptionConfirmed(SubscriptionConfirmed {
            subscription: subscription.clone(),
            key: key.clone(),
            position: position(),
            since: None,
            recovered: true,
            resync_url: None,
            reply_to: reply_to.clone(),
        }),
        ServerMessage::SubscriptionLive(SubscriptionLive {
            subscription: subscription.clone(),
            key: key.clone(),
            position: position(),
            recovered: true,
        }),
        ServerMessage::SubscriptionRemoved(SubscriptionRemoved {
            subscription,
            key,
            position: position(),
            reply_to: reply_to.clone(),
        }),
        ServerMessage::SubscriptionError(SubscriptionError {
            subscription: Some("news".to_owned()),
            key: None,
            message: "Invalid subscription: news".to_owned(),
            code: "invalid_subscription".to_owned(),
            reply_to,
        }),
        ServerMessage::Gap(Gap {
            subscription: "inbox".to_owned(),
            key: None,
            from: "1-1".to_owned(),
            to: position(),
            reason: GapReason::Trimmed,
            resync_url: INBOX_RESYNC_URL.to_owned(),
            own_jobs_url: Some(own_jobs_url(UserId(USER))),
        }),
    ]
}

fn of_work() -> Vec<ServerMessage> {
    let timestamp = epoch_seconds(now());
    vec![
        ServerMessage::JobUpdate(JobUpdate::example()),
        ServerMessage::JobLog(JobLog { job_id: JOB, lines: vec![LogLine::example()] }),
        ServerMessage::PropertyNotification(PropertyNotification {
            event: PropertyNotificationEvent::NewProperties,
            count: 18,
            location: "Toledo".to_owned(),
            timestamp,
            job_id: Some(JOB),
            logged: Logged::example(),
        }),
        ServerMessage::PropertyUpdate(PropertyUpdate {
            event: PropertyEvent::PriceChanged,
            property_id: PROPERTY,
            property: Box::new(Property::example()),
            old: Some(json!(310_000)),
            new: Some(json!(303_000)),
            currency: Some("USD".to_owned()),
            old_currency: None,
            changed: None,
            reason: None,
            same_as: None,
            job_id: Some(JOB),
            timestamp,
            logged: Logged::example(),
        }),
        ServerMessage::UploadCompleted(UploadCompleted {
            upload_id: UUID.to_owned(),
            filename: "remarks.txt".to_owned(),
            content_type: "text/plain".to_owned(),
            size: i64::try_from(CONTENT.len()).unwrap_or_default(),
            sha256: super::uploads::SHA256.to_owned(),
            timestamp,
            logged: Logged::example(),
        }),
    ]
}

/// Every event of a job's log, once.
pub fn log_events() -> Vec<LogStreamEvent> {
    let line = LogLine::example();
    let line =
        LogStreamLine { id: line.id, job_id: JOB, level: line.level, message: line.message, at: line.at };
    vec![
        LogStreamEvent::Log(line),
        LogStreamEvent::Complete(LogStreamEnd { job_id: JOB, status: JobStatus::Completed }),
    ]
}

impl Example for StreamProblem {
    fn example() -> Self {
        Self::new(CloseCode::SlowConsumer, "The stream was read more slowly than events came.")
    }
}

fn of_notices() -> Vec<ServerMessage> {
    let timestamp = epoch_seconds(now());
    vec![
        ServerMessage::SystemNotification(SystemNotification::example()),
        ServerMessage::AdminNotification(AdminNotification {
            category: "admin".to_owned(),
            message: "The tenant has used 80 % of its storage".to_owned(),
            timestamp,
            broadcast_id: None,
            sender_id: None,
            logged: Logged::example(),
        }),
        ServerMessage::SystemAlert(SystemAlert {
            severity: Severity::Error,
            category: "job".to_owned(),
            message: format!("Job {JOB} failed: {LISTING_KEY} answers 503"),
            job_id: Some(JOB),
            timestamp,
            logged: Logged::example(),
        }),
    ]
}

fn sender() -> Sender {
    Sender { user_id: USER, username: USERNAME.to_owned(), display_name: Some("Ann".to_owned()) }
}

fn chat_payload() -> ChatPayload {
    ChatPayload {
        text: TEXT.to_owned(),
        room_id: Some(ROOM.to_owned()),
        target_user: None,
        message_id: UUID.to_owned(),
        client_message_id: Some("tab-3-17".to_owned()),
        attachments: Vec::new(),
        timestamp: after(0),
        edited_at: None,
        deleted_at: None,
    }
}

fn of_people() -> Vec<ServerMessage> {
    let to_one = ChatPayload { room_id: None, target_user: Some(OTHER_USER), ..chat_payload() };
    let edited = ChatPayload { edited_at: Some(after(1)), ..chat_payload() };
    let deleted = MessageDeletedPayload {
        message_id: UUID.to_owned(),
        room_id: Some(ROOM.to_owned()),
        target_user: None,
        timestamp: after(2),
    };
    let joined = SystemPayload {
        event: Some(RoomEvent::UserJoined),
        user_id: Some(OTHER_USER),
        room_id: ROOM.to_owned(),
        ..SystemPayload::default()
    };
    vec![
        ServerMessage::Chat(ChatMessage {
            sender_id: USER,
            sender: sender(),
            payload: chat_payload(),
            logged: Logged::example(),
        }),
        ServerMessage::DirectMessage(DirectMessage {
            sender_id: USER,
            sender: sender(),
            payload: to_one,
            logged: Logged::example(),
        }),
        ServerMessage::MessageEdited(MessageEdited {
            sender_id: USER,
            sender: sender(),
            payload: edited,
            logged: Logged::example(),
        }),
        ServerMessage::MessageDeleted(MessageDeleted {
            sender_id: USER,
            payload: deleted,
            logged: Logged::example(),
        }),
        ServerMessage::System(SystemMessage {
            payload: joined,
            reply_to: None,
            position: Some(position()),
            occurred_at: Some(after(0)),
        }),
        ServerMessage::Typing(Typing {
            sender_id: USER,
            payload: TypingPayload { room_id: ROOM.to_owned(), is_typing: true },
        }),
        ServerMessage::Presence(Presence {
            payload: PresencePayload {
                users: vec![UserPresence { user_id: USER, status: PresenceStatus::Online }],
                snapshot: true,
            },
        }),
        ServerMessage::Viewers(Viewers { payload: ViewersPayload::example() }),
    ]
}
