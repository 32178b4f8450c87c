//! `lotline backup` and `lotline restore`: copies of a SQLite store. PostgreSQL's own tools copy PostgreSQL
//! (`docs/operations.md`); `restore --verify` looks at either.

use std::fmt::Write;
use std::path::Path;

use super::cli::{BackupArgs, RestoreArgs};
use super::settings as parts;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{Settings, Store};
use crate::storage::{self, CopiedKeys, DatabaseSettings, RestoreOrder, Soundness, StandingKey, micros};

/// Why a verb did not do its work, in one line.
type Refused = String;

pub async fn backup(settings: &Settings, args: &BackupArgs) -> Result<String, Refused> {
    let store = sqlite(settings, "copied with pg_dump or pg_basebackup")?;
    let found = storage::backup_sqlite(&store, &args.to, args.force, Entropy).await.map_err(words)?;
    Ok(format!("{} written\n{}", args.to.display(), figures(&found)))
}

pub async fn restore(settings: &Settings, args: &RestoreArgs) -> Result<String, Refused> {
    match &args.from {
        Some(from) if !args.verify => put_back(settings, from, args).await,
        Some(from) => verify(&DatabaseSettings::Sqlite { path: from.clone() }).await,
        None => verify(&parts::database(settings)).await,
    }
}

async fn put_back(settings: &Settings, from: &Path, args: &RestoreArgs) -> Result<String, Refused> {
    let store = sqlite(settings, "restored with pg_restore or from a base backup")?;
    let now = micros(Clock::system().now());
    let keys = if args.revoke_keys { CopiedKeys::Revoke } else { CopiedKeys::Stand };
    let order = RestoreOrder { from, store: &store, replace: args.force, keys, now };
    let restored = storage::restore_sqlite(&order, Entropy).await.map_err(words)?;
    let mut output = format!("{} restored from {}\n", store.display(), from.display());
    if let Some(kept) = restored.kept {
        let _ = writeln!(output, "the database that was there is kept as {}", kept.display());
    }
    output.push_str(
        "everybody has to sign in anew, one-time links are void, and earlier positions are told of a gap\n",
    );
    output.push_str(
        "users are as they were when the copy was made: deactivate again who was deactivated since\n",
    );
    tell_keys(&mut output, &restored.keys, keys);
    output.push_str(&figures(&restored.found));
    Ok(output)
}

fn tell_keys(output: &mut String, keys: &[StandingKey], what: CopiedKeys) {
    let words = match (what, keys.len()) {
        (_, 0) => return,
        (CopiedKeys::Stand, _) => {
            "these API keys hold as they did when the copy was made: revoke again what was revoked since"
        }
        (CopiedKeys::Revoke, _) => "these API keys are revoked: make new ones",
    };
    let _ = writeln!(output, "{words}");
    for StandingKey { id, tenant, name, made_by } in keys {
        // The name is some user's text: shown so that it can do nothing to a terminal.
        let _ = writeln!(output, "  {id} of {tenant}/{made_by}: {name:?}");
    }
}

async fn verify(settings: &DatabaseSettings) -> Result<String, Refused> {
    if let DatabaseSettings::Sqlite { path } = settings
        && !path.exists()
    {
        return Err(format!("{} does not exist", path.display()));
    }
    let found = storage::examine(settings).await.map_err(words)?;
    if found.faults.is_empty() {
        Ok(format!("sound\n{}", figures(&found)))
    } else {
        Err(found.faults.join("; "))
    }
}

fn figures(found: &Soundness) -> String {
    let mut output = format!("migrations: {} applied, {} to apply\n", found.migrations, found.missing);
    for log in &found.logs {
        let (slug, events, head, trimmed) = (&log.slug, log.events, log.head, log.trimmed);
        let _ = writeln!(output, "{slug}: {events} events, head {head}, trimmed up to {trimmed}");
    }
    output
}

fn sqlite(settings: &Settings, instead: &str) -> Result<std::path::PathBuf, Refused> {
    match settings.store() {
        Store::Sqlite { path } => Ok(path),
        Store::Postgres { .. } => {
            Err(format!("this verb is for SQLite; PostgreSQL is {instead}, see docs/operations.md"))
        }
    }
}

fn words(error: impl std::fmt::Display) -> Refused {
    error.to_string()
}
