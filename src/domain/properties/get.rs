//! One property, and the number of properties.

use std::collections::BTreeMap;

use super::view::property;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::property::Property;
use crate::storage::properties;

/// A property, including removed ones.
pub async fn get(op: &Op, id: PropertyId) -> Result<Property> {
    op.require(Permission::ReadProperties)?;
    let tx = op.read().await?;
    let row = properties::find(&tx, id).await?.ok_or_else(Problem::not_found)?;
    Ok(property(&row))
}

/// The number of properties that are not removed: `total_properties` of `status_update`.
pub async fn total(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    let tx = op.read().await?;
    Ok(properties::count(&tx).await?)
}

/// Properties that are not removed, by `standard_status`; a status without any is absent.
pub async fn by_status(op: &Op) -> Result<BTreeMap<String, u64>> {
    op.require(Permission::ReadStats)?;
    let counts = properties::by_status(&op.read().await?).await?;
    Ok(counts.into_iter().map(|(status, count)| (status, count.unsigned_abs())).collect())
}
