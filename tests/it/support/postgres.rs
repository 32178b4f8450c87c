//! A PostgreSQL database per test, with the three roles that the manual requires.

use std::path::{Path, PathBuf};
use std::process::Command;

use lotline::base::entropy::Entropy;
use lotline::storage::{self, DatabaseSettings};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use secrecy::SecretString;
use url::Url;

const VARIABLE: &str = "LOTLINE_TEST_POSTGRES";

/// A new database. Group roles belong to the cluster and are shared; login roles belong to this database.
pub struct TestDatabase {
    superuser: Url,
    pub name: String,
}

impl TestDatabase {
    /// Creates the database and its owner, empty: no schema, no other role.
    pub async fn empty() -> Self {
        Self::empty_on(superuser()).await
    }

    /// The same on the server with this superuser.
    pub async fn empty_on(superuser: Url) -> Self {
        let name = format!("t{:016x}", Entropy.below(u64::MAX));
        let database = Self { superuser, name };
        let name = &database.name;
        let admin = connect(&database.superuser).await;
        // CREATEROLE: the migrations create the group roles.
        run(&admin, &format!("CREATE ROLE {name}_owner LOGIN CREATEROLE")).await;
        run(&admin, &format!("CREATE ROLE {name}_tenant LOGIN")).await;
        run(&admin, &format!("CREATE ROLE {name}_system LOGIN")).await;
        run(&admin, &format!("CREATE DATABASE {name} OWNER {name}_owner STRATEGY file_copy")).await;
        admin.close().await.unwrap();
        database
    }

    /// Migrates the schema and grants the two login roles access.
    pub async fn migrated() -> Self {
        Self::migrated_on(superuser()).await
    }

    /// The same on the server with this superuser.
    pub async fn migrated_on(superuser: Url) -> Self {
        let database = Self::empty_on(superuser).await;
        storage::migrate_up(&database.as_owner()).await.unwrap();
        database.grant_roles().await;
        database
    }

    /// Makes each login role a member of its group, once the migrations have created the groups.
    pub async fn grant_roles(&self) {
        let name = &self.name;
        let admin = connect(&self.superuser).await;
        run(&admin, &format!("GRANT lotline_tenant TO {name}_tenant")).await;
        run(&admin, &format!("GRANT lotline_system TO {name}_system")).await;
        admin.close().await.unwrap();
    }

    /// Restores a dump of [`dump_as_sql`] into a new database, migrates its schema and grants access.
    pub async fn restored(sql: &Path) -> Self {
        let database = Self::empty().await;
        let superuser = connect(&database.superuser).await;
        // The dump names the group roles, which no migration may have created on this server yet.
        for group in ["lotline_tenant", "lotline_system"] {
            let sql = format!(
                "DO $$ BEGIN CREATE ROLE {group} NOLOGIN;
                 EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            );
            run(&superuser, &sql).await;
        }
        superuser.close().await.unwrap();
        let owner = database.as_role("owner").await;
        run(&owner, &std::fs::read_to_string(sql).unwrap()).await;
        owner.close().await.unwrap();
        storage::migrate_up(&database.as_owner()).await.unwrap();
        database.grant_roles().await;
        database
    }

    /// The environment variables with which a node finds it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variable = |key: &str, role| (format!("LOTLINE__DATABASE__{key}"), self.url(role).to_string());
        vec![
            variable("URL", "tenant"),
            variable("SYSTEM_URL", "system"),
            variable("MIGRATE_URL", "owner"),
            // Tests run in parallel and share the server's connections.
            ("LOTLINE__DATABASE__MAX_CONNECTIONS".to_owned(), "4".to_owned()),
        ]
    }

    /// The address under one of this database's roles.
    pub fn url(&self, role: &str) -> Url {
        let mut url = self.superuser.clone();
        url.set_username(&format!("{}_{role}", self.name)).unwrap();
        url.set_path(&self.name);
        url
    }

    /// The address under the superuser.
    pub fn superuser_url(&self) -> Url {
        let mut url = self.superuser.clone();
        url.set_path(&self.name);
        url
    }

    /// The owner alone, which migrates the schema.
    pub fn as_owner(&self) -> DatabaseSettings {
        let url = SecretString::from(self.url("owner").to_string());
        DatabaseSettings::Postgres {
            url,
            system_url: None,
            migrate_url: None,
            migrate: false,
            max_connections: 2,
            statement_time: None,
        }
    }

    /// A plain connection under one of this database's roles, bypassing the product.
    pub async fn as_role(&self, role: &str) -> DatabaseConnection {
        connect(&self.url(role)).await
    }

    /// A plain connection of the superuser, to which no policy applies.
    pub async fn as_superuser(&self) -> DatabaseConnection {
        connect(&self.superuser_url()).await
    }

    /// Removes database and roles.
    pub async fn remove(self) {
        let name = &self.name;
        let admin = connect(&self.superuser).await;
        run(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        for role in ["owner", "tenant", "system"] {
            // If the owner created the group roles, it is their grantor and cannot be dropped before them.
            let _ = admin.execute_unprepared(&format!("DROP ROLE {name}_{role}")).await;
        }
        admin.close().await.unwrap();
    }
}

/// Dumps a database with PostgreSQL's own tool.
pub fn dump(database: &Url, to: &Path) {
    succeeds(tool("pg_dump").arg("--format=custom").arg("--file").arg(to).arg(database.as_str()));
}

/// Puts a dump into a database with PostgreSQL's own tool.
pub fn restore(database: &Url, from: &Path, options: &[&str]) {
    succeeds(tool("pg_restore").args(options).arg("--dbname").arg(database.as_str()).arg(from));
}

/// Dumps a database as SQL for any server of its version or a later one; all objects belong to the role that runs it.
pub fn dump_as_sql(database: &Url, to: &Path) {
    let mut command = tool("pg_dump");
    command.args(["--no-owner", "--inserts"]).arg(database.as_str());
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    let sql = String::from_utf8(ended.stdout).unwrap();
    // Commands of psql, and a setting that older servers do not know.
    let foreign = |line: &&str| line.starts_with('\\') || line.starts_with("SET transaction_timeout");
    let kept: Vec<&str> = sql.lines().filter(|line| !foreign(line)).collect();
    std::fs::write(to, kept.join("\n") + "\n").unwrap();
}

/// The newest installed version of Debian's tools.
fn tool(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path());
    let tools: Vec<PathBuf> =
        versions.map(|path| path.join("bin").join(name)).filter(|path| path.exists()).collect();
    Command::new(tools.iter().max().unwrap_or_else(|| panic!("{name} is not installed; run scripts/install")))
}

fn succeeds(command: &mut Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

/// Runs one statement.
pub async fn run(connection: &DatabaseConnection, sql: &str) {
    connection.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn connect(url: &Url) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url.as_str());
    options.sqlx_logging(false).max_connections(1).min_connections(1);
    Database::connect(options).await.unwrap_or_else(|error| panic!("PostgreSQL at {VARIABLE}: {error}"))
}

/// Never skipped silently: without a server the test fails and says how to get one.
fn superuser() -> Url {
    let url = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{VARIABLE} is not set: this test needs PostgreSQL; \
             run it as `scripts/with-postgres cargo nextest run`"
        )
    });
    Url::parse(&url).unwrap_or_else(|error| panic!("{VARIABLE} is no URL: {error}"))
}
