//! Broadcasts.

use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ToJSON};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;

use super::body::{OptionalBody, Rules};
use super::caller::BroadcastCaller;
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::tags::Tag;
use crate::base::timestamp::Timestamp;
use crate::domain::broadcast::{self, NewBroadcast};
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::op::{Op, denied};
use crate::domain::platform_broadcast;
use crate::protocol::examples;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::protocol::routing::Audience;

pub struct BroadcastsApi;

#[OpenApi(tag = "Tag::Messages")]
impl BroadcastsApi {
    /// Broadcast to the tenant, or to all tenants
    ///
    /// Sends a message to an audience of the tenant, once and durably. The fields come as a JSON body or as query
    /// parameters. An operator's broadcast goes to all tenants, one by one, and is answered before that is done.
    #[oai(path = "/admin/broadcast", method = "post", operation_id = "send_broadcast")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation with its own documentation"
    )]
    async fn send(
        &self,
        caller: BroadcastCaller,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        /// 1 to 4,000 characters.
        #[oai(validator(min_length = 1, max_length = 4000))]
        message: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 100))] category: Query<Option<String>>,
        /// `everyone` (the default), `admins`, `role:R` or `user:ID`; of an operator only `all_tenants`.
        #[oai(validator(
            pattern = "^(everyone|admins|all_tenants|role:(viewer|member|admin)|user:[0-9]{1,19})$"
        ))]
        audience: Query<Option<String>>,
        /// RFC 3339; informational only.
        start_time: Query<Option<Timestamp>>,
        body: OptionalBody<BroadcastBody>,
    ) -> Result<Replayable<SendBroadcastResponse>, Problem> {
        let parameters = BroadcastParameters {
            message: message.0,
            category: category.0,
            audience: audience.0,
            start_time: start_time.0,
        };
        let caller = caller.with_idempotency_key(once.0);
        let input = BroadcastInput::read(parameters, body.0)?;
        let sent = match &caller {
            BroadcastCaller::Tenant(op) => to_tenant(op, input).await?,
            BroadcastCaller::Platform(op) => to_all(op, input).await?,
        };
        Ok(Replayable::new(caller.idempotency(), sent))
    }
}

/// A broadcast.
#[derive(Debug, Object)]
#[oai(rename = "NewBroadcast", deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct BroadcastBody {
    #[oai(validator(min_length = 1, max_length = 4000))]
    message: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    category: Option<String>,
    /// `everyone` (the default), `admins`, `role:R` or `user:ID`; of an operator only `all_tenants`.
    #[oai(validator(
        pattern = "^(everyone|admins|all_tenants|role:(viewer|member|admin)|user:[0-9]{1,19})$"
    ))]
    audience: Option<String>,
    /// When the announced event begins; now when absent. Informational only.
    start_time: Option<Timestamp>,
}

/// The same as query parameters.
#[derive(Debug, Default)]
struct BroadcastParameters {
    message: Option<String>,
    category: Option<String>,
    audience: Option<String>,
    start_time: Option<Timestamp>,
}

/// A broadcast that was sent.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BroadcastSent {
    /// `Broadcast sent successfully`.
    message: String,
    broadcast_id: String,
    /// To compare with the positions of messages; not for `since`.
    position: String,
}

/// A broadcast to all tenants that is stored and will be written to each tenant's log.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BroadcastAccepted {
    /// `Broadcast sent successfully`.
    message: String,
    broadcast_id: String,
}

/// The answer to a broadcast.
#[derive(Debug, ApiResponse)]
pub enum SendBroadcastResponse {
    /// The broadcast is in the tenant's log.
    #[oai(status = 200)]
    Sent(Json<BroadcastSent>),
    /// The broadcast is stored, and every tenant will get it.
    #[oai(status = 202)]
    Accepted(Json<BroadcastAccepted>),
}

/// The audience of operators.
const ALL_TENANTS: &str = "all_tenants";

/// The text that existing clients expect.
const SENT: &str = "Broadcast sent successfully";

async fn to_tenant(op: &Op, given: BroadcastInput) -> Result<SendBroadcastResponse, Problem> {
    let audience = match given.audience.as_deref().map(Audience::parse) {
        None => Audience::Everyone,
        Some(Some(audience)) => audience,
        Some(None) if given.audience.as_deref() == Some(ALL_TENANTS) => return Err(denied("an operator")),
        Some(None) => return Err(given.bad_audience(AUDIENCES)),
    };
    let BroadcastInput { message, category, start_time, .. } = given;
    let start_time = start_time.map(Timestamp::utc);
    let sent = broadcast::send(op, NewBroadcast { message, category, audience, start_time }).await?;
    Ok(SendBroadcastResponse::Sent(Json(BroadcastSent {
        message: SENT.to_owned(),
        broadcast_id: sent.broadcast_id.to_string(),
        position: sent.position.to_string(),
    })))
}

async fn to_all(op: &PlatformOp, given: BroadcastInput) -> Result<SendBroadcastResponse, Problem> {
    if given.audience.as_deref().is_some_and(|audience| audience != ALL_TENANTS) {
        return Err(given.bad_audience("must be all_tenants: an operator has no tenant"));
    }
    let start_time = given.start_time.map(Timestamp::utc);
    let id = platform_broadcast::send(op, &given.message, given.category.as_deref(), start_time).await?;
    Ok(SendBroadcastResponse::Accepted(Json(BroadcastAccepted {
        message: SENT.to_owned(),
        broadcast_id: id.to_string(),
    })))
}

/// The fields of either form.
struct BroadcastInput {
    message: String,
    category: Option<String>,
    audience: Option<String>,
    start_time: Option<Timestamp>,
    in_body: bool,
}

impl BroadcastParameters {
    fn is_empty(&self) -> bool {
        let all = [&self.message, &self.category, &self.audience];
        self.start_time.is_none() && all.iter().all(|parameter| parameter.is_none())
    }
}

impl BroadcastInput {
    fn read(parameters: BroadcastParameters, body: Option<BroadcastBody>) -> Result<Self, Problem> {
        match body {
            Some(body) if parameters.is_empty() => Ok(Self::of_body(body)),
            Some(_) => {
                let words = "Give the broadcast as a JSON body or as query parameters, not as both.";
                Err(Problem::new(Code::BadRequest, words))
            }
            None => Self::of_parameters(parameters),
        }
    }

    fn of_body(body: BroadcastBody) -> Self {
        let BroadcastBody { message, category, audience, start_time } = body;
        Self { message, category, audience, start_time, in_body: true }
    }

    fn of_parameters(parameters: BroadcastParameters) -> Result<Self, Problem> {
        let BroadcastParameters { message, category, audience, start_time } = parameters;
        match message {
            Some(message) => Ok(Self { message, category, audience, start_time, in_body: false }),
            None => Err(Problem::validation(vec![missing_message()])),
        }
    }

    fn bad_audience(&self, words: &str) -> Problem {
        let place = [PathSegment::Name("audience".to_owned())];
        let error = if self.in_body {
            FieldError::in_body(&place, "audience", words)
        } else {
            FieldError::in_parameter("query", &place, "audience", words)
        };
        Problem::validation(vec![error])
    }
}

const AUDIENCES: &str = "must be everyone, admins, role:R with a role, or user:ID with a user's id";

fn missing_message() -> FieldError {
    let name = PathSegment::Name("message".to_owned());
    FieldError::in_parameter("query", &[name], "required", "is required, here or in a JSON body")
}

impl Rules for BroadcastBody {
    fn sample() -> Option<Value> {
        Self::example().to_json()
    }

    fn violations(self, _now: DateTime<Utc>) -> Vec<FieldError> {
        broadcast::validate(&self.message, self.category.as_deref())
    }

    fn violations_without_body(query: &str) -> Vec<FieldError> {
        let mut names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        if names.any(|name| name == "message") { Vec::new() } else { vec![missing_message()] }
    }
}

impl Example for BroadcastBody {
    fn example() -> Self {
        Self {
            message: "Maintenance tonight at ten".to_owned(),
            category: Some("maintenance".to_owned()),
            audience: None,
            start_time: examples::timestamp(),
        }
    }
}

impl Example for BroadcastSent {
    fn example() -> Self {
        Self {
            message: SENT.to_owned(),
            broadcast_id: examples::UUID.to_owned(),
            position: examples::position(),
        }
    }
}

impl Example for BroadcastAccepted {
    fn example() -> Self {
        Self { message: SENT.to_owned(), broadcast_id: examples::UUID.to_owned() }
    }
}
