//! Broadcasts.

mod send;

use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use self::send::{BroadcastBody, BroadcastParameters, SendBroadcastResponse};
use super::body::OptionalBody;
use super::caller::BroadcastCaller;
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::tags::Tag;
use crate::base::timestamp::Timestamp;
use crate::protocol::problem::Problem;

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
        let sent = send::send(&caller, parameters, body.0).await?;
        Ok(Replayable::new(caller.idempotency(), sent))
    }
}
