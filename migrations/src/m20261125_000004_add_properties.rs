//! Properties, their price history and which execution saw them.

use sea_orm_migration::prelude::*;

use crate::dialect::{Rows, Table, create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[
    Table {
        name: "properties",
        rows: Rows::OfTenant("tenant_id"),
        // current_price: close_price once closed, else list_price; used by filters and sorting. Unlike the other
        // prices it is in hundredths of a major unit whatever the currency, so that rows compare with each other.
        // source_host: of source_url, with the port when it is not the scheme's default.
        // search_text: case-folded words of address, city, type and key, for the `q` filter; city_key likewise.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            source text NOT NULL,
            listing_key text NOT NULL,
            source_url text,
            source_host text,
            standard_status text NOT NULL,
            list_price $int,
            original_list_price $int,
            close_price $int,
            current_price $int,
            currency text NOT NULL,
            property_type text,
            bedrooms_total $int,
            bathrooms_total $real,
            living_area $real,
            living_area_units text,
            lot_size_area $real,
            lot_size_units text,
            year_built $int,
            stories $real,
            address text,
            city_key text,
            latitude $real,
            longitude $real,
            listed_at $time,
            price_changed_at $time,
            closed_at $time,
            first_seen_at $time NOT NULL,
            last_seen_at $time NOT NULL,
            updated_at $time NOT NULL,
            attributes text,
            search_text text NOT NULL,
            removed $bool NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, source, listing_key)",
        indexes: &[
            "CREATE INDEX properties_by_update ON properties (tenant_id, updated_at, id)",
            "CREATE INDEX properties_by_price ON properties (tenant_id, current_price, id)",
            "CREATE INDEX properties_by_city ON properties (tenant_id, city_key, id)",
            // A spider visits known urls again.
            "CREATE INDEX properties_by_host ON properties (tenant_id, source_host, id)",
        ],
    },
    Table {
        name: "price_history",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            property_id $int NOT NULL,
            price $int,
            currency text NOT NULL,
            standard_status text NOT NULL,
            observed_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, property_id) REFERENCES properties (tenant_id, id) ON DELETE CASCADE",
        indexes: &["CREATE INDEX price_history_of_property ON price_history (tenant_id, property_id, id)"],
    },
    Table {
        name: "job_items",
        rows: Rows::OfTenant("tenant_id"),
        // One row per listing and execution: their number is `total_items`.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            job_id $int NOT NULL,
            execution_id $int NOT NULL,
            property_id $int NOT NULL,
            status text NOT NULL,
            at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, execution_id, property_id),
            FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, execution_id) REFERENCES executions (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, property_id) REFERENCES properties (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX job_items_of_job ON job_items (tenant_id, job_id, id)",
            "CREATE INDEX job_items_of_property ON job_items (tenant_id, property_id)",
        ],
    },
];
