//! One tenant's rows as a file, as they are at one moment: JSON, one object a line (`docs/tenant-export.md`). Rows
//! are read and written page by page, so memory does not grow with the tenant.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::atomic_file::AtomicFile;
use super::database::Database;
use super::entity::{Column, ColumnKind, Secrets, TenantTable, tenant_tables};
use super::error::{CopyError, Error, OpenError, Result, display, file_error};
use super::tx::TenantTx;
use super::{schema, tenants};
use crate::auth::tenant_scope::TenantScope;
use crate::base::entropy::Entropy;
use crate::base::hex::hex;

/// Rows read at a time: an event may be 64 KiB.
const PAGE: u64 = 200;
/// The format's name and version, which the first line begins with.
const FORMAT: (&str, u32) = ("lotline-tenant-export", 1);

/// What the first line says besides the rows.
pub struct ExportHead {
    /// RFC 3339.
    pub made_at: String,
    pub program: &'static str,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub rows: u64,
    /// Of every line but the last, in hex.
    pub sha256: String,
}

/// Writes the tenant's rows to `to`, which gets its name only when it is complete. Writers are not blocked.
pub async fn export_tenant(
    db: &Database,
    scope: &TenantScope,
    head: ExportHead,
    to: &Path,
    replace: bool,
    entropy: Entropy,
) -> Result<Exported, CopyError> {
    if to.exists() && !replace {
        return Err(CopyError::Exists(display(to)));
    }
    let draft = AtomicFile::create_beside(to, entropy).map_err(|cause| file_error(to, cause))?;
    let mut page = ExportWriter::create(draft.path()).map_err(|cause| file_error(to, cause))?;
    let tx = db.tenant(scope).snapshot().await.map_err(unreadable)?;
    // Referenced rows first: an import meets no unknown reference.
    let tables: Vec<TenantTable> = tenant_tables().into_iter().rev().collect();
    let first = first_line(&tx, &tables, head).await.map_err(unreadable)?;
    page.write_line(&first).map_err(|cause| file_error(to, cause))?;
    let mut rows = 0;
    for table in tables.iter().filter(|table| !table.exported().is_empty()) {
        let mut after = None;
        loop {
            let found = read(&tx, table, after.take()).await.map_err(unreadable)?;
            let full = found.len() as u64 == PAGE;
            for row in found {
                let row = object(table, &row).map_err(unreadable)?;
                after = row.get("id").cloned();
                page.write_line(&json!({ "table": table.name, "row": row }))
                    .map_err(|cause| file_error(to, cause))?;
                rows += 1;
            }
            if !full {
                break;
            }
        }
    }
    let sha256 = page.finish(rows).map_err(|cause| file_error(to, cause))?;
    draft.persist(to).map_err(|cause| file_error(to, cause))?;
    Ok(Exported { rows, sha256 })
}

/// What the file is, its tenant, and what to expect of it.
async fn first_line(tx: &TenantTx, tables: &[TenantTable], head: ExportHead) -> Result<Value> {
    let tenant =
        tenants::own(tx).await?.ok_or_else(|| Error::Corrupt("a tenant that has gone".to_owned()))?;
    let (mut counts, mut left_out, mut files) = (Map::new(), Map::new(), Vec::new());
    for table in tables {
        match &table.secrets {
            Secrets::Table => {
                left_out.insert(table.name.to_owned(), json!("*"));
                continue;
            }
            Secrets::Columns(secret) if !secret.is_empty() => {
                left_out.insert(table.name.to_owned(), json!(secret));
            }
            Secrets::Columns(_) => {}
        }
        counts.insert(table.name.to_owned(), json!(count(tx, table).await?));
        files.extend(table.file.map(|column| format!("{}.{column}", table.name)));
    }
    Ok(json!({
        "format": FORMAT.0,
        "version": FORMAT.1,
        "program": head.program,
        "schema": schema::latest_migration(),
        "made_at": head.made_at,
        "tenant": { "id": tenant.id, "slug": tenant.slug, "name": tenant.name },
        "rows": counts,
        "left_out": left_out,
        "files": files,
    }))
}

async fn count(tx: &TenantTx, table: &TenantTable) -> Result<i64> {
    let query = Query::select()
        .expr(Expr::cust("count(*)"))
        .from(Alias::new(table.name))
        .and_where(Expr::col(Alias::new(table.owner)).eq(tx.tenant_id().0))
        .to_owned();
    let row = tx.tx.query_one(&query).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

/// The next rows after the one with this id.
async fn read(tx: &TenantTx, table: &TenantTable, after: Option<Value>) -> Result<Vec<QueryResult>> {
    let mut query: SelectStatement = Query::select();
    query
        .columns(table.exported().iter().map(|column| Alias::new(column.name)))
        .from(Alias::new(table.name))
        .and_where(Expr::col(Alias::new(table.owner)).eq(tx.tenant_id().0))
        .order_by(Alias::new("id"), Order::Asc)
        .limit(PAGE);
    let id = || Expr::col(Alias::new("id"));
    match after {
        None => {}
        Some(Value::String(text)) => {
            let after: Uuid = text.parse().map_err(|_| Error::Corrupt(format!("{text:?} as an id")))?;
            query.and_where(id().gt(after));
        }
        Some(number) => {
            query.and_where(id().gt(number.as_i64().unwrap_or(i64::MAX)));
        }
    }
    Ok(tx.tx.query_all(&query).await?)
}

/// A row as stored; null columns are left out.
fn object(table: &TenantTable, row: &QueryResult) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (at, column) in table.exported().iter().enumerate() {
        if let Some(value) = value(table, column, row, at)? {
            object.insert(column.name.to_owned(), value);
        }
    }
    Ok(object)
}

fn value(table: &TenantTable, column: &Column, row: &QueryResult, at: usize) -> Result<Option<Value>> {
    let Some(kind) = column.kind else {
        return Err(Error::Corrupt(format!("{}.{} is of a type without a form", table.name, column.name)));
    };
    Ok(match kind {
        ColumnKind::Integer => row.try_get_by_index::<Option<i64>>(at)?.map(Value::from),
        ColumnKind::Real => row.try_get_by_index::<Option<f64>>(at)?.map(Value::from),
        ColumnKind::Flag => row.try_get_by_index::<Option<bool>>(at)?.map(Value::from),
        ColumnKind::Text => row.try_get_by_index::<Option<String>>(at)?.map(Value::from),
        ColumnKind::Uuid => row.try_get_by_index::<Option<Uuid>>(at)?.map(|id| Value::from(id.to_string())),
    })
}

/// The file being written, and the checksum of its content so far.
struct ExportWriter {
    out: BufWriter<File>,
    sum: Sha256,
}

impl ExportWriter {
    fn create(path: &Path) -> std::io::Result<Self> {
        let out = BufWriter::new(OpenOptions::new().write(true).truncate(true).open(path)?);
        Ok(Self { out, sum: Sha256::new() })
    }

    fn write_line(&mut self, line: &Value) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.sum.update(&bytes);
        self.out.write_all(&bytes)
    }

    /// The last line, which shows a reader that nothing is missing.
    fn finish(mut self, rows: u64) -> std::io::Result<String> {
        let sha256 = hex(&self.sum.finalize());
        let last = serde_json::to_vec(&json!({ "end": true, "rows": rows, "sha256": sha256 }))?;
        self.out.write_all(&last)?;
        self.out.write_all(b"\n")?;
        self.out.flush()?;
        Ok(sha256)
    }
}

fn unreadable(cause: Error) -> CopyError {
    OpenError::Unreadable(cause.to_string()).into()
}
