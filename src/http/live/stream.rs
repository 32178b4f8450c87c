//! The doors of server-sent events. EventSource gives up for ever on any status but 200, so a temporary refusal is a
//! stream that says so and ends; a permanent one is HTTP.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{Body, Endpoint, Request, Response};

use super::Live;
use super::door::{Visitor, check};
use crate::auth::permission::Permission;
use crate::domain::identity::tickets::Door;
use crate::domain::op::forbidden;
use crate::hub::Closing;
use crate::protocol::problem::{Code, Problem};
use crate::session::seats::Carrier;
use crate::session::sse::{self, Names};
use crate::session::stats_stream;
use crate::session::wish::Wish;

/// What a stream brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The inbox, named `notification`.
    Notifications,
    /// The inbox and the named feeds, named by type.
    Events,
    /// Live figures of the tenant, once a second.
    Stats,
}

pub struct StreamDoor {
    pub live: Arc<Live>,
    pub kind: StreamKind,
}

impl Endpoint for StreamDoor {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match self.open(&request).await {
            Ok(response) => Ok(response),
            Err(problem) if is_temporary(&problem) => {
                self.live.sessions.kernel.metrics.refused(problem.code);
                Ok(come_back(&problem))
            }
            Err(problem) => Err(problem.into()),
        }
    }
}

impl StreamDoor {
    async fn open(&self, request: &Request) -> Result<Response, Problem> {
        let visitor = check(&self.live, request, Door::Stream).await?;
        if self.kind == StreamKind::Stats {
            return self.open_stats(visitor).await;
        }
        let names = self.names(&visitor)?;
        let wish = self.wish(request, &visitor)?;
        let sessions = &self.live.sessions;
        let place = sessions.admission.joins.enter().await?;
        let seat = sessions.admit(visitor.admitted, Carrier::Stream, visitor.origin).await?;
        seat.connection.hold(place);
        if let Some(ticket) = &visitor.ticket {
            sessions.identity.tickets.redeem(ticket, Door::Stream).await?;
        }
        let stream = sse::stream(sessions, seat, &wish, names).await;
        Ok(event_stream(Body::from_bytes_stream(stream)))
    }

    async fn open_stats(&self, visitor: Visitor) -> Result<Response, Problem> {
        if !visitor.admitted.principal.may(Permission::ReadStats) {
            return Err(forbidden());
        }
        let sessions = &self.live.sessions;
        let seat = sessions.admit(visitor.admitted, Carrier::Stream, visitor.origin).await?;
        if let Some(ticket) = &visitor.ticket {
            sessions.identity.tickets.redeem(ticket, Door::Stream).await?;
        }
        Ok(event_stream(Body::from_bytes_stream(stats_stream::stats(sessions, seat)?)))
    }

    fn names(&self, visitor: &Visitor) -> Result<Names, Problem> {
        match (self.kind, visitor.parameters.get("names")) {
            (StreamKind::Events | StreamKind::Stats, _) | (StreamKind::Notifications, Some("type")) => {
                Ok(Names::Type)
            }
            (StreamKind::Notifications, None) => Ok(Names::Notification),
            (StreamKind::Notifications, Some(_)) => Err(Problem::new(
                Code::BadRequest,
                "names may only be `type`; leave it out for `notification`.",
            )),
        }
    }

    fn wish(&self, request: &Request, visitor: &Visitor) -> Result<Wish, Problem> {
        let parameters = &visitor.parameters;
        // A reconnecting EventSource repeats its address and adds where it got to: that is the newer word.
        let since = request.header("last-event-id").filter(|id| !id.is_empty()).or(parameters.get("since"));
        match self.kind {
            StreamKind::Notifications if !visitor.admitted.principal.may(Permission::ReadNotifications) => {
                Err(forbidden())
            }
            StreamKind::Notifications => Wish::parse(since, None),
            StreamKind::Stats => Wish::parse(None, None),
            StreamKind::Events => {
                let wish = Wish::parse(since, parameters.get("subscriptions"))?;
                if wish.subscriptions.is_empty() && visitor.admitted.principal.user_id().is_none() {
                    let words = "A key has no inbox: name the feeds in `subscriptions`.";
                    return Err(Problem::new(Code::BadRequest, words));
                }
                Ok(wish)
            }
        }
    }
}

fn is_temporary(problem: &Problem) -> bool {
    matches!(problem.code.row().status, 429 | 503)
}

/// A stream that only says when to try again.
fn come_back(problem: &Problem) -> Response {
    let retry_ms = u64::from(problem.retry_after.unwrap_or(5)) * 1000;
    let closing = Closing { code: problem.code.row().close, reason: problem.detail.clone().into_owned() };
    let mut text = format!("retry: {retry_ms}\n").into_bytes();
    text.extend_from_slice(&sse::farewell(&closing));
    event_stream(Body::from(text))
}

fn event_stream(body: Body) -> Response {
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache")
        // nginx would hold events back until its buffer is full.
        .header("X-Accel-Buffering", "no")
        .body(body)
}
