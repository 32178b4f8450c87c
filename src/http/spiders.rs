//! Spiders.

use poem::Request;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::base::BASE;
use super::body::Body;
use super::caller::{Caller, ManageSpiders, ReadSpiders};
use super::etag::{Changed, Tagged, require_match, tag_of, tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::domain::{rule_report, spiders};
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
        let page = spiders::list(&caller.op, page_request(limit.0, cursor.0.as_deref())?).await?;
        Ok(listed(request, page))
    }

    /// Add a spider
    ///
    /// Its rules shape its crawls: sitemaps, which links are followed, which pages are details, how fields are read. Every
    /// rule that is wrong is named. Headers are stored encrypted, sent only to the spider's own hosts, and never shown.
    /// Where pages of an earlier spider of this name are kept, `rule_report` tells what the rules change on the last 50.
    #[oai(path = "/spiders", method = "post", operation_id = "create_spider")]
    async fn create(
        &self,
        caller: Caller<ManageSpiders>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewSpider>,
    ) -> Result<Replayable<Created>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let input = SpiderInput::from(body.0.clone());
        // A replay has the report that was answered before.
        let is_done = op.was_answered().await?;
        let report = if is_done { None } else { rule_report::of_change(&op, &body.0.name, &input).await? };
        let spider = spiders::create_with_report(&op, body.0, report).await?;
        // A name has no character that must be escaped in a URL.
        let location = format!("{BASE}/spiders/{}", spider.name);
        Ok(Replayable::new(op.idempotency(), Created::Spider(Json(spider), location)))
    }

    /// Read a spider
    #[oai(path = "/spiders/:name", method = "get", operation_id = "get_spider")]
    async fn get(
        &self,
        caller: Caller<ReadSpiders>,
        name: Path<String>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Spider>, Problem> {
        Ok(tagged(spiders::get(&caller.op, &name.0).await?, if_none_match.0.as_deref()))
    }

    /// Change a spider
    ///
    /// Replaces all but the name: what is absent is removed, headers too, which have to be given with every change.
    /// Existing jobs keep the settings they were created with. `auto` cannot be changed. Where pages of the spider are
    /// kept and its rules change, `rule_report` tells what that does on the last 50 of them; it is read before the change
    /// holds and is no part of the spider's `ETag`.
    #[oai(path = "/spiders/:name", method = "put", operation_id = "put_spider")]
    async fn put(
        &self,
        caller: Caller<ManageSpiders>,
        name: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<SpiderInput>,
    ) -> Result<Changed<Spider>, Problem> {
        let if_match = if_match.0.as_deref();
        let unchanged = |spider: &_| require_match(spider, if_match);
        let report = rule_report::of_change(&caller.op, &name.0, &body.0).await?;
        let spider = spiders::put(&caller.op, &name.0, body.0, &unchanged).await?;
        let tag = tag_of(&spider);
        Ok(Changed::Now(Json(Spider { rule_report: report, ..spider }), tag))
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
        let if_match = if_match.0.as_deref();
        let unchanged = |spider: &_| require_match(spider, if_match);
        spiders::delete(&caller.op, &name.0, &unchanged).await?;
        Ok(Deleted::Done)
    }
}

/// A new spider.
#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The spider is created and may have jobs.
    #[oai(status = 201)]
    Spider(
        Json<Spider>,
        /// The spider's address.
        #[oai(header = "Location")]
        String,
    ),
}

/// Removed.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The spider is removed.
    #[oai(status = 204)]
    Done,
}
