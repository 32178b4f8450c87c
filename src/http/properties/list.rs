//! `GET /properties`.

use chrono::{DateTime, Utc};
use poem::Request;

use crate::base::ids::JobId;
use crate::domain::op::Op;
use crate::domain::properties::list::{self, PropertyQuery};
use crate::http::list::{Listed, listed, page_request};
use crate::http::validation::BOX_WORDS;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::property::{Property, PropertySort, StandardStatus};
use crate::protocol::subscription::BoundingBox;

/// The filters as they were sent.
pub(super) struct Filters {
    pub(super) city: Option<String>,
    pub(super) status: Option<StandardStatus>,
    pub(super) price_min: Option<f64>,
    pub(super) price_max: Option<f64>,
    pub(super) bedrooms_min: Option<i64>,
    pub(super) bbox: Option<String>,
    pub(super) q: Option<String>,
    pub(super) updated_since: Option<DateTime<Utc>>,
    pub(super) source: Option<String>,
    pub(super) job_id: Option<i64>,
    pub(super) include_removed: Option<bool>,
}

pub(super) async fn list(
    request: &Request,
    op: &Op,
    filters: Filters,
    sort: Option<PropertySort>,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Property>, Problem> {
    let query = filters.read()?;
    let page = list::list(op, query, sort.unwrap_or_default(), page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}

impl Filters {
    fn read(self) -> Result<PropertyQuery, Problem> {
        let bbox = match self.bbox.as_deref() {
            None => None,
            Some(text) => Some(BoundingBox::parse(text).ok_or_else(bad_box)?),
        };
        Ok(PropertyQuery {
            city: self.city,
            status: self.status,
            price_min: self.price_min,
            price_max: self.price_max,
            bedrooms_min: self.bedrooms_min,
            bbox,
            q: self.q,
            updated_since: self.updated_since,
            source: self.source,
            job_id: self.job_id.map(JobId),
            include_removed: self.include_removed.unwrap_or_default(),
        })
    }
}

fn bad_box() -> Problem {
    let place = [PathSegment::Name("bbox".to_owned())];
    Problem::validation(vec![FieldError::in_parameter("query", &place, "format", BOX_WORDS)])
}
