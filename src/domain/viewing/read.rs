//! Who looks at what, by request.

use super::{NAMED, exists};
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::base::page::{Page, PageRequest};
use crate::cluster::viewership::Viewed;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::message::ViewersPayload;
use crate::protocol::property::ViewedProperty;

/// Who is looking at a property at this moment.
pub async fn at(op: &Op, property: PropertyId) -> Result<ViewersPayload> {
    op.require(Permission::ReadProperties)?;
    let listing = exists(op, property).await?;
    Ok(payload(property, &op.kernel.together.viewing.viewership.at(listing, NAMED)))
}

/// What the tenant's people are looking at, in the order of ids.
pub fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<ViewedProperty, i64>> {
    op.require(Permission::ReadProperties)?;
    let most = usize::try_from(page.limit + 1).unwrap_or(usize::MAX);
    let viewership = &op.kernel.together.viewing.viewership;
    let rows = viewership.list(op.scope.tenant_id(), page.after.map(PropertyId), most);
    let page = Page::cut(rows, page.limit, |(property, _)| property.0);
    Ok(page.map(|(property, count)| ViewedProperty { property_id: property.0, count: number(count) }))
}

pub(super) fn payload(property: PropertyId, viewed: &Viewed) -> ViewersPayload {
    let users = viewed.first.iter().map(|user| user.0).collect();
    ViewersPayload { property_id: property.0, count: number(viewed.count), users }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
