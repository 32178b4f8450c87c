//! `lotline tenant …`: operations on a whole tenant with direct access to the database; a server may be running on
//! it.

use super::admin_commands;
use super::cli::{ExportArgs, TenantCommand};
use super::command_identity::{command_identity, require_store};
use super::error_line::{ErrorLine, problem_line};
use super::lists::{self, OutputFormat};
use super::wiring as parts;
use crate::auth::key_scope::Role;
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::clock::{Clock, rfc3339};
use crate::base::entropy::Entropy;
use crate::base::ids::TenantId;
use crate::cluster::SharedState;
use crate::config::Settings;
use crate::domain::ephemeral::EphemeralSettings;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::op::{Op, Services};
use crate::domain::tenant_removal::{self, RemovalProgress};
use crate::protocol::tenant::TenantView;
use crate::storage::tenants::{self, TenantRow};
use crate::storage::time;
use crate::storage::{Database, ExportHead, export_tenant};

pub async fn run(settings: &Settings, verb: &TenantCommand) -> Result<String, ErrorLine> {
    match verb {
        TenantCommand::Create { slug, name } => admin_commands::create_tenant(settings, slug, name).await,
        TenantCommand::List { json } => lists::tenants(settings, OutputFormat::from_flag(*json)).await,
        TenantCommand::Show { slug } => show(settings, slug).await,
        TenantCommand::Export(args) => export(settings, args).await,
        TenantCommand::Delete { slug, confirm } => delete(settings, slug, confirm).await,
    }
}

async fn show(settings: &Settings, slug: &str) -> Result<String, ErrorLine> {
    let identity = command_identity(settings).await?;
    let tenant = find(&identity.services.db, slug).await?;
    let op = Op::of_system(&identity.services, SystemReason::CommandLine, TenantId(tenant.id));
    let users = lists::all_users(&op).await?;
    let keys = lists::all_keys(&op).await?;
    let active: Vec<&str> = users.iter().filter(|user| user.is_active).map(|user| user.role.name()).collect();
    let of = |role: Role| active.iter().filter(|name| **name == role.name()).count();
    let mut lines = vec![
        format!(
            "{} ({}), {}",
            tenant.slug,
            tenant.id,
            lists::tenant_state(tenant.removal.is_some(), tenant.is_active)
        ),
        format!("name      {}", tenant.name),
        format!("made      {}", rfc3339(time(tenant.created_at))),
        format!(
            "users     {}: {} admins, {} members, {} viewers, {} deactivated",
            users.len(),
            of(Role::Admin),
            of(Role::Member),
            of(Role::Viewer),
            users.len() - active.len()
        ),
        format!("API keys  {}", keys.len()),
    ];
    if let Some(quotas) = &tenant.quotas {
        lines.push(format!("quotas    {quotas}"));
    }
    Ok(lines.join("\n"))
}

async fn export(settings: &Settings, args: &ExportArgs) -> Result<String, ErrorLine> {
    let db = open(settings).await?;
    let tenant = find(&db, &args.slug).await?;
    if tenant.removal.is_some() {
        return Err(format!("the tenant {} is being removed", tenant.slug));
    }
    let scope = TenantScope::for_system(SystemReason::CommandLine, TenantId(tenant.id));
    let made_at = rfc3339(Clock::system().now());
    let head = ExportHead { made_at, program: env!("CARGO_PKG_VERSION") };
    let made = export_tenant(&db, &scope, head, &args.to, args.force, Entropy).await;
    let made = made.map_err(|error| error.to_string())?;
    close(db).await;
    let (file, rows, sha256) = (args.to.display(), made.rows, made.sha256);
    Ok(format!("{file} written: {rows} rows, sha256 {sha256}"))
}

async fn delete(settings: &Settings, slug: &str, confirm: &str) -> Result<String, ErrorLine> {
    if confirm != slug {
        return Err(format!("--confirm must be {slug} too: everything of the tenant is removed for ever"));
    }
    let db = open(settings).await?;
    let id = TenantId(find(&db, slug).await?.id);
    let services = Services::new(
        db.clone(),
        Clock::system(),
        Entropy,
        SharedState::of_one_node(),
        EphemeralSettings::default(),
    );
    let op = PlatformOp::of_system(&services, SystemReason::CommandLine);
    tenant_removal::request(&op, id, confirm, &|_: &TenantView| Ok(())).await.map_err(problem_line)?;
    // A running server may also remove batches of rows: each batch is atomic.
    while tenant_removal::delete_batch(&services, id).await.map_err(problem_line)?
        == RemovalProgress::InProgress
    {}
    drop((op, services));
    close(db).await;
    Ok(format!("tenant {slug} ({id}) removed"))
}

/// Opens the existing store.
async fn open(settings: &Settings) -> Result<Database, ErrorLine> {
    require_store(settings)?;
    Database::open(&parts::database(settings)).await.map_err(|error| error.to_string())
}

/// All changes are on disk already; a running server keeps the file open anyway.
async fn close(db: Database) {
    if let Err(error) = db.close().await {
        tracing::debug!(%error, "the database was not closed cleanly");
    }
}

async fn find(db: &Database, slug: &str) -> Result<TenantRow, ErrorLine> {
    let tx = db.system(SystemReason::CommandLine).read().await.map_err(|error| error.to_string())?;
    let found = tenants::find_by_slug(&tx, slug).await.map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("--slug: there is no tenant `{slug}`; `lotline tenant list` names them"))
}
