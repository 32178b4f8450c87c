//! The tables as sea-orm entities. Private to `storage`: what leaves it are rows.

mod table;
mod tables;
mod tenant_tables;

pub(super) use self::table::TenantOwned;
pub(super) use self::tables::*;
pub(super) use self::tenant_tables::{Column, ColumnKind, Secrets, TenantTable, tenant_tables};
