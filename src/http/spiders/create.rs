//! `POST /spiders`.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::http::router::BASE;
use crate::protocol::problem::Problem;
use crate::protocol::spider::{NewSpider, Spider};

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

pub(super) async fn create(op: &Op, new: NewSpider) -> Result<Created, Problem> {
    let spider = spiders::create(op, new).await?;
    // A name has no character that must be escaped in a URL.
    let location = format!("{BASE}/spiders/{}", spider.name);
    Ok(Created::Spider(Json(spider), location))
}
