//! Marks of the whole store. A mark is never removed, not even with the subject that it records.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::entity::platform_marks::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::SystemTx;

/// What a mark records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformMark {
    /// There was a tenant in this store.
    FirstTenant,
}

impl PlatformMark {
    const fn name(self) -> &'static str {
        match self {
            Self::FirstTenant => "first_tenant",
        }
    }
}

pub async fn is_set(tx: &SystemTx, mark: PlatformMark) -> Result<bool> {
    Ok(tx.select::<Entity>().filter(Column::Name.eq(mark.name())).one(&tx.tx).await?.is_some())
}

/// Sets a mark, in the transaction of what it records; one that is set already is left unchanged.
pub async fn set(tx: &SystemTx, mark: PlatformMark, now: i64) -> Result<()> {
    let row = ActiveModel { name: Set(mark.name().to_owned()), made_at: Set(now), ..Default::default() };
    tx.insert_if_absent(row, Column::Name).await
}
