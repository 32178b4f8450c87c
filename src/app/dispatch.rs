//! From the command line to a subcommand and its exit status: 0 success, 1 failure, 2 invalid arguments or
//! configuration.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::cli::{Cli, Command, ConfigCommand, HealthcheckArgs, MigrateCommand, ServeArgs, TokenCommand};
use super::command_identity::require_store;
use super::error_line::error_chain;
use super::reload::Reload;
use super::start_error::StartError;
use super::{
    admin_commands, backup, documents, file_modes, follow, sample_site, serve, start_checks, tenant_commands,
    token_check, wiring as parts,
};
use crate::base::clock::Clock;
use crate::config::{
    ConfigError, Settings, TelemetrySettings, format_errors, ignored_variables, markdown_table,
};
use crate::crawler::reader::child;
use crate::storage;
use crate::telemetry::subscriber;

/// The error of a subcommand.
enum CommandError {
    /// In one line, for standard error.
    Refused(String),
    /// Errors of the configuration, one per line.
    Configuration(String),
}

/// How long threads of the runtime may run after their subcommand ended; they are not awaited any longer.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(100);

/// Runs the subcommand of the process's arguments.
pub fn main() -> ExitCode {
    // Before everything else: a page reader has no configuration, no log, no runtime, and must not have any.
    if let Some(limits) = child::parse_limits(std::env::args_os()) {
        return child::run(limits);
    }
    file_modes::set_private_umask();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit_with(&format!("cannot start: {error}"), 1),
    };
    let result = runtime.block_on(run(cli));
    // Dropping the runtime would wait for a thread that never ends.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    match result {
        Ok(output) => {
            // A closed pipe is no error: the reader closed it.
            let _ = std::io::stdout().lock().write_all(output.as_bytes());
            ExitCode::SUCCESS
        }
        Err(CommandError::Refused(words)) => exit_with(&format!("lotline: {words}"), 1),
        Err(CommandError::Configuration(faults)) => exit_with(faults.trim_end(), 2),
    }
}

async fn run(cli: Cli) -> Result<String, CommandError> {
    let Cli { config, command: verb } = cli;
    let settings = || load_settings(config.as_deref());
    match verb.unwrap_or(Command::Serve(ServeArgs::default())) {
        Command::Serve(_) => {
            let settings = settings()?;
            let filter = subscriber::install(&settings.telemetry).map_err(command_error)?;
            for ignored in ignored_variables(environment()) {
                tracing::warn!("{ignored}");
            }
            let load_again = {
                let config = config.clone();
                move || read_settings(config.as_deref())
            };
            let reload = Reload::new(load_again, filter, settings.clone());
            serve::run(&settings, config.as_deref(), reload).await.map_err(command_error)?;
            Ok(String::new())
        }
        Command::Demo(args) => {
            super::demo::run(&args, config.as_deref(), environment()).await.map_err(CommandError::Refused)
        }
        Command::SampleSite(args) => sample_site::run(&args).await.map_err(CommandError::Refused),
        Command::Follow(args) => {
            follow::run(args, &Clock::system()).await.map_err(CommandError::Refused)?;
            Ok(String::new())
        }
        Command::Migrate(verb) => migrate(&settings()?, &verb).await,
        Command::Tenant(verb) => {
            with_newline(tenant_commands::run(&install_error_log(settings()?)?, &verb).await)
        }
        Command::User(verb) => {
            with_newline(admin_commands::run_user_command(&install_error_log(settings()?)?, &verb).await)
        }
        Command::Key(verb) => {
            with_newline(admin_commands::run_key_command(&install_error_log(settings()?)?, &verb).await)
        }
        Command::Token(TokenCommand::Check { token }) => {
            token_check::run(&install_error_log(settings()?)?, &token).await.map_err(CommandError::Refused)
        }
        Command::Token(TokenCommand::Mint { tenant, username }) => with_newline(
            admin_commands::mint_token(&install_error_log(settings()?)?, &tenant, &username).await,
        ),
        Command::Openapi => {
            documents::openapi(settings()?.server.public_url.as_deref()).map_err(command_error)
        }
        Command::Asyncapi => Ok(documents::asyncapi(settings()?.server.public_url.as_deref())),
        Command::Config(ConfigCommand::Check(_)) => check_configuration(config.as_deref()),
        Command::Config(ConfigCommand::Table) => Ok(markdown_table()),
        Command::Config(ConfigCommand::Print(_)) => settings().map(|settings| settings.to_toml()),
        Command::Backup(args) => backup::backup(&settings()?, &args).await.map_err(CommandError::Refused),
        Command::Restore(args) => backup::restore(&settings()?, &args).await.map_err(CommandError::Refused),
        Command::Healthcheck(args) => healthcheck(&args).await,
        Command::Completions { shell } => Ok(completions(shell)),
    }
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lotline", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn load_settings(config: Option<&std::path::Path>) -> Result<Settings, CommandError> {
    read_settings(config).map_err(|faults| CommandError::Configuration(format_errors(&faults)))
}

fn read_settings(config: Option<&std::path::Path>) -> Result<Settings, Vec<ConfigError>> {
    Settings::load(config, environment())
}

/// Everything in the configuration that a start would refuse; opens and creates nothing.
fn check_configuration(config: Option<&std::path::Path>) -> Result<String, CommandError> {
    let mut refusals: Vec<String> =
        ignored_variables(environment()).iter().map(ConfigError::to_string).collect();
    match read_settings(config) {
        Ok(settings) => refusals.extend(start_checks::refusals(&settings).iter().map(StartError::to_string)),
        Err(faults) => refusals.extend(faults.iter().map(ConfigError::to_string)),
    }
    if refusals.is_empty() {
        return Ok("the configuration is right\n".to_owned());
    }
    Err(CommandError::Configuration(refusals.join("\n")))
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        // A name or value that is not valid text cannot be one of ours, which all are.
        Some((name.into_string().ok()?, value.into_string().ok()?))
    })
}

/// Installs a log of errors alone: the message of a refusal has no internal cause, and an operator at a terminal has
/// no other log. Variables without an effect are printed: they may have named another store.
fn install_error_log(settings: Settings) -> Result<Settings, CommandError> {
    for ignored in ignored_variables(environment()) {
        let _ = writeln!(std::io::stderr().lock(), "lotline: {ignored}");
    }
    let log = TelemetrySettings { log_filter: "error".to_owned(), ..settings.telemetry.clone() };
    subscriber::install(&log).map_err(command_error)?;
    Ok(settings)
}

async fn migrate(settings: &Settings, verb: &MigrateCommand) -> Result<String, CommandError> {
    let database = parts::database(settings);
    match verb {
        MigrateCommand::Up => storage::migrate_up(&database).await.map_err(command_error)?,
        MigrateCommand::Down { steps, confirm } => {
            require_store(settings).map_err(CommandError::Refused)?;
            if !confirm {
                let words =
                    "--confirm is missing: the data that only these migrations hold is removed for ever";
                return Err(CommandError::Refused(words.to_owned()));
            }
            storage::migrate_down(&database, *steps).await.map_err(command_error)?;
        }
        MigrateCommand::Status => require_store(settings).map_err(CommandError::Refused)?,
    }
    let status = storage::schema_status(&database).await.map_err(command_error)?;
    let lines = status.iter().map(|(name, applied)| {
        let state = if *applied { "applied" } else { "missing" };
        format!("{state} {name}\n")
    });
    Ok(lines.collect())
}

async fn healthcheck(args: &HealthcheckArgs) -> Result<String, CommandError> {
    follow::check_url(&args.url).map_err(CommandError::Refused)?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().map_err(command_error)?;
    let url = format!("{}/readyz", args.url.trim_end_matches('/'));
    let answer = client.get(&url).send().await.map_err(|error| command_error(error_chain(&error)))?;
    if answer.status().is_success() {
        Ok("ready\n".to_owned())
    } else {
        Err(CommandError::Refused(format!("{url} answers {}", answer.status())))
    }
}

fn with_newline(result: Result<String, String>) -> Result<String, CommandError> {
    result.map(|words| words + "\n").map_err(CommandError::Refused)
}

fn command_error(error: impl std::fmt::Display) -> CommandError {
    CommandError::Refused(error.to_string())
}

fn exit_with(words: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "{words}");
    ExitCode::from(status)
}
