//! The event log over REST.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{Example, ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::caller::{Caller, ReadEvents};
use super::tags::Tag;
use super::validation::SUBSCRIPTIONS;
use crate::auth::principal::Principal;
use crate::base::page::DEFAULT_LIMIT;
use crate::domain::op::Op;
use crate::protocol::examples;
use crate::protocol::feed::{Feed, INBOX_RESYNC_URL, own_jobs_url};
use crate::protocol::message::{JobUpdate, ServerMessage};
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::reader::Reader;
use crate::session::ConnectionRegistry;
use crate::session::connect_request::ConnectRequest;
use crate::session::event_page::{EventPage, read_page};

pub struct EventsApi;

#[OpenApi(tag = "Tag::Events")]
impl EventsApi {
    /// Read events after a position
    ///
    /// The inbox and the named feeds, in order, as on socket and stream. Without `since` the page is empty and has
    /// the head's position. `data` may be empty while `has_more` is true: continue from `position`.
    #[oai(path = "/events", method = "get", operation_id = "list_events")]
    async fn list(
        &self,
        registry: Data<&Arc<ConnectionRegistry>>,
        caller: Caller<ReadEvents>,
        /// A position; the events after it are returned. Any other text is answered with `recovered: false`.
        since: Query<Option<String>>,
        /// Feeds separated by commas, or a JSON array of `subscribe` objects.
        #[oai(validator(max_length = 20000))]
        subscriptions: Query<Option<String>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
    ) -> Result<Json<EventPageView>, Problem> {
        let most = registry.settings.max_subscriptions;
        let connect_request = ConnectRequest::parse(since.0.as_deref(), subscriptions.0.as_deref(), most)
            .map_err(|problem| bad_subscriptions(&problem.detail))?;
        let (op, reader) = (&caller.op, reader(&caller.op));
        if reader.user.is_none() && connect_request.subscriptions.is_empty() {
            let words = "is required: a key has no inbox, so name the feeds";
            return Err(bad_subscriptions(words));
        }
        let limit = usize::try_from(limit.0.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
        let page = read_page(&op.services, &op.scope, reader, &connect_request, limit).await?;
        Ok(Json(EventPageView::of(&page, reader, &connect_request)))
    }
}

/// A page of events.
#[derive(Debug, Object)]
#[oai(rename = "EventPage", skip_serializing_if_is_none, example)]
pub struct EventPageView {
    data: Vec<EventMessage>,
    /// The position from which the next call continues.
    position: String,
    has_more: bool,
    /// False: the log does not reach back to `since`, and events before those in `data` are missing. Read every list
    /// of `resync_urls`, then continue from `position`.
    recovered: bool,
    /// The list of the first feed in `subscriptions`; without any, of the inbox.
    resync_url: Option<String>,
    /// All lists to read, by feed.
    resync_urls: Option<ResyncUrls>,
}

/// The lists that show the state of the requested feeds, removed rows included.
#[derive(Debug, Default, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ResyncUrls {
    inbox: Option<String>,
    /// The caller's own jobs, which the inbox also covers.
    own_jobs: Option<String>,
    job_updates: Option<String>,
    property_updates: Option<String>,
    system_alerts: Option<String>,
}

/// A message as the log stores it, documented as the type from which it was made.
#[derive(Debug)]
pub struct EventMessage(Value);

/// The refusal of the parameter `subscriptions`.
fn bad_subscriptions(words: &str) -> Problem {
    let place = [PathSegment::Name("subscriptions".to_owned())];
    Problem::validation(vec![FieldError::in_parameter("query", &place, SUBSCRIPTIONS, words)])
}

fn first_list(connect_request: &ConnectRequest) -> &'static str {
    connect_request.subscriptions.first().map_or(INBOX_RESYNC_URL, |one| one.filter.feed().resync_url())
}

impl EventPageView {
    fn of(page: &EventPage, reader: Reader, connect_request: &ConnectRequest) -> Self {
        // Frames were written by us as JSON.
        let frame = |payload: Bytes| EventMessage(serde_json::from_slice(&payload).unwrap_or_default());
        let lists = (!page.recovered).then(|| ResyncUrls::of(reader, connect_request));
        Self {
            data: page.events.iter().map(|event| frame(event.frame.payload())).collect(),
            position: page.position.to_string(),
            has_more: page.has_more,
            recovered: page.recovered,
            resync_url: lists.is_some().then(|| first_list(connect_request).to_owned()),
            resync_urls: lists,
        }
    }
}

impl ResyncUrls {
    fn of(reader: Reader, connect_request: &ConnectRequest) -> Self {
        let mut urls = Self {
            inbox: reader.user.map(|_| INBOX_RESYNC_URL.to_owned()),
            own_jobs: reader.user.map(own_jobs_url),
            ..Self::default()
        };
        for feed in connect_request.subscriptions.iter().map(|one| one.filter.feed()) {
            let url = match feed {
                Feed::JobUpdates => &mut urls.job_updates,
                Feed::PropertyUpdates => &mut urls.property_updates,
                Feed::SystemAlerts => &mut urls.system_alerts,
            };
            *url = Some(feed.resync_url().to_owned());
        }
        urls
    }
}

fn reader(op: &Op) -> Reader {
    match op.principal() {
        Some(Principal::User(user)) => Reader::unconnected(Some(user.user_id()), Some(user.role())),
        Some(Principal::Key(_) | Principal::Operator(_)) | None => Reader::unconnected(None, None),
    }
}

impl Type for EventMessage {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        ServerMessage::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        ServerMessage::schema_ref()
    }

    fn register(registry: &mut Registry) {
        ServerMessage::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ToJSON for EventMessage {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

impl ParseFromJSON for EventMessage {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        value.map(Self).ok_or_else(ParseError::expected_input)
    }
}

impl Example for EventPageView {
    fn example() -> Self {
        let message = ServerMessage::JobUpdate(JobUpdate::example());
        Self {
            // Messages always serialise.
            data: vec![EventMessage(serde_json::to_value(message).unwrap_or_default())],
            position: examples::position(),
            has_more: false,
            recovered: true,
            resync_url: None,
            resync_urls: None,
        }
    }
}
