//! The command line: one subcommand per task.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

/// Authenticated multi-tenant real-time API for companies that crawl property listings.
#[derive(Debug, Parser)]
#[command(name = "lotline", version, propagate_version = true)]
pub struct Cli {
    /// Configuration file (TOML); overrides single keys of the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default).
    Serve(ServeArgs),
    /// Run a real crawl of real listings on this machine, with two tenants.
    Demo(DemoArgs),
    /// Serve a small listings site on this machine, for a first crawl.
    SampleSite(SampleSiteArgs),
    /// Follow a server's events in the terminal; resumes by itself.
    Follow(FollowArgs),
    /// Migrate the database's schema up or down.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Manage tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Manage users and operators.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Mint and check access tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the AsyncAPI document.
    Asyncapi,
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Copy the SQLite database into one file while the server runs; the copy has no signing keys.
    Backup(BackupArgs),
    /// Replace the SQLite database by a copy, or only verify one.
    Restore(RestoreArgs),
    /// Ask a running server whether it is ready; for containers.
    Healthcheck(HealthcheckArgs),
    /// Print a shell script that completes subcommands and flags.
    Completions { shell: clap_complete::Shell },
}

// Not shown in the help: flags that `serve` does not have, refused with the key to set instead.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    #[arg(long, hide = true, value_parser = refuse_address_flag)]
    pub port: Option<String>,
    #[arg(long, hide = true, value_parser = refuse_address_flag)]
    pub bind: Option<String>,
}

fn refuse_address_flag(_: &str) -> Result<String, String> {
    let words = "the address is a setting: set the variable LOTLINE__SERVER__BIND to one such as 127.0.0.1:8001, or \
                 server.bind in the file of --config";
    Err(words.to_owned())
}

#[derive(Debug, Args)]
pub struct SampleSiteArgs {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8002)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Crawl, let days pass, crawl again, compare every event with the data, and exit with 0 if all is right, else 1.
    #[arg(long)]
    pub once: bool,
    /// A new folder for the data, which is kept; without it, a temporary one.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The port on this machine; default: the configured one, else 8001 or a free one.
    #[arg(long)]
    pub port: Option<u16>,
    /// Print a line for each event or group of events instead of a summary.
    #[arg(long, short)]
    pub verbose: bool,
    /// Simulated days between two crawls.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365), conflicts_with = "once")]
    pub days: u16,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("credential").required(true).multiple(true).args(["token", "username"])))]
pub struct FollowArgs {
    /// Base URL of the server.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    pub url: String,
    /// An access token or API key.
    #[arg(long, env = "LOTLINE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Sign in by name instead, as `ann` or `acme/ann`; the password is prompted for, or read with --password-stdin.
    #[arg(long, value_name = "NAME", conflicts_with = "token")]
    pub username: Option<String>,
    /// Read the password from standard input, one line; on a terminal it is prompted for.
    #[arg(long, requires = "username")]
    pub password_stdin: bool,
    /// Feeds to follow in addition to the inbox, separated by commas.
    #[arg(long, default_value = "job_updates,property_updates,system_alerts")]
    pub subscriptions: String,
    /// Position to start from; default: the head of the log.
    #[arg(long)]
    pub since: Option<String>,
    /// Print every message as received.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Apply the pending migrations.
    Up,
    /// Revert the last migrations, with the data that only they hold; on SQLite with the server stopped.
    Down {
        /// Number of migrations.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Confirm that the data is removed.
        #[arg(long)]
        confirm: bool,
    },
    /// List applied and pending migrations.
    Status,
}

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Create a tenant.
    Create {
        /// Its slug: a-z, 0-9 and dashes.
        #[arg(long)]
        slug: String,
        /// Display name.
        #[arg(long)]
        name: String,
    },
    /// List all tenants.
    List {
        /// Print one JSON array, with the fields of the REST API.
        #[arg(long)]
        json: bool,
    },
    /// Show a tenant: users, keys, quotas.
    Show {
        /// Its slug.
        #[arg(long)]
        slug: String,
    },
    /// Write a tenant's rows into one file, without secrets; also while the server runs.
    Export(ExportArgs),
    /// Delete a tenant with all its data, for ever; also while the server runs.
    Delete {
        /// Its slug.
        #[arg(long)]
        slug: String,
        /// The slug again, as a confirmation.
        #[arg(long, value_name = "SLUG")]
        confirm: String,
    },
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The tenant's slug.
    #[arg(long)]
    pub slug: String,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user of a tenant, or an operator.
    Create {
        /// The tenant's slug.
        #[arg(long, required_unless_present = "operator", conflicts_with = "operator")]
        tenant: Option<String>,
        /// Create a platform account instead.
        #[arg(long)]
        operator: bool,
        #[arg(long)]
        username: String,
        #[arg(long, conflicts_with = "operator")]
        email: Option<String>,
        /// viewer, member or admin.
        #[arg(long, default_value = "member", conflicts_with = "operator")]
        role: crate::auth::key_scope::Role,
        /// Read the password from standard input, one line, or prompt for it twice on a terminal; without this flag
        /// a one-time link is printed.
        #[arg(long, required_if_eq("operator", "true"))]
        password_stdin: bool,
    },
    /// List a tenant's users, or the operators.
    List {
        /// The tenant's slug.
        #[arg(long, required_unless_present = "operator", conflicts_with = "operator")]
        tenant: Option<String>,
        /// List the platform accounts instead.
        #[arg(long)]
        operator: bool,
        /// Print one JSON array, with the fields of the REST API.
        #[arg(long)]
        json: bool,
    },
    /// Deactivate a user: their sign-ins and API keys become invalid.
    Deactivate(UserArgs),
    /// Change a user's sign-in name; their sign-ins and API keys stay valid.
    Rename(RenameArgs),
    /// Reactivate a user, with the password and the API keys that they had.
    Activate(UserArgs),
    /// Create a one-time link to set a user's password; an older link becomes invalid.
    PasswordLink(UserArgs),
}

#[derive(Debug, Args)]
pub struct UserArgs {
    /// The tenant's slug.
    #[arg(long)]
    pub tenant: String,
    #[arg(long)]
    pub username: String,
}

#[derive(Debug, Args)]
pub struct RenameArgs {
    #[command(flatten)]
    pub user: UserArgs,
    /// The new name; may be another spelling of the same one.
    #[arg(long, value_name = "NAME")]
    pub to: String,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create an API key; it is printed once.
    Create {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// Owner of the key and of the jobs that it creates.
        #[arg(long)]
        username: String,
        /// Display name.
        #[arg(long)]
        name: String,
        /// jobs:run, properties:write, logs:write, events:read; separated by commas.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<crate::auth::key_scope::KeyScope>,
    },
    /// List a tenant's valid API keys.
    List {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// Print one JSON array, with the fields of the REST API.
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key, for ever.
    Revoke {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The key's id, as `key list` prints it.
        #[arg(long, value_name = "KEY_ID")]
        id: uuid::Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Mint an access token for a user, for testing.
    Mint {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        username: String,
    },
    /// Check a token or API key: whether it is valid, its owner, and if not, why.
    Check {
        /// The token; `-` reads it from standard input, where other users of the machine cannot see it.
        token: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and report all errors.
    Check(ConfigArgs),
    /// Print the effective configuration, secrets hidden.
    Print(ConfigArgs),
    /// Print the table of all keys, as in docs/configuration.md.
    Table,
}

// Not shown in the help: an argument that is refused with the flag to use instead.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[arg(hide = true, value_parser = refuse_file_argument)]
    pub file: Option<String>,
}

fn refuse_file_argument(given: &str) -> Result<String, String> {
    Err(format!("the file is named by a flag: --config {given}"))
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The copy; without it, --verify checks the configured database.
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    pub from: Option<PathBuf>,
    /// Only verify it: file, references, schema, and every tenant's log.
    #[arg(long, conflicts_with = "force")]
    pub verify: bool,
    /// Replace an existing database; the old one is kept beside it.
    #[arg(long)]
    pub force: bool,
    /// Revoke every API key of the copy; otherwise keys that were revoked after it was made become valid again.
    #[arg(long, conflicts_with = "verify")]
    pub revoke_keys: bool,
}

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Base URL of the server.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    pub url: String,
}
