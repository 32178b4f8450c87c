//! The addresses at which properties were read, with the keys that their pages told beside the stored ones, and the
//! properties that addresses and keys lead to.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QuerySelect};

use super::entity::properties;
use super::entity::property_addresses::{ActiveModel, Column, Entity};
use super::error::Result;
use super::properties::{Key, PropertyRow};
use super::tx::TenantTx;

/// Values of one statement: far below what either database may bind.
const CHUNK: usize = 500;

/// An address and the property that was read there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAddress {
    pub url_hash: String,
    pub property_id: i64,
}

/// The properties of these addresses, by hash.
pub async fn find(tx: &TenantTx, hashes: &[String]) -> Result<HashMap<String, i64>> {
    let mut found = HashMap::with_capacity(hashes.len());
    for chunk in hashes.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::UrlHash.is_in(chunk.iter().map(String::as_str)));
        for row in query.all(&tx.tx).await? {
            found.insert(row.url_hash, row.property_id);
        }
    }
    Ok(found)
}

/// Stores the addresses: each leads to its property from now on. The last one given for a hash counts. What is
/// stored already is not written again.
pub async fn keep(tx: &TenantTx, new: Vec<NewAddress>) -> Result<()> {
    // In the order of the hashes, so that two jobs can't deadlock.
    let new: BTreeMap<String, i64> = new.into_iter().map(|new| (new.url_hash, new.property_id)).collect();
    let hashes: Vec<String> = new.keys().cloned().collect();
    let stored = find(tx, &hashes).await?;
    let mut missing = Vec::new();
    for (url_hash, property_id) in new {
        match stored.get(&url_hash) {
            Some(id) if *id == property_id => {}
            Some(_) => repoint(tx, &url_hash, property_id).await?,
            None => missing.push(ActiveModel {
                url_hash: Set(url_hash),
                property_id: Set(property_id),
                ..Default::default()
            }),
        }
    }
    let mut missing = missing.into_iter().peekable();
    while missing.peek().is_some() {
        tx.insert_new(missing.by_ref().take(CHUNK).collect()).await?;
    }
    Ok(())
}

async fn repoint(tx: &TenantTx, url_hash: &str, property_id: i64) -> Result<()> {
    let update = tx.update::<Entity>().filter(Column::UrlHash.eq(url_hash));
    update.col_expr(Column::PropertyId, property_id.into()).exec(&tx.tx).await?;
    Ok(())
}

/// Those of the properties that were read at an address of their own.
pub async fn with_address(tx: &TenantTx, ids: &[i64]) -> Result<HashSet<i64>> {
    let mut found = HashSet::new();
    for chunk in ids.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::PropertyId.is_in(chunk.iter().copied()));
        let query = query.select_only().column(Column::PropertyId).distinct();
        let ids: Vec<i64> = query.into_tuple().all(&tx.tx).await?;
        found.extend(ids);
    }
    Ok(found)
}

/// The properties with these ids that exist.
pub async fn properties_by_id(tx: &TenantTx, ids: &[i64]) -> Result<Vec<PropertyRow>> {
    let mut rows = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let query = tx.select::<properties::Entity>();
        let query = query.filter(properties::Column::Id.is_in(chunk.iter().copied()));
        rows.extend(query.all(&tx.tx).await?);
    }
    Ok(rows)
}

/// The properties with these keys that exist.
pub async fn properties_by_key(tx: &TenantTx, keys: &[Key]) -> Result<Vec<PropertyRow>> {
    let mut rows = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(CHUNK) {
        let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (source, listing_key) in chunk {
            by_source.entry(source).or_default().push(listing_key);
        }
        let any = by_source.into_iter().fold(Condition::any(), |any, (source, listing_keys)| {
            let of_source = Condition::all()
                .add(properties::Column::Source.eq(source))
                .add(properties::Column::ListingKey.is_in(listing_keys));
            any.add(of_source)
        });
        rows.extend(tx.select::<properties::Entity>().filter(any).all(&tx.tx).await?);
    }
    Ok(rows)
}
