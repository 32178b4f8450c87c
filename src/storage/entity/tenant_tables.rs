//! Every table with rows that belong to a tenant, in one list for exports, removals and the tests. A table that is
//! declared `owned by` and is not here does not compile.

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, IdenStatic, Iterable};

use super::table::{Listed, TenantOwned};
use super::tables;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TenantTable {
    pub name: &'static str,
    /// The column with the tenant's id.
    pub owner: &'static str,
    pub columns: Vec<Column>,
    /// What an export leaves out, because it grants access or is of no use without files that stay behind.
    pub secrets: Secrets,
    /// The column that names a file of the tenant's: an export names those files and does not hold them.
    pub file: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: &'static str,
    /// `None`: of a type that no export can write yet; a test fails on it.
    pub kind: Option<ColumnKind>,
}

/// What a column holds, alike in both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Integer,
    Real,
    Flag,
    Text,
    Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// These columns.
    Columns(Vec<&'static str>),
    /// The whole table: its rows are nothing but credentials, answers to requests, or of pages that no export holds.
    Table,
}

impl TenantTable {
    fn of<E: TenantOwned>(secrets: Secrets, file: Option<E::Column>) -> Self {
        let column = |column: E::Column| Column {
            name: column.as_str(),
            kind: kind_of(column.def().get_column_type()),
        };
        Self {
            name: E::default().table_name(),
            owner: E::tenant_column().as_str(),
            columns: E::Column::iter().map(column).collect(),
            secrets,
            file: file.map(|column| column.as_str()),
        }
    }

    /// The columns that an export shows; none where the whole table stays out.
    pub fn exported(&self) -> Vec<Column> {
        match &self.secrets {
            Secrets::Columns(secret) => {
                self.columns.iter().filter(|column| !secret.contains(&column.name)).copied().collect()
            }
            Secrets::Table => Vec::new(),
        }
    }
}

fn kind_of(of: &ColumnType) -> Option<ColumnKind> {
    match of {
        ColumnType::BigInteger => Some(ColumnKind::Integer),
        ColumnType::Double => Some(ColumnKind::Real),
        ColumnType::Boolean => Some(ColumnKind::Flag),
        ColumnType::String(_) | ColumnType::Text => Some(ColumnKind::Text),
        ColumnType::Uuid => Some(ColumnKind::Uuid),
        _ => None,
    }
}

/// A line is `table: what an export leaves out;`, followed by `, file Column` where rows name files.
macro_rules! tenant_tables {
    ($($table:ident: $out:ident $([$($secret:ident),*])? $(, file $file:ident)?;)*) => {
        $(impl Listed for tables::$table::Entity {})*

        /// Each table comes before those that it refers to: the order of a removal, and in reverse of an export.
        pub(crate) fn tenant_tables() -> Vec<TenantTable> {
            vec![$({
                use tables::$table::{Column, Entity};
                let file: Option<Column> = tenant_tables!(@file Column $($file)?);
                TenantTable::of::<Entity>(tenant_tables!(@secrets Column $out $([$($secret),*])?), file)
            },)*]
        }
    };
    (@file $column:ident) => { None };
    (@file $column:ident $file:ident) => { Some($column::$file) };
    (@secrets $column:ident nothing) => { Secrets::Columns(Vec::new()) };
    (@secrets $column:ident columns [$($secret:ident),*]) => {
        Secrets::Columns(vec![$($column::$secret.as_str()),*])
    };
    (@secrets $column:ident table) => { Secrets::Table };
}

tenant_tables! {
    idempotency_keys: table;
    upload_attachments: nothing;
    uploads: nothing, file UploadId;
    upload_totals: nothing;
    room_reads: nothing;
    messages: nothing;
    room_members: nothing;
    rooms: nothing;
    crawl_urls: nothing;
    job_coverage: nothing;
    job_items: nothing;
    job_logs: nothing;
    executions: columns [LeaseHash];
    jobs: columns [LeaseHash];
    page_visits: nothing;
    property_evidence: nothing;
    property_addresses: nothing;
    kept_pages: table;
    kept_page_totals: nothing;
    price_history: nothing;
    properties: nothing;
    schedules: nothing;
    spiders: columns [SealedHeaders];
    notification_reads: nothing;
    notifications: nothing;
    events: nothing;
    refresh_tokens: table;
    sessions: nothing;
    password_links: table;
    sign_in_addresses: columns [Mark];
    api_keys: columns [SecretHash];
    audit_log: nothing;
    users: columns [PasswordHash];
    tenant_logs: nothing;
    tenants: nothing;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_column_of_an_export_is_named_like_a_secret() {
        // Of an address that a crawl has seen, and of the first part of a file.
        const HARMLESS: [&str; 2] = ["url_hash", "hash_state"];
        for table in tenant_tables() {
            for column in table.exported() {
                let suspect = ["hash", "secret", "password", "token", "digest", "fingerprint"]
                    .iter()
                    .any(|word| column.name.contains(word));
                assert!(!suspect || HARMLESS.contains(&column.name), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn every_column_is_of_a_kind_that_can_be_written_down() {
        for table in tenant_tables() {
            assert!(table.columns.iter().all(|column| column.kind.is_some()), "{table:?}");
            assert!(table.columns.iter().any(|column| column.name == "id"), "{} has no id", table.name);
        }
    }

    #[test]
    fn the_tenant_and_its_log_go_last() {
        let names: Vec<_> = tenant_tables().iter().map(|table| table.name).collect();

        assert_eq!(names[names.len() - 2..], ["tenant_logs", "tenants"]);
    }
}
