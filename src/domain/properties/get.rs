//! One property, and how many there are.

use super::view::property;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::property::Property;
use crate::storage::properties;

/// A property, also one that is removed.
pub async fn get(op: &Op, id: PropertyId) -> Result<Property> {
    op.require(Permission::ReadProperties)?;
    let tx = op.read().await?;
    let row = properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    Ok(property(&row))
}

/// How many properties the tenant's sources have now: `total_properties` of `status_update`.
pub async fn total(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    let tx = op.read().await?;
    Ok(properties::count(&tx).await?)
}
