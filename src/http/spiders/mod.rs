//! Spiders.

mod create;
mod delete;
mod get;
mod list;
mod put;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

use self::create::Created;
use self::delete::Deleted;
use super::body::Body;
use super::caller::{Caller, ManageSpiders, ReadSpiders};
use super::etag::{Changed, Tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::Listed;
use super::tags::Tag;
use crate::protocol::problem::Problem;
use crate::protocol::spider::{NewSpider, Spider, SpiderInput};

pub struct SpidersApi;

#[OpenApi(tag = "Tag::Jobs")]
impl SpidersApi {
    /// List spiders
    ///
    /// `auto` first, then the tenant's own in the order of creation.
    #[oai(path = "/spiders", method = "get", operation_id = "list_spiders")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadSpiders>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Spider>, Problem> {
        list::list(request, &caller.op, limit.0, cursor.0.as_deref()).await
    }

    /// Add a spider
    #[oai(path = "/spiders", method = "post", operation_id = "create_spider")]
    async fn create(
        &self,
        caller: Caller<ManageSpiders>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewSpider>,
    ) -> Result<Replayable<Created>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        Ok(Replayable::new(op.idempotency(), create::create(&op, body.0).await?))
    }

    /// Read a spider
    #[oai(path = "/spiders/:name", method = "get", operation_id = "get_spider")]
    async fn get(
        &self,
        caller: Caller<ReadSpiders>,
        name: Path<String>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Spider>, Problem> {
        get::get(&caller.op, &name.0, if_none_match.0.as_deref()).await
    }

    /// Change a spider
    ///
    /// Replaces all but the name. Existing jobs keep the settings they were created with. `auto` cannot be changed.
    #[oai(path = "/spiders/:name", method = "put", operation_id = "put_spider")]
    async fn put(
        &self,
        caller: Caller<ManageSpiders>,
        name: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<SpiderInput>,
    ) -> Result<Changed<Spider>, Problem> {
        put::put(&caller.op, &name.0, if_match.0.as_deref(), body.0).await
    }

    /// Remove a spider
    ///
    /// Not while jobs of it are pending or running. `auto` cannot be removed.
    #[oai(path = "/spiders/:name", method = "delete", operation_id = "delete_spider")]
    async fn delete(
        &self,
        caller: Caller<ManageSpiders>,
        name: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Deleted, Problem> {
        delete::delete(&caller.op, &name.0, if_match.0.as_deref()).await
    }
}
