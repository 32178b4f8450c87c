//! What a table is: its declaration as a sea-orm entity, and whether its rows belong to a tenant.

use sea_orm::{ColumnTrait, EntityTrait};

/// Implemented by the list in `tenant_tables.rs` only.
pub(crate) trait Listed {}

/// A table with rows that belong to a tenant. One that is not in the list of `tenant_tables.rs` does not compile.
pub(crate) trait TenantOwned: EntityTrait + Listed {
    fn tenant_column() -> Self::Column;
    fn tenant_is(tenant_id: i64) -> sea_orm::sea_query::SimpleExpr {
        Self::tenant_column().eq(tenant_id)
    }
}

/// Declares one table: its row (`Model`), and the column with the tenant's id.
macro_rules! table {
    ($module:ident, $name:literal $(, owned by $owner:ident)?, { $($(#[$meta:meta])* $field:ident: $kind:ty,)* }) => {
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model {
                $($(#[$meta])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            $(impl $crate::storage::entity::table::TenantOwned for Entity {
                fn tenant_column() -> Column {
                    Column::$owner
                }
            })?
        }
    };
}

pub(super) use table;
