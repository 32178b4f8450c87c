//! The property that a caller may view, and its viewers, by request.

use super::tracker::{MAX_NAMED_VIEWERS, ViewTarget};
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::base::page::{Page, PageRequest};
use crate::cluster::viewer_store::{TenantProperty, ViewerSummary};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::message::ViewersPayload;
use crate::protocol::problem::Problem;
use crate::protocol::property::ViewedProperty;
use crate::storage::properties;

/// The property that the caller wants to view. A removed one can be viewed as well.
pub async fn authorize(op: &Op, property: PropertyId) -> Result<ViewTarget> {
    op.require(Permission::ShowViewing)?;
    let viewer = require_user(op)?;
    let listing = require_property(op, property).await?;
    Ok(ViewTarget { property, key: listing, viewer })
}

async fn require_property(op: &Op, property: PropertyId) -> Result<TenantProperty> {
    let tx = op.read().await?;
    properties::find(&tx, property).await?.ok_or_else(Problem::not_found)?;
    Ok(TenantProperty { tenant: op.scope.tenant_id(), property })
}

/// The current viewers of a property.
pub async fn viewers_of(op: &Op, property: PropertyId) -> Result<ViewersPayload> {
    op.require(Permission::ReadProperties)?;
    let listing = require_property(op, property).await?;
    Ok(payload(property, &op.services.ephemeral.viewing.store.viewers_of(listing, MAX_NAMED_VIEWERS)))
}

/// The tenant's properties with viewers, in the order of ids.
pub fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<ViewedProperty, i64>> {
    op.require(Permission::ReadProperties)?;
    let most = usize::try_from(page.limit + 1).unwrap_or(usize::MAX);
    let store = &op.services.ephemeral.viewing.store;
    let rows = store.list(op.scope.tenant_id(), page.after.map(PropertyId), most);
    let page = Page::from_rows(rows, page.limit, |(property, _)| property.0);
    Ok(page.map(|(property, count)| ViewedProperty { property_id: property.0, count: number(count) }))
}

pub(super) fn payload(property: PropertyId, viewers: &ViewerSummary) -> ViewersPayload {
    let users = viewers.first_users.iter().map(|user| user.0).collect();
    ViewersPayload { property_id: property.0, count: number(viewers.count), users }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
