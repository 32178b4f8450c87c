//! The commands of a client on a socket, served one at a time through the same use cases as REST. A panicking use
//! case costs an answer, never the socket.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::admission::Permit;
use super::connect_request::ConnectRequest;
use super::connection::Connection;
use super::connection_guard::ConnectionGuard;
use super::connection_status;
use super::follower::Follower;
use super::log_join::join_log;
use super::presence_guard::PresenceGuard;
use super::registry::ConnectionRegistry;
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::base::ids::ConnectionId;
use crate::domain::broadcast::{self, NewBroadcast};
use crate::domain::op::Op;
use crate::hub::ControlMessage;
use crate::protocol::command::{self, Command, CommandError, Request, Subscribe};
use crate::protocol::feed::Feed;
use crate::protocol::message::{
    Ack, ErrorMessage, MessagePayload, Pong, PongPayload, ServerMessage, SubscriptionError, TokenRefreshed,
};
use crate::protocol::position::Position;
use crate::protocol::problem::Problem;
use crate::protocol::routing::Audience;

/// The commands of one connection.
pub struct Commands {
    pub follower: Follower,
    /// `None`: a connection of an API key.
    pub(super) presence: Option<PresenceGuard>,
    registry: Arc<ConnectionRegistry>,
    connection: Arc<Connection>,
}

impl Commands {
    /// Joins the tenant's log as the client requested. `None`: the log cannot be read now.
    pub(super) async fn join(
        guard: &ConnectionGuard,
        join_permit: Option<Permit>,
        request: &ConnectRequest,
    ) -> Option<Self> {
        let (registry, connection) = (guard.registry(), &guard.connection);
        let follower = join_log(guard, join_permit, request).await?;
        let presence = PresenceGuard::enter(&registry.services, connection, follower.mailbox());
        Some(Self { follower, presence, registry: Arc::clone(registry), connection: Arc::clone(connection) })
    }

    /// Serves one text message. Every answer goes through the mailbox, behind the events that its position includes.
    pub async fn serve(&mut self, text: &str) {
        let Request { reply_to, command } = command::parse(text);
        let command = match command {
            Ok(command) => command,
            Err(refused) => return self.send(&refusal(refused, reply_to)),
        };
        let served = AssertUnwindSafe(self.perform(command, reply_to.clone())).catch_unwind().await;
        match served {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => self.send(&error(&problem, reply_to)),
            Err(_) => {
                tracing::error!(connection.id = %self.connection.id, "a command panicked");
                self.send(&error(&Problem::internal(), reply_to));
            }
        }
    }

    async fn perform(&mut self, command: Command, reply_to: Option<Value>) -> Result<(), Problem> {
        match command {
            Command::Ping => self.pong(reply_to),
            Command::Subscribe(wanted) => self.subscribe(wanted, reply_to),
            Command::Unsubscribe { subscription, key } => self.unsubscribe(&subscription, key, reply_to),
            Command::RequestStatus => {
                let figures =
                    connection_status::load_connection_status(&self.registry, &self.connection).await?;
                self.send(&figures.message(reply_to));
            }
            Command::RefreshToken { token } => self.refresh(&token, reply_to).await?,
            Command::Broadcast { message, category } => self.broadcast(message, category, reply_to).await?,
            Command::JoinRoom { .. }
            | Command::LeaveRoom { .. }
            | Command::Chat { .. }
            | Command::DirectMessage { .. }
            | Command::Typing { .. }
            | Command::Presence(_)
            | Command::Viewing { .. } => self.perform_room_command(command, reply_to).await?,
        }
        Ok(())
    }

    fn pong(&self, reply_to: Option<Value>) {
        let now = self.registry.clock().now();
        self.answer(|position| {
            ServerMessage::Pong(Pong {
                timestamp: epoch_seconds(now),
                payload: PongPayload { timestamp: rfc3339(now) },
                position: position.to_string(),
                reply_to,
            })
        });
    }

    fn subscribe(&mut self, wanted: Subscribe, reply_to: Option<Value>) {
        let (feed, key) = (wanted.filter.feed(), wanted.key.clone());
        let most = self.registry.settings.max_subscriptions;
        if let Err(problem) = self.follower.subscribe(wanted, reply_to.clone(), most) {
            self.send(&ServerMessage::SubscriptionError(SubscriptionError {
                subscription: Some(feed.name().to_owned()),
                key,
                message: problem.detail.into_owned(),
                code: problem.code.row().name.to_owned(),
                reply_to,
            }));
        }
    }

    fn unsubscribe(&mut self, subscription: &str, key: Option<String>, reply_to: Option<Value>) {
        if let Ok(feed) = subscription.parse::<Feed>() {
            self.follower.unsubscribe(feed, key, reply_to);
        }
    }

    /// Replaces the credential by a newer access token of the same user.
    async fn refresh(&self, token: &str, reply_to: Option<Value>) -> Result<(), Problem> {
        let expires_at = super::refresh::refresh(&self.registry, &self.connection, token).await?;
        let expires_at = rfc3339(expires_at);
        self.send(&ServerMessage::TokenRefreshed(TokenRefreshed { expires_at, reply_to }));
        Ok(())
    }

    async fn broadcast(
        &self,
        message: String,
        category: Option<String>,
        reply_to: Option<Value>,
    ) -> Result<(), Problem> {
        let op = self.op().await?;
        let payload = json!({ "message": message, "category": category.as_deref().unwrap_or("general") });
        let new = NewBroadcast { message, category, audience: Audience::Everyone, start_time: None };
        let sent = broadcast::send(&op, new).await?;
        let message_id = sent.broadcast_id.to_string();
        self.answer(|position| {
            ServerMessage::Ack(Ack { reply_to, message_id, position: position.to_string(), payload })
        });
        Ok(())
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.connection.id
    }

    /// An operation of the user with its current role.
    pub(super) async fn op(&self) -> Result<Op, Problem> {
        let principal = self.registry.identity.reload_principal(&self.connection.principal()).await?;
        Op::of_caller(&self.registry.services, principal, self.connection.origin.clone())
    }

    fn send(&self, message: &ServerMessage) {
        self.follower.mailbox().offer(ControlMessage::control(message));
    }

    pub(super) fn answer(&self, message: impl FnOnce(Position) -> ServerMessage) {
        let hub = &self.registry.services.hub;
        hub.answer(&self.connection.scope, self.follower.mailbox(), message);
    }
}

fn refusal(refused: CommandError, reply_to: Option<Value>) -> ServerMessage {
    match refused {
        CommandError::Command { code, message } => ServerMessage::Error(ErrorMessage {
            payload: MessagePayload { message: message.clone() },
            message,
            code: code.to_owned(),
            reply_to,
        }),
        CommandError::Subscription { subscription, key, code, message } => {
            let code = code.to_owned();
            ServerMessage::SubscriptionError(SubscriptionError { subscription, key, message, code, reply_to })
        }
    }
}

fn error(problem: &Problem, reply_to: Option<Value>) -> ServerMessage {
    let message = problem.message();
    ServerMessage::Error(ErrorMessage {
        payload: MessagePayload { message: message.clone() },
        message,
        code: problem.code.row().name.to_owned(),
        reply_to,
    })
}
