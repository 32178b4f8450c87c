//! The store past the product's own code: the schema, the borders between tenants, the settings of durability.

mod credential_purge;
mod database_identity;
mod pool_permits;
mod refusals;
mod row_level_security;
mod schema;
mod sqlite;
mod statements;
pub mod tables;
