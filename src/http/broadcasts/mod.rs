//! Broadcasts.

mod send;

use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use self::send::{BroadcastBody, BroadcastSent, SendParameters};
use super::body::OptionalBody;
use super::caller::{Broadcast, Caller};
use super::tags::Tag;
use crate::protocol::problem::Problem;

pub struct BroadcastsApi;

#[OpenApi(tag = "Tag::Messages")]
impl BroadcastsApi {
    /// Broadcast to the tenant
    ///
    /// Tells an audience of the tenant something, once and durably. The fields come as a JSON body or, as the seeds have
    /// it, as query parameters.
    #[oai(path = "/admin/broadcast", method = "post", operation_id = "send_broadcast")]
    async fn send(
        &self,
        caller: Caller<Broadcast>,
        /// 1 to 4,000 characters.
        #[oai(validator(min_length = 1, max_length = 4000))]
        message: Query<Option<String>>,
        #[oai(validator(min_length = 1, max_length = 100))] category: Query<Option<String>>,
        /// `everyone` (the default), `admins`, `role:R` or `user:ID`.
        audience: Query<Option<String>>,
        /// RFC 3339; informs only.
        start_time: Query<Option<String>>,
        body: OptionalBody<BroadcastBody>,
    ) -> Result<Json<BroadcastSent>, Problem> {
        let parameters = SendParameters {
            message: message.0,
            category: category.0,
            audience: audience.0,
            start_time: start_time.0,
        };
        send::send(&caller.op, parameters, body.0).await
    }
}
