//! Which execution of a job saw which property: one row for the two, however often it was seen. `executions` reads
//! them.

use sea_orm::ActiveValue::Set;

use super::entity::job_items::ActiveModel;
use super::{Result, TenantTx};
use crate::base::ids::{ExecutionId, JobId};

pub struct NewJobItem {
    pub property_id: i64,
    /// What became of the property: `created`, `changed`, `unchanged`, `removed`.
    pub status: &'static str,
}

/// Adds those that the execution has not seen before; the first status stays. The job's row is to be locked before:
/// the reference to it takes a shared lock, and two batches of one job could not both make theirs exclusive later.
pub async fn insert_new(
    tx: &TenantTx,
    job_id: JobId,
    execution_id: ExecutionId,
    new: Vec<NewJobItem>,
    now: i64,
) -> Result<()> {
    let rows = new.into_iter().map(|item| ActiveModel {
        job_id: Set(job_id.0),
        execution_id: Set(execution_id.0),
        property_id: Set(item.property_id),
        status: Set(item.status.to_owned()),
        at: Set(now),
        ..Default::default()
    });
    tx.insert_new(rows.collect()).await?;
    Ok(())
}
