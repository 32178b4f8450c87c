//! The addresses that an account signed in from of late: the holder's tries from there are not delayed because of what
//! strangers try. Kept as keyed marks, so that who has only the store does not learn where people are.

use std::net::IpAddr;

use super::Identity;
use crate::auth::mark::{Likeness, Marks};
use crate::auth::throttle::Acquaintance;
use crate::base::address::AddressBlock;
use crate::base::ids::{TenantId, UserId};
use crate::domain::error::Result;
use crate::storage::sessions::Owner;
use crate::storage::{SystemTx, micros, sign_in_addresses};

/// Bounded: addresses of one account; beyond it the one that was used longest ago is forgotten.
const MOST: usize = 5;
/// What keeps these marks apart from others.
const PURPOSE: &str = "sign-in address";

/// Whether the account has signed in from this address. One that does not exist costs the same look-up.
pub(super) async fn acquaintance(
    identity: &Identity,
    tx: &SystemTx,
    owner: Option<Owner>,
    client: IpAddr,
) -> Result<Acquaintance> {
    // No account has these ids.
    let owner = owner.unwrap_or(Owner::User(TenantId(0), UserId(0)));
    let marks = marks(identity, owner, client);
    let known = sign_in_addresses::list(tx, owner).await?;
    let is_known = known.iter().any(|row| marks.compare(&row.mark) == Likeness::Same);
    Ok(if is_known { Acquaintance::Known } else { Acquaintance::Stranger })
}

/// Remembers the address of a sign-in, in its transaction; the account's row must be held.
pub(super) async fn remember(identity: &Identity, tx: &SystemTx, owner: Owner, client: IpAddr) -> Result<()> {
    let marks = marks(identity, owner, client);
    let (newest, now) = (marks.newest().to_store(), micros(identity.now()));
    let known = sign_in_addresses::list(tx, owner).await?;
    if let Some(row) = known.iter().find(|row| marks.compare(&row.mark) == Likeness::Same) {
        return Ok(sign_in_addresses::touch(tx, row.id, &newest, now).await?);
    }
    let surplus: Vec<i64> = known.iter().skip(MOST - 1).map(|row| row.id).collect();
    if !surplus.is_empty() {
        sign_in_addresses::remove(tx, &surplus).await?;
    }
    Ok(sign_in_addresses::insert(tx, owner, &newest, now).await?)
}

fn marks(identity: &Identity, owner: Owner, client: IpAddr) -> Marks {
    let mut message = Vec::with_capacity(40);
    let (kind, first, second) = match owner {
        Owner::User(tenant, user) => (b'u', tenant.0, user.0),
        Owner::Operator(operator) => (b'o', operator.0, 0),
    };
    message.push(kind);
    message.extend(first.to_le_bytes());
    message.extend(second.to_le_bytes());
    message.extend(AddressBlock::of(client).octets());
    identity.ring().marks(identity.now(), PURPOSE, &message)
}
