//! The store past the product's own code: the schema, the borders between tenants, the settings of durability.

mod borders;
mod forgetting;
mod lineage;
mod refusals;
mod schema;
mod sqlite;
mod statements;
pub mod tables;
mod turns;
