//! The endpoints of server-sent events. EventSource gives up for ever on any status but 200, so a temporary refusal
//! is a stream with the reason that ends; a permanent one is HTTP, unless `reject=close` asks for a stream.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{Body, Endpoint, Request, Response};

use super::admission::{VerifiedRequest, check_caller, check_request};
use super::context::LiveContext;
use super::parameters::{AllowedParameters, Parameters};
use super::{reject, stream_refusal};
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::domain::identity::tickets::Channel;
use crate::domain::jobs::logs::{self, LogQuery, LogStart};
use crate::domain::op::{Op, forbidden};
use crate::http::serve::LiveResponse;
use crate::protocol::channels::StreamKind;
use crate::protocol::job::LogLevel;
use crate::protocol::position;
use crate::protocol::problem::{Code, Problem};
use crate::session::connect_request::ConnectRequest;
use crate::session::log_stream::{self, LogStreamRequest};
use crate::session::sse::{self, EventNames, Keepalive, StreamFormat};
use crate::session::{Purpose, Verified, tenant_stats_stream};

fn allowed_parameters(kind: StreamKind) -> AllowedParameters {
    match kind {
        StreamKind::Notifications => {
            &["token", "ticket", "since", "names", "keepalive", "reject", "lastEventId", "last_event_id"]
        }
        StreamKind::Events => &[
            "token",
            "ticket",
            "since",
            "subscriptions",
            "names",
            "keepalive",
            "reject",
            "lastEventId",
            "last_event_id",
        ],
        // Nothing to resume, but polyfills repeat the id of a refusal.
        StreamKind::Stats => &["token", "ticket", "keepalive", "reject", "lastEventId", "last_event_id"],
        StreamKind::Logs => &[
            "token",
            "ticket",
            "since",
            "level",
            "min_level",
            "keepalive",
            "reject",
            "lastEventId",
            "last_event_id",
        ],
    }
}

pub struct StreamEndpoint {
    pub live: Arc<LiveContext>,
    pub kind: StreamKind,
}

impl Endpoint for StreamEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match self.open(&request).await {
            Ok(mut response) => {
                if response.status() == StatusCode::OK {
                    response.set_data(LiveResponse);
                }
                Ok(response)
            }
            Err(problem) if stream_refusal::is_sent_on_stream(&problem, reject::is_requested(&request)) => {
                self.live.registry.services.metrics.count_refusal(problem.code);
                Ok(event_stream(Body::from(stream_refusal::text(&problem))))
            }
            Err(problem) => Err(problem.into()),
        }
    }
}

impl StreamEndpoint {
    async fn open(&self, request: &Request) -> Result<Response, Problem> {
        // Checked first, whatever the refusal was for, be it the parameters: the reader must not reconnect.
        if must_not_reconnect(request) {
            // The one answer that ends an EventSource for good.
            return Ok(StatusCode::NO_CONTENT.into());
        }
        let parameters = check_request(&self.live, request, allowed_parameters(self.kind)).await?;
        let verified_request = check_caller(&self.live, request, Channel::Stream, parameters).await?;
        let keepalive = keepalive(&verified_request)?;
        match self.kind {
            StreamKind::Stats => return Self::open_stats(verified_request.verified).await,
            StreamKind::Logs => return self.open_logs(request, verified_request, keepalive).await,
            StreamKind::Notifications | StreamKind::Events => {}
        }
        let style = StreamFormat { names: self.names(&verified_request)?, keepalive };
        let connect_request = self.connect_request(request, &verified_request)?;
        let joined = verified_request.verified.admit(Purpose::LogStream).await?.join().await?;
        let stream = sse::stream(joined, &connect_request, style).await;
        Ok(event_stream(Body::from_bytes_stream(stream)))
    }

    async fn open_stats(verified: Verified) -> Result<Response, Problem> {
        if !verified.principal().may(Permission::ReadStats) {
            return Err(forbidden(Permission::ReadStats));
        }
        let joined = verified.admit(Purpose::FiguresStream).await?.join().await?;
        Ok(event_stream(Body::from_bytes_stream(tenant_stats_stream::stream_stats(joined))))
    }

    async fn open_logs(
        &self,
        request: &Request,
        verified_request: VerifiedRequest,
        keepalive: Keepalive,
    ) -> Result<Response, Problem> {
        let VerifiedRequest { parameters, verified } = verified_request;
        let services = &self.live.registry.services;
        let op = Op::of_caller(services, verified.principal().clone(), verified.origin().clone())?;
        // A path that names no job is answered like a job that does not exist.
        let job = request.raw_path_param("job_id").and_then(|id| id.parse().ok()).map(JobId);
        let job = job.ok_or_else(Problem::not_found)?;
        let query = log_query(&parameters)?;
        let since = since(request, &parameters)?.map(position::truncate_since);
        let begin = logs::resolve_start(&op, job, since.as_deref()).await?;
        if begin == LogStart::AtEnd {
            // The one answer that ends an EventSource for good.
            return Ok(StatusCode::NO_CONTENT.into());
        }
        let joined = verified.admit(Purpose::LogStream).await?.join().await?;
        let stream =
            log_stream::stream(joined, LogStreamRequest { job, query, begin, since, keepalive }).await;
        Ok(event_stream(Body::from_bytes_stream(stream)))
    }

    fn names(&self, verified_request: &VerifiedRequest) -> Result<EventNames, Problem> {
        match (self.kind, verified_request.parameters.get("names")) {
            (StreamKind::Events | StreamKind::Stats | StreamKind::Logs, None) | (_, Some("type")) => {
                Ok(EventNames::Type)
            }
            (StreamKind::Notifications, None) => Ok(EventNames::Notification),
            (StreamKind::Notifications, Some(_)) => Err(Problem::new(
                Code::BadRequest,
                "names may only be `type`; leave it out for `notification`.",
            )),
            (_, Some(_)) => {
                Err(Problem::new(Code::BadRequest, "names may only be `type`, which holds without it too."))
            }
        }
    }

    fn connect_request(
        &self,
        request: &Request,
        verified_request: &VerifiedRequest,
    ) -> Result<ConnectRequest, Problem> {
        let parameters = &verified_request.parameters;
        let since = since(request, parameters)?;
        let most = self.live.registry.settings.max_subscriptions;
        match self.kind {
            StreamKind::Notifications
                if !verified_request.verified.principal().may(Permission::ReadNotifications) =>
            {
                Err(forbidden(Permission::ReadNotifications))
            }
            StreamKind::Notifications => ConnectRequest::parse(since, None, most),
            StreamKind::Stats | StreamKind::Logs => ConnectRequest::parse(None, None, most),
            StreamKind::Events => {
                let connect_request = ConnectRequest::parse(since, parameters.get("subscriptions"), most)?;
                if connect_request.subscriptions.is_empty()
                    && verified_request.verified.principal().user_id().is_none()
                {
                    let words = "A key has no inbox: name the feeds in `subscriptions`.";
                    return Err(Problem::new(Code::BadRequest, words));
                }
                Ok(connect_request)
            }
        }
    }
}

/// The position to resume from. A reconnecting EventSource repeats its address and adds its last id, which is newer.
fn since<'a>(request: &'a Request, parameters: &'a Parameters) -> Result<Option<&'a str>, Problem> {
    let last = last_event_id(request, parameters)?;
    Ok(last.or_else(|| parameters.get("since")))
}

/// The last event id of a reconnecting reader: in the header, or in one of the two parameters that polyfills use.
fn last_event_id<'a>(request: &'a Request, parameters: &'a Parameters) -> Result<Option<&'a str>, Problem> {
    let parameter = |name| parameters.get(name).filter(|id| !id.is_empty());
    let in_query = match (parameter("lastEventId"), parameter("last_event_id")) {
        (Some(one), Some(other)) if one != other => {
            let words = "The query parameters lastEventId and last_event_id differ; give one of them.";
            return Err(Problem::new(Code::BadRequest, words));
        }
        (one, other) => one.or(other),
    };
    Ok(request.header("last-event-id").filter(|id| !id.is_empty()).or(in_query))
}

fn must_not_reconnect(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let mut in_query = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "lastEventId" || name == "last_event_id");
    request.header("last-event-id").is_some_and(stream_refusal::is_end)
        || in_query.any(|(_, id)| stream_refusal::is_end(&id))
}

fn keepalive(verified_request: &VerifiedRequest) -> Result<Keepalive, Problem> {
    match verified_request.parameters.get("keepalive") {
        None | Some("id") => Ok(Keepalive::Id),
        Some("comment") => Ok(Keepalive::Comment),
        Some(_) => {
            let words = "The query parameter keepalive must be `comment` or `id`; or leave it out for `id`.";
            Err(Problem::new(Code::BadRequest, words))
        }
    }
}

/// The requested lines of a log: the two level filters of the log's list.
fn log_query(parameters: &Parameters) -> Result<LogQuery, Problem> {
    let level = |name: &str| parameters.get(name).and_then(LogLevel::named);
    let is_bad = |name: &&str| parameters.get(name).is_some() && level(name).is_none();
    let bad: Vec<&str> = ["level", "min_level"].into_iter().filter(is_bad).collect();
    if !bad.is_empty() {
        let known = LogLevel::ALL.map(LogLevel::name).join(", ");
        let words = match bad.as_slice() {
            [name] => format!("The query parameter {name} must be one of {known}."),
            _ => format!("The query parameters {} must each be one of {known}.", bad.join(" and ")),
        };
        return Err(Problem::new(Code::BadRequest, words));
    }
    Ok(LogQuery { level: level("level"), min_level: level("min_level"), execution_id: None })
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
