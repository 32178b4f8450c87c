//! `lotline backup` and `lotline restore`: copies of a SQLite store. PostgreSQL is copied with its own tools
//! (`docs/operations.md`); `restore --verify` checks either.

use std::fmt::Write;
use std::path::Path;

use super::cli::{BackupArgs, RestoreArgs};
use super::command_identity::require_store;
use super::error_line::ErrorLine;
use super::wiring as parts;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{Settings, Store};
use crate::storage::{
    self, ActiveKey, ApiKeyPolicy, DatabaseSettings, IntegrityReport, RestoreRequest, micros,
};

pub async fn backup(settings: &Settings, args: &BackupArgs) -> Result<String, ErrorLine> {
    let store = sqlite_path(settings, "copied with pg_dump or pg_basebackup")?;
    require_store(settings)?;
    let found = storage::backup_sqlite(&store, &args.to, args.force, Entropy).await.map_err(error_line)?;
    Ok(format!("{} written\n{}", args.to.display(), format_integrity(&found)))
}

pub async fn restore(settings: &Settings, args: &RestoreArgs) -> Result<String, ErrorLine> {
    match &args.from {
        Some(from) if !args.verify => restore_from(settings, from, args).await,
        Some(from) => verify(&DatabaseSettings::Sqlite { path: from.clone() }).await,
        None => {
            require_store(settings)?;
            verify(&parts::database(settings)).await
        }
    }
}

async fn restore_from(settings: &Settings, from: &Path, args: &RestoreArgs) -> Result<String, ErrorLine> {
    let store = sqlite_path(settings, "restored with pg_restore or from a base backup")?;
    let now = micros(Clock::system().now());
    let keys = if args.revoke_keys { ApiKeyPolicy::Revoke } else { ApiKeyPolicy::Keep };
    let request = RestoreRequest { from, store: &store, replace: args.force, keys, now };
    let restored = storage::restore_sqlite(&request, Entropy).await.map_err(error_line)?;
    let mut output = format!("{} restored from {}\n", store.display(), from.display());
    if let Some(kept) = restored.previous_store {
        let _ = writeln!(output, "the database that was there is kept as {}", kept.display());
    }
    output.push_str(
        "all users must sign in again, one-time links are void, and clients with an earlier position get a gap\n",
    );
    output.push_str(
        "users are as they were when the copy was made: deactivate those again that were deactivated since\n",
    );
    write_restored_keys(&mut output, &restored.keys, keys);
    output.push_str(&format_integrity(&restored.found));
    Ok(output)
}

fn write_restored_keys(output: &mut String, keys: &[ActiveKey], what: ApiKeyPolicy) {
    let words = match (what, keys.len()) {
        (_, 0) => return,
        (ApiKeyPolicy::Keep, _) => {
            "these API keys are valid as when the copy was made: revoke those again that were revoked since"
        }
        (ApiKeyPolicy::Revoke, _) => "these API keys are revoked: create new ones",
    };
    let _ = writeln!(output, "{words}");
    for ActiveKey { id, tenant, name, made_by } in keys {
        // The name is a user's text: escaped so that it cannot affect a terminal.
        let _ = writeln!(output, "  {id} of {tenant}/{made_by}: {name:?}");
    }
}

async fn verify(settings: &DatabaseSettings) -> Result<String, ErrorLine> {
    if let DatabaseSettings::Sqlite { path } = settings
        && !path.exists()
    {
        return Err(format!("{} does not exist", path.display()));
    }
    let found = storage::check_integrity(settings).await.map_err(error_line)?;
    if found.faults.is_empty() {
        Ok(format!("sound\n{}", format_integrity(&found)))
    } else {
        Err(found.faults.join("; "))
    }
}

fn format_integrity(found: &IntegrityReport) -> String {
    let mut output = format!("migrations: {} applied, {} to apply\n", found.migrations, found.missing);
    for log in &found.logs {
        let (slug, events, head, trimmed) = (&log.slug, log.events, log.head, log.trimmed);
        let _ = writeln!(output, "{slug}: {events} events, head {head}, trimmed up to {trimmed}");
    }
    output
}

fn sqlite_path(settings: &Settings, instead: &str) -> Result<std::path::PathBuf, ErrorLine> {
    match settings.store() {
        Store::Sqlite { path } => Ok(path),
        Store::Postgres { .. } => {
            Err(format!("this command is for SQLite; PostgreSQL is {instead}, see docs/operations.md"))
        }
    }
}

fn error_line(error: impl std::fmt::Display) -> ErrorLine {
    error.to_string()
}
