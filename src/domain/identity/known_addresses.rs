//! The recent sign-in addresses of an account: attempts from there are not delayed by the failures of
//! strangers. Stored as keyed fingerprints, so that the store alone does not reveal where people are.

use std::net::IpAddr;

use super::Identity;
use crate::auth::fingerprint::{FingerprintSet, Match};
use crate::auth::throttle::ClientHistory;
use crate::base::ids::{TenantId, UserId};
use crate::base::ip_prefix::IpPrefix;
use crate::domain::error::Result;
use crate::storage::sessions::Owner;
use crate::storage::{SystemTx, micros, sign_in_addresses};

/// Bounded: addresses of one account; beyond it the least recently used one is removed.
const MAX_ADDRESSES: usize = 5;
/// Separates these fingerprints from others.
const PURPOSE: &str = "sign-in address";

/// Whether the account has signed in from this address. An unknown account costs the same lookup.
pub(super) async fn acquaintance(
    identity: &Identity,
    tx: &SystemTx,
    owner: Option<Owner>,
    client: IpAddr,
) -> Result<ClientHistory> {
    // No account has these ids.
    let owner = owner.unwrap_or(Owner::User(TenantId(0), UserId(0)));
    let fingerprints = fingerprints(identity, owner, client);
    let known = sign_in_addresses::list(tx, owner).await?;
    let is_known = known.iter().any(|row| fingerprints.compare(&row.mark) == Match::Same);
    Ok(if is_known { ClientHistory::Known } else { ClientHistory::New })
}

/// Stores the address of a sign-in, in its transaction; the account's row must be locked.
pub(super) async fn remember(identity: &Identity, tx: &SystemTx, owner: Owner, client: IpAddr) -> Result<()> {
    let fingerprints = fingerprints(identity, owner, client);
    let (newest, now) = (fingerprints.newest().encode(), micros(identity.now()));
    let known = sign_in_addresses::list(tx, owner).await?;
    if let Some(row) = known.iter().find(|row| fingerprints.compare(&row.mark) == Match::Same) {
        return Ok(sign_in_addresses::touch(tx, row.id, &newest, now).await?);
    }
    let surplus: Vec<i64> = known.iter().skip(MAX_ADDRESSES - 1).map(|row| row.id).collect();
    if !surplus.is_empty() {
        sign_in_addresses::remove(tx, &surplus).await?;
    }
    Ok(sign_in_addresses::insert(tx, owner, &newest, now).await?)
}

fn fingerprints(identity: &Identity, owner: Owner, client: IpAddr) -> FingerprintSet {
    let mut message = Vec::with_capacity(40);
    let (kind, first, second) = match owner {
        Owner::User(tenant, user) => (b'u', tenant.0, user.0),
        Owner::Operator(operator) => (b'o', operator.0, 0),
    };
    message.push(kind);
    message.extend(first.to_le_bytes());
    message.extend(second.to_le_bytes());
    message.extend(IpPrefix::of(client).octets());
    identity.ring().keyed_fingerprints(identity.now(), PURPOSE, &message)
}
