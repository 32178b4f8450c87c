//! The store without the product's own code: the schema, tenant isolation, durability settings.

mod credential_purge;
mod database_identity;
mod pool_permits;
mod refusals;
mod row_level_security;
mod schema;
mod sqlite;
mod statements;
pub mod tables;
