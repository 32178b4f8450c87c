//! The command line: one verb a task.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

/// Authenticated multi-tenant real-time API for companies that crawl property listings.
#[derive(Debug, Parser)]
#[command(name = "lotline", version, propagate_version = true)]
pub struct Cli {
    /// Configuration file (TOML); changes single keys of the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default).
    Serve,
    /// Run a real crawl of real listings on this machine, with two tenants.
    Demo(DemoArgs),
    /// Serve a small listings site on this machine, for a first crawl.
    SampleSite(SampleSiteArgs),
    /// Follow a server's events in the terminal; resumes by itself.
    Follow(FollowArgs),
    /// Bring the database's schema up or down.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Users and operators.
    #[command(subcommand)]
    User(UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Access tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the AsyncAPI document.
    Asyncapi,
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Copy the SQLite database into one file while the server runs. The copy carries no signing keys.
    Backup(BackupArgs),
    /// Put a copy in the place of the SQLite database, or only say whether one is whole.
    Restore(RestoreArgs),
    /// Ask a running server whether it is ready; for containers.
    Healthcheck(HealthcheckArgs),
    /// Print a script that completes verbs and flags in a shell.
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct SampleSiteArgs {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8002)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Crawl, let days pass, crawl again, compare every event with the data, and end: 0 if all is right, else 1.
    #[arg(long)]
    pub once: bool,
    /// A new folder for the data, which is kept; without it, one that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The port on this machine; without it the configured one, else 8001 or a free one.
    #[arg(long)]
    pub port: Option<u16>,
    /// Print a line for every event instead of a summary.
    #[arg(long, short)]
    pub verbose: bool,
    /// Days that pass between two crawls.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365), conflicts_with = "once")]
    pub days: u16,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("credential").required(true).multiple(true).args(["token", "username"])))]
pub struct FollowArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    pub url: String,
    /// An access token or API key.
    #[arg(long, env = "LOTLINE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Sign in by name instead, as `ann` or `acme/ann`; the password is asked for, or read with --password-stdin.
    #[arg(long, value_name = "NAME", conflicts_with = "token")]
    pub username: Option<String>,
    /// Read the password from standard input, one line; a terminal asks for it.
    #[arg(long, requires = "username")]
    pub password_stdin: bool,
    /// Feeds to follow besides the inbox, separated by commas.
    #[arg(long, default_value = "job_updates,property_updates,system_alerts")]
    pub subscriptions: String,
    /// Position to start from; at the head when absent.
    #[arg(long)]
    pub since: Option<String>,
    /// Print every message as it came.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Apply what is missing.
    Up,
    /// Take back the last migrations, with the data that only they hold.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Say what is applied.
    Status,
}

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant.
    Create {
        /// Its short name: a-z, 0-9 and dashes.
        #[arg(long)]
        slug: String,
        /// Its name for people.
        #[arg(long)]
        name: String,
    },
    /// List all tenants.
    List {
        /// Print one JSON array, with the fields of the REST API.
        #[arg(long)]
        json: bool,
    },
    /// Say what there is of a tenant: users, keys, quotas.
    Show {
        /// Its short name.
        #[arg(long)]
        slug: String,
    },
    /// Write a tenant's rows into one file, without secrets; also while the server runs.
    Export(ExportArgs),
    /// Remove a tenant with everything that is its own, for ever; also while the server runs.
    Delete {
        /// Its short name.
        #[arg(long)]
        slug: String,
        /// The short name again, so that no slip of the hand removes a tenant.
        #[arg(long, value_name = "SLUG")]
        confirm: String,
    },
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The tenant's short name.
    #[arg(long)]
    pub slug: String,
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace the file when it exists.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user of a tenant, or an operator.
    Create {
        /// The tenant's slug.
        #[arg(long, required_unless_present = "operator", conflicts_with = "operator")]
        tenant: Option<String>,
        /// A platform account instead.
        #[arg(long)]
        operator: bool,
        #[arg(long)]
        username: String,
        #[arg(long, conflicts_with = "operator")]
        email: Option<String>,
        /// viewer, member or admin.
        #[arg(long, default_value = "member", conflicts_with = "operator")]
        role: crate::auth::key_scope::Role,
        /// Read the password from standard input, one line, or ask for it on a terminal; without it a one-time link is
        /// printed.
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
    /// Shut a user out: sign-ins and API keys of theirs hold no longer.
    Deactivate(UserArgs),
    /// Give a user another name to sign in with; sign-ins and API keys of theirs hold on.
    Rename(RenameArgs),
    /// Let a deactivated user in again, with the password and the API keys as they were.
    Activate(UserArgs),
    /// Make a one-time link with which a user sets a password; an older link stops working.
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
    /// The new name; another spelling of the same one will do.
    #[arg(long, value_name = "NAME")]
    pub to: String,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key; it is printed once.
    Create {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// The user whose key it is, and who owns the jobs that it makes.
        #[arg(long)]
        username: String,
        /// What it is for, for people.
        #[arg(long)]
        name: String,
        /// jobs:run, properties:write, logs:write, events:read; separated by commas.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<crate::auth::key_scope::KeyScope>,
    },
    /// List a tenant's API keys that hold.
    List {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        /// Print one JSON array, with the fields of the REST API.
        #[arg(long)]
        json: bool,
    },
    /// End an API key for good.
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
    /// Make an access token for a user, for trying things out.
    Mint {
        /// The tenant's slug.
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        username: String,
    },
    /// Say whether a token or API key holds, whose it is, and if not, why.
    Check {
        /// The token; `-` reads it from standard input, where other users of the machine cannot see it.
        token: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether the configuration is right; every fault is named.
    Check,
    /// Print what is in force, secrets hidden.
    Print,
    /// Print the table of all keys, as docs/configuration.md has it.
    Table,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The copy.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace the file when it exists.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The copy; with --verify alone, the configured database is looked at.
    #[arg(long, value_name = "FILE", required_unless_present = "verify")]
    pub from: Option<PathBuf>,
    /// Only say whether it is whole: file, references, schema, and every tenant's log.
    #[arg(long, conflicts_with = "force")]
    pub verify: bool,
    /// Replace the database when it exists; the old one is kept beside it.
    #[arg(long)]
    pub force: bool,
    /// Revoke every API key of the copy: those that were revoked after it was made would hold again.
    #[arg(long, conflicts_with = "verify")]
    pub revoke_keys: bool,
}

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    pub url: String,
}
