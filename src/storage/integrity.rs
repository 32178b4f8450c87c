//! Integrity check of a store: the file, the references, the schema, and every tenant's log without a gap.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use super::database::Database;
use super::error::{Error, OpenError, Result};
use super::settings::DatabaseSettings;
use super::{schema, sqlite};
use crate::auth::tenant_scope::SystemReason;

/// One tenant's log, as counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCounters {
    pub slug: String,
    pub head: i64,
    pub trimmed: i64,
    pub events: i64,
}

#[derive(Clone, Debug, Default)]
pub struct IntegrityReport {
    pub logs: Vec<LogCounters>,
    /// Migrations that are applied, and those that this program would still apply.
    pub migrations: usize,
    pub missing: usize,
    /// One sentence each; empty when there are none.
    pub faults: Vec<String>,
}

/// Faults that are reported one by one; a broken file may have thousands.
const MAX_REPORTED: usize = 20;

/// Checks the store that the settings name and changes nothing.
pub async fn check_integrity(settings: &DatabaseSettings) -> Result<IntegrityReport, OpenError> {
    match settings {
        DatabaseSettings::Sqlite { path } => {
            let connection = sqlite::open_read_only(path).await?;
            let found = check_sqlite_integrity(&connection).await;
            // Nothing was written, so nothing is lost when closing fails.
            let _ = connection.close().await;
            found
        }
        DatabaseSettings::Postgres { .. } => {
            let mut settings = settings.clone();
            if let DatabaseSettings::Postgres { migrate, .. } = &mut settings {
                *migrate = false;
            }
            let db = Database::open(&settings).await?;
            let tx = db.system(SystemReason::Backup).read().await.map_err(unreadable)?;
            // Opening has refused every schema but this program's.
            let mut found =
                IntegrityReport { migrations: schema::migration_count(), ..IntegrityReport::default() };
            check_logs(&tx.tx, &mut found).await.map_err(failed)?;
            Ok(found)
        }
    }
}

pub(super) async fn check_sqlite_integrity(
    connection: &DatabaseConnection,
) -> Result<IntegrityReport, OpenError> {
    let mut found = IntegrityReport::default();
    for words in texts(connection, "PRAGMA integrity_check").await.map_err(failed)? {
        if words != "ok" {
            found.faults.push(format!("the file is damaged: {words}"));
        }
    }
    let dangling =
        texts(connection, "SELECT DISTINCT \"table\" || ' to ' || parent FROM pragma_foreign_key_check");
    for stray in dangling.await.map_err(failed)? {
        found.faults.push(format!("a reference does not hold: {stray}"));
    }
    let status = schema::status_of(connection).await?;
    found.migrations = status.iter().filter(|(_, applied)| *applied).count();
    found.missing = status.len() - found.migrations;
    if found.migrations == 0 {
        found.faults.push("this is no database of Lotline: no migration is applied".to_owned());
    } else if found.faults.is_empty() {
        check_logs(connection, &mut found).await.map_err(failed)?;
    }
    found.faults.truncate(MAX_REPORTED);
    Ok(found)
}

/// One statement, so one snapshot: counters and events written meanwhile are seen together or not at all.
async fn check_logs(connection: &impl ConnectionTrait, found: &mut IntegrityReport) -> Result<(), DbErr> {
    let sql = "SELECT t.slug, l.head, l.trimmed, count(e.seq), min(e.seq), max(e.seq)
        FROM tenants t LEFT JOIN tenant_logs l ON l.tenant_id = t.id LEFT JOIN events e ON e.tenant_id = t.id
        GROUP BY t.id, t.slug, l.head, l.trimmed ORDER BY t.id";
    for row in query(connection, sql).await? {
        let slug: String = row.try_get_by_index(0)?;
        let counters = (row.try_get_by_index::<Option<i64>>(1)?, row.try_get_by_index::<Option<i64>>(2)?);
        let (Some(head), Some(trimmed)) = counters else {
            found.faults.push(format!("the tenant {slug} has no log"));
            continue;
        };
        let events: i64 = row.try_get_by_index(3)?;
        let bounds = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
        found.faults.extend(
            log_fault(head, trimmed, events, bounds).map(|words| format!("the log of {slug} {words}")),
        );
        found.logs.push(LogCounters { slug, head, trimmed, events });
    }
    Ok(())
}

/// What is wrong with a log. Sequence numbers are unique, so their count and their bounds reveal any gap.
fn log_fault(head: i64, trimmed: i64, events: i64, bounds: (Option<i64>, Option<i64>)) -> Option<String> {
    let wanted = head - trimmed;
    if wanted < 0 {
        return Some(format!("is trimmed up to {trimmed}, beyond its head {head}"));
    }
    let expected = if wanted == 0 { (None, None) } else { (Some(trimmed + 1), Some(head)) };
    if events == wanted && bounds == expected {
        return None;
    }
    let (first, last) = (bounds.0.unwrap_or_default(), bounds.1.unwrap_or_default());
    let span = format!("{events} events from {first} to {last}");
    Some(format!("has {span} where its counters say {wanted} from {} to {head}", trimmed + 1))
}

async fn texts(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, DbErr> {
    query(connection, sql).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn query(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<sea_orm::QueryResult>, DbErr> {
    let backend: DbBackend = connection.get_database_backend();
    connection.query_all_raw(Statement::from_string(backend, sql)).await
}

fn failed(cause: DbErr) -> OpenError {
    OpenError::Unreadable(cause.to_string())
}

fn unreadable(cause: Error) -> OpenError {
    OpenError::Unreadable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_whole_when_its_events_reach_from_the_trimmed_to_the_head() {
        assert_eq!(log_fault(0, 0, 0, (None, None)), None);
        assert_eq!(log_fault(5, 5, 0, (None, None)), None);
        assert_eq!(log_fault(5, 2, 3, (Some(3), Some(5))), None);

        assert!(log_fault(5, 2, 2, (Some(3), Some(5))).is_some(), "a hole in the middle");
        assert!(log_fault(5, 2, 3, (Some(2), Some(4))).is_some(), "a shift");
        assert!(log_fault(5, 2, 4, (Some(3), Some(6))).is_some(), "an event beyond the counter");
        assert!(log_fault(5, 0, 0, (None, None)).is_some(), "no events at all");
        assert!(log_fault(2, 5, 0, (None, None)).is_some(), "trimmed beyond the head");
    }
}
