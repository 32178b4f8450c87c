//! The health of spiders.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;

use super::caller::{Caller, ReadSpiders};
use super::tags::Tag;
use crate::domain::coverage;
use crate::protocol::problem::Problem;
use crate::protocol::spider_health::SpiderHealth;

pub struct SpiderHealthApi;

#[OpenApi(tag = "Tag::Jobs")]
impl SpiderHealthApi {
    /// Read the health of a spider
    ///
    /// For each source of its last jobs the share of pages of homes on which the built-in crawler read each field. A
    /// field that falls below half of its median of the last ten jobs raises a `system_alert` of category `drift`; the
    /// first ten jobs of a source raise none.
    #[oai(path = "/spiders/:name/health", method = "get", operation_id = "get_spider_health")]
    async fn health(
        &self,
        caller: Caller<ReadSpiders>,
        name: Path<String>,
    ) -> Result<Json<SpiderHealth>, Problem> {
        Ok(Json(coverage::health(&caller.op, &name.0).await?))
    }
}
