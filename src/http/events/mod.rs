//! The event log over REST.

mod list;

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use self::list::EventPageView;
use super::caller::{Caller, ReadEvents};
use super::tags::Tag;
use crate::protocol::problem::Problem;
use crate::session::ConnectionRegistry;
use crate::session::connect_request::ConnectRequest;

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
            .map_err(|problem| list::bad_subscriptions(&problem.detail))?;
        list::list(&caller.op, &connect_request, limit.0).await
    }
}
