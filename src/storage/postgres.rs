//! PostgreSQL: the two pools, their roles, and setting the tenant at the start of a transaction.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    Statement,
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::database_identity::DatabaseIdentity;
use super::error::{OpenError, Result};
use crate::base::clock::Clock;
use crate::base::ids::TenantId;

/// The group roles that the migrations grant to.
const TENANT_GROUP: &str = "lotline_tenant";
const SYSTEM_GROUP: &str = "lotline_system";

/// How long the first connection may take.
const FIRST_CONNECTION: Duration = Duration::from_secs(10);

pub(super) async fn connect(url: &SecretString, connections: u32) -> Result<DatabaseConnection, OpenError> {
    open(url, options(url, connections)).await
}

/// A pool that checks the database's identity on every new connection.
pub(super) async fn connect_pool(
    url: &SecretString,
    connections: u32,
    identity: &DatabaseIdentity,
) -> Result<DatabaseConnection, OpenError> {
    let mut options = options(url, connections);
    identity.refresh_on_connect(&mut options);
    open(url, options).await
}

fn options(url: &SecretString, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose_secret());
    options
        .sqlx_logging(false)
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(Duration::from_secs(10));
    options
}

async fn open(url: &SecretString, options: ConnectOptions) -> Result<DatabaseConnection, OpenError> {
    probe(url).await?;
    Database::connect(options)
        .await
        .map_err(|cause| OpenError::Connect { url: without_password(url), cause: cause.to_string() })
}

/// Connects once, outside of any pool. A pool retries a refused connection until its timeout, and then reports that
/// timeout instead of the server's error.
async fn probe(url: &SecretString) -> Result<(), OpenError> {
    let refused = |cause: String| OpenError::Connect { url: without_password(url), cause };
    let options: PgConnectOptions = url.expose_secret().parse().map_err(|cause| refused(reason(&cause)))?;
    let address = match options.get_socket() {
        Some(socket) => format!("{} port {}", socket.display(), options.get_port()),
        None => format!("{} port {}", options.get_host(), options.get_port()),
    };
    let late = || refused(format!("{address} did not answer within {} seconds", FIRST_CONNECTION.as_secs()));
    let clock = Clock::system();
    let connected = tokio::select! {
        connected = PgConnection::connect_with(&options) => connected,
        () = clock.sleep(FIRST_CONNECTION) => return Err(late()),
    };
    let connection = connected.map_err(|cause| refused(format!("{address}: {}", reason(&cause))))?;
    // It has served its purpose: how it closes makes no difference.
    let _ = connection.close().await;
    Ok(())
}

/// The bare cause: the driver's wrapping is of no use to an operator.
fn reason(cause: &sqlx::Error) -> String {
    match cause {
        sqlx::Error::Database(reply) => reply.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        // May quote the address, password included.
        sqlx::Error::Configuration(_) => "the address is not one of PostgreSQL".to_owned(),
        other => other.to_string(),
    }
}

/// Refuses roles under which row-level security would not hold, and roles that could not work.
pub(super) async fn check_roles(
    tenant: &DatabaseConnection,
    system: &DatabaseConnection,
    shared_role: bool,
) -> Result<(), OpenError> {
    let at_tenant = describe_role(tenant).await.map_err(failed)?;
    if at_tenant.bypasses {
        return Err(OpenError::Privileged { role: at_tenant.name, key: "database.url" });
    }
    if !at_tenant.in_tenant_group {
        let group = TENANT_GROUP;
        return Err(OpenError::NotMember { role: at_tenant.name, key: "database.url", group });
    }
    let key = if shared_role { "database.url" } else { "database.system_url" };
    let at_system = describe_role(system).await.map_err(failed)?;
    if !at_system.in_system_group {
        return Err(OpenError::NotMember { role: at_system.name, key, group: SYSTEM_GROUP });
    }
    Ok(())
}

struct Role {
    name: String,
    bypasses: bool,
    in_tenant_group: bool,
    in_system_group: bool,
}

async fn describe_role(connection: &DatabaseConnection) -> Result<Role, DbErr> {
    let sql = format!(
        "SELECT current_user::text AS name, (rolsuper OR rolbypassrls) AS bypasses,
            pg_has_role(current_user, '{TENANT_GROUP}', 'MEMBER') AS in_tenant_group,
            pg_has_role(current_user, '{SYSTEM_GROUP}', 'MEMBER') AS in_system_group
         FROM pg_roles WHERE rolname = current_user"
    );
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the current role".to_owned()))?;
    Ok(Role {
        name: row.try_get("", "name")?,
        bypasses: row.try_get("", "bypasses")?,
        in_tenant_group: row.try_get("", "in_tenant_group")?,
        in_system_group: row.try_get("", "in_system_group")?,
    })
}

/// Sets the tenant for row-level security, for this transaction only. A role of both pools first switches to the
/// tenant group, which sees the tenant's rows only. The server cancels a statement that takes longer than
/// `statement_timeout`, in this transaction only, too: a pooler may give the connection to other clients.
pub(super) async fn set_tenant(
    tx: &DatabaseTransaction,
    tenant_id: TenantId,
    shared_role: bool,
    statement_time: Option<Duration>,
) -> Result<()> {
    let role =
        if shared_role { format!(", set_config('role', '{TENANT_GROUP}', true)") } else { String::new() };
    let time = statement_time.map_or_else(String::new, |time| {
        format!(", set_config('statement_timeout', '{}ms', true)", time.as_millis())
    });
    let sql = format!("SELECT set_config('lotline.tenant', '{tenant_id}', true){role}{time}");
    tx.execute_unprepared(&sql).await?;
    Ok(())
}

/// For a role of both pools: switches to the system group for this transaction.
pub(super) async fn set_system_role(tx: &DatabaseTransaction) -> Result<()> {
    tx.execute_unprepared(&format!("SELECT set_config('role', '{SYSTEM_GROUP}', true)")).await?;
    Ok(())
}

pub(super) fn without_password(url: &SecretString) -> String {
    let Ok(mut shown) = url::Url::parse(url.expose_secret()) else { return "postgres://…".to_owned() };
    // Both setters fail only for URLs without a host, which then have no password either.
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.to_string()
}

fn failed(cause: DbErr) -> OpenError {
    OpenError::Connect { url: "postgres".to_owned(), cause: cause.to_string() }
}
