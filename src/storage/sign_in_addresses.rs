//! The addresses of an account's recent sign-ins, as keyed fingerprints.

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder};

use super::entity::sign_in_addresses::{ActiveModel, Column, Entity};
use super::error::Result;
use super::sessions::Owner;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{OperatorId, UserId};

pub use super::entity::sign_in_addresses::Model as SignInAddressRow;

/// The account's addresses, the last used first.
pub async fn list(tx: &SystemTx, owner: Owner) -> Result<Vec<SignInAddressRow>> {
    let query = tx.select::<Entity>().filter(of(owner));
    Ok(query.order_by_desc(Column::UsedAt).order_by_desc(Column::Id).all(&tx.tx).await?)
}

pub async fn insert(tx: &SystemTx, owner: Owner, fingerprint: &str, now: i64) -> Result<()> {
    let (tenant_id, user_id, operator_id) = owner.columns();
    let row = ActiveModel {
        tenant_id: Set(tenant_id),
        user_id: Set(user_id),
        operator_id: Set(operator_id),
        mark: Set(fingerprint.to_owned()),
        used_at: Set(now),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// Records that an address was used again, with its fingerprint under the newest key.
pub async fn touch(tx: &SystemTx, id: i64, fingerprint: &str, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Mark, fingerprint.into())
        .col_expr(Column::UsedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn remove(tx: &SystemTx, ids: &[i64]) -> Result<()> {
    tx.delete::<Entity>(Column::Id.is_in(ids.iter().copied())).exec(&tx.tx).await?;
    Ok(())
}

/// Forgets the addresses of a user.
pub async fn remove_of_user(tx: &TenantTx, user: UserId) -> Result<()> {
    tx.delete::<Entity>(Column::UserId.eq(user.0)).exec(&tx.tx).await?;
    Ok(())
}

/// Forgets the addresses of an operator.
pub async fn remove_of_operator(tx: &SystemTx, operator: OperatorId) -> Result<()> {
    tx.delete::<Entity>(Column::OperatorId.eq(operator.0)).exec(&tx.tx).await?;
    Ok(())
}

fn of(owner: Owner) -> Condition {
    match owner {
        Owner::User(tenant, user) => {
            Condition::all().add(Column::TenantId.eq(tenant.0)).add(Column::UserId.eq(user.0))
        }
        Owner::Operator(operator) => Condition::all().add(Column::OperatorId.eq(operator.0)),
    }
}
