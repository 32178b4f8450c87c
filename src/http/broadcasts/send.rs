//! `POST /admin/broadcast`.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use poem_openapi::payload::Json;

use crate::domain::broadcast::{self, NewBroadcast};
use crate::domain::op::Op;
use crate::protocol::problem::{Code, FieldError, Problem, Step};
use crate::protocol::routing::Audience;

/// A broadcast.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct BroadcastBody {
    #[oai(validator(min_length = 1, max_length = 4000))]
    message: String,
    #[oai(validator(min_length = 1, max_length = 100))]
    category: Option<String>,
    /// `everyone` (the default), `admins`, `role:R` or `user:ID`.
    #[oai(validator(pattern = "^(everyone|admins|role:(viewer|member|admin)|user:[0-9]{1,19})$"))]
    audience: Option<String>,
    /// When what it speaks of begins; now when absent. Informs only.
    start_time: Option<DateTime<Utc>>,
}

/// The same as query parameters.
#[derive(Debug, Default)]
pub(super) struct SendParameters {
    pub(super) message: Option<String>,
    pub(super) category: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) start_time: Option<String>,
}

/// Where the broadcast stands.
#[derive(Debug, Object)]
pub struct BroadcastSent {
    /// `Broadcast sent successfully`.
    message: String,
    broadcast_id: String,
    /// For comparison with the positions of frames; not for `since`.
    position: String,
}

pub(super) async fn send(
    op: &Op,
    parameters: SendParameters,
    body: Option<BroadcastBody>,
) -> Result<Json<BroadcastSent>, Problem> {
    let new = match body {
        Some(body) if parameters.is_empty() => of_body(body)?,
        Some(_) => {
            let words = "Give the broadcast as a JSON body or as query parameters, not as both.";
            return Err(Problem::new(Code::BadRequest, words));
        }
        None => of_parameters(parameters)?,
    };
    let sent = broadcast::send(op, new).await?;
    Ok(Json(BroadcastSent {
        message: "Broadcast sent successfully".to_owned(),
        broadcast_id: sent.broadcast_id.to_string(),
        position: sent.position.to_string(),
    }))
}

impl SendParameters {
    fn is_empty(&self) -> bool {
        let all = [&self.message, &self.category, &self.audience, &self.start_time];
        all.iter().all(|parameter| parameter.is_none())
    }
}

fn of_body(body: BroadcastBody) -> Result<NewBroadcast, Problem> {
    let audience = match body.audience.as_deref().map(Audience::parse) {
        None => Audience::Everyone,
        Some(Some(audience)) => audience,
        Some(None) => {
            let place = [Step::Name("audience".to_owned())];
            return Err(Problem::validation(vec![FieldError::in_body(&place, "audience", AUDIENCES)]));
        }
    };
    Ok(NewBroadcast { message: body.message, category: body.category, audience, start_time: body.start_time })
}

fn of_parameters(parameters: SendParameters) -> Result<NewBroadcast, Problem> {
    let mut errors = Vec::new();
    let mut refuse = |name: &str, kind: &str, words: &str| {
        errors.push(FieldError::in_parameter("query", &[Step::Name(name.to_owned())], kind, words));
    };
    if parameters.message.is_none() {
        refuse("message", "required", "is required, here or in a JSON body");
    }
    let audience = parameters.audience.as_deref().map_or(Some(Audience::Everyone), Audience::parse);
    if audience.is_none() {
        refuse("audience", "audience", AUDIENCES);
    }
    let start_time = parameters.start_time.as_deref().map(|text| text.parse::<DateTime<Utc>>());
    if matches!(start_time, Some(Err(_))) {
        refuse("start_time", "date-time", "must be a time as RFC 3339 writes it");
    }
    match (parameters.message, audience) {
        (Some(message), Some(audience)) if errors.is_empty() => {
            let start_time = start_time.and_then(Result::ok);
            Ok(NewBroadcast { message, category: parameters.category, audience, start_time })
        }
        _ => Err(Problem::validation(errors)),
    }
}

const AUDIENCES: &str = "must be everyone, admins, role:R with a role, or user:ID with a user's id";
