//! `lotline tenant create` and `user|key|token …`: administration of a tenant with direct access to the database.

use std::io::{self, BufRead, IsTerminal, stdin};

use secrecy::{ExposeSecret, SecretString};

use super::cli::{KeyCommand, RenameArgs, UserArgs, UserCommand};
use super::command_identity::{command_identity, first_identity, require_store, signing_identity};
use super::error_line::{ErrorLine, problem_line};
use super::lists::{self, OutputFormat};
use crate::base::clock::rfc3339;
use crate::base::ids::KeyId;
use crate::config::Settings;
use crate::domain::identity::bootstrap::{self, BootstrapKey, BootstrapUser};
use crate::domain::identity::password_links::{PasswordLink, require_public_url};
use crate::domain::identity::users::UserPatch;
use crate::domain::identity::{api_keys, users};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::user::UserView;

pub async fn create_tenant(settings: &Settings, slug: &str, name: &str) -> Result<String, ErrorLine> {
    let identity = first_identity(settings).await?;
    let tenant = bootstrap::create_tenant(&identity, slug, name).await.map_err(problem_line)?;
    Ok(format!("tenant {} ({}) made", tenant.slug, tenant.id))
}

pub async fn run_user_command(settings: &Settings, verb: &UserCommand) -> Result<String, ErrorLine> {
    let (tenant, operator, username, email, role, password_stdin) = match verb {
        UserCommand::Create { tenant, operator, username, email, role, password_stdin } => {
            (tenant, operator, username, email, role, password_stdin)
        }
        UserCommand::List { tenant: Some(tenant), json, .. } => {
            return lists::users(settings, tenant, OutputFormat::from_flag(*json)).await;
        }
        UserCommand::List { tenant: None, json, .. } => {
            return lists::operators(settings, OutputFormat::from_flag(*json)).await;
        }
        UserCommand::Deactivate(of) => return deactivate(settings, of).await,
        UserCommand::Rename(args) => return rename(settings, args).await,
        UserCommand::Activate(of) => return activate(settings, of).await,
        UserCommand::PasswordLink(of) => return password_link(settings, of).await,
    };
    // Before a password is asked for.
    require_store(settings)?;
    let password = if *password_stdin { Some(read_new_password(username)?) } else { None };
    let identity = command_identity(settings).await?;
    match (tenant, password) {
        (Some(tenant), password) if !operator => {
            if password.is_none() {
                require_public_url(&identity).map_err(problem_line)?;
            }
            let new =
                BootstrapUser { username, email: email.as_deref(), role: *role, password: password.as_ref() };
            let made = bootstrap::create_user(&identity, tenant, &new).await;
            let made = made.map_err(|problem| problem_line(drop_email_errors(problem, email.is_some())))?;
            let done = format!("user {} ({}) of {tenant} made, {role}", made.username, made.id);
            if password.is_some() {
                return Ok(done);
            }
            let link = bootstrap::password_link(&identity, tenant, username).await.map_err(problem_line)?;
            Ok(format!("{done}\n{}", password_link_line(&link)))
        }
        (_, Some(password)) => {
            let made =
                bootstrap::create_operator(&identity, username, &password).await.map_err(problem_line)?;
            Ok(format!("operator {} ({}) made", made.username, made.id))
        }
        (_, None) => Err("an operator needs a password: give --password-stdin".to_owned()),
    }
}

pub async fn run_key_command(settings: &Settings, verb: &KeyCommand) -> Result<String, ErrorLine> {
    let (tenant, username, name, scopes) = match verb {
        KeyCommand::Create { tenant, username, name, scopes } => (tenant, username, name, scopes),
        KeyCommand::List { tenant, json } => {
            return lists::keys(settings, tenant, OutputFormat::from_flag(*json)).await;
        }
        KeyCommand::Revoke { tenant, id } => return revoke_key(settings, tenant, KeyId(*id)).await,
    };
    let identity = command_identity(settings).await?;
    let new_key = BootstrapKey { username: Some(username), name, scopes, expires_at: None };
    let made = bootstrap::create_key(&identity, tenant, &new_key).await.map_err(problem_line)?;
    Ok(made.text.expose().to_owned())
}

pub async fn mint_token(settings: &Settings, tenant: &str, username: &str) -> Result<String, ErrorLine> {
    let identity = signing_identity(settings).await?;
    let token = bootstrap::mint_token(&identity, tenant, username, None).await.map_err(problem_line)?;
    Ok(token.text.expose().to_owned())
}

/// A running server is not notified of what another process does.
const RUNNING_SERVER_NOTE: &str = "a running server applies the change within a minute, and closes open connections when their \
                      tokens end; over REST both happen at once";

/// The same for a new name, which ends nothing.
const RENAME_NOTE: &str = "a running server shows it within a minute; over REST it does at once";

/// Drops errors about an e-mail address that was not given: its placeholder is taken exactly when the name is.
fn drop_email_errors(mut problem: Problem, has_email: bool) -> Problem {
    problem.errors.retain(|error| has_email || error.pointer != "/email");
    problem
}

async fn deactivate(settings: &Settings, of: &UserArgs) -> Result<String, ErrorLine> {
    let patch = UserPatch { is_active: Some(false), ..UserPatch::default() };
    let after = patch_user(settings, of, patch, problem_detail).await?;
    Ok(format!("user {} ({}) of {} deactivated; {RUNNING_SERVER_NOTE}", after.username, after.id, of.tenant))
}

async fn activate(settings: &Settings, of: &UserArgs) -> Result<String, ErrorLine> {
    let patch = UserPatch { is_active: Some(true), ..UserPatch::default() };
    let after = patch_user(settings, of, patch, problem_detail).await?;
    let (username, id, tenant) = (after.username, after.id, &of.tenant);
    Ok(format!(
        "user {username} ({id}) of {tenant} activated; a running server applies the change within a minute"
    ))
}

/// Changes a user; `to_line` formats a refusal.
async fn patch_user(
    settings: &Settings,
    of: &UserArgs,
    patch: UserPatch,
    to_line: impl FnOnce(Problem) -> ErrorLine,
) -> Result<UserView, ErrorLine> {
    let identity = command_identity(settings).await?;
    let (op, user) = bootstrap::find_user(&identity, &of.tenant, &of.username).await.map_err(problem_line)?;
    users::change(&op, user, &patch, &|_: &UserView| Ok(())).await.map_err(to_line)
}

/// For subcommands without a flag for the field that a refusal names.
fn problem_detail(problem: Problem) -> ErrorLine {
    problem.detail.into_owned()
}

async fn rename(settings: &Settings, args: &RenameArgs) -> Result<String, ErrorLine> {
    let UserArgs { tenant, username } = &args.user;
    let patch = UserPatch { username: Some(args.to.clone()), ..UserPatch::default() };
    let after =
        patch_user(settings, &args.user, patch, |problem| problem_line(point_to_new_name_flag(problem)))
            .await?;
    Ok(format!("user {username} ({}) of {tenant} renamed to {}; {RENAME_NOTE}", after.id, after.username))
}

/// Here the field `username` is set by `--to`; `--username` selects the user.
fn point_to_new_name_flag(mut problem: Problem) -> Problem {
    for error in problem.errors.iter_mut().filter(|error| error.pointer == "/username") {
        error.pointer = "/to".to_owned();
    }
    problem
}

async fn password_link(settings: &Settings, of: &UserArgs) -> Result<String, ErrorLine> {
    let identity = command_identity(settings).await?;
    let link = bootstrap::password_link(&identity, &of.tenant, &of.username).await.map_err(problem_line)?;
    Ok(password_link_line(&link))
}

fn password_link_line(link: &PasswordLink) -> String {
    format!("to set a password, once, until {}: {}", rfc3339(link.expires_at), link.url)
}

async fn revoke_key(settings: &Settings, tenant: &str, id: KeyId) -> Result<String, ErrorLine> {
    let identity = command_identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(problem_line)?;
    api_keys::revoke(&op, id).await.map_err(|problem| match problem.code {
        Code::NotFound => {
            format!("--id: {tenant} has no API key {id} that holds; `lotline key list` names them")
        }
        _ => problem_line(problem),
    })?;
    Ok(format!("API key {id} revoked; {RUNNING_SERVER_NOTE}"))
}

/// A password to set: on a terminal it is prompted for twice, because a typing error cannot be seen.
fn read_new_password(username: &str) -> Result<SecretString, ErrorLine> {
    let password = read_password(username)?;
    if stdin().is_terminal() {
        let again = prompt_password(&format!("{username}, again"))?;
        if again.expose_secret() != password.expose_secret() {
            return Err("the two passwords differ; nothing was changed".to_owned());
        }
    }
    Ok(password)
}

/// A password, prompted for without echo on a terminal, else one line of standard input. As an argument it would be
/// visible to every user of the machine.
pub(super) fn read_password(username: &str) -> Result<SecretString, ErrorLine> {
    if stdin().is_terminal() {
        return prompt_password(username);
    }
    read_line().map(SecretString::from).map_err(unreadable_password)
}

fn prompt_password(whose: &str) -> Result<SecretString, ErrorLine> {
    let read = rpassword::prompt_password(format!("password of {whose}: "));
    read.map(SecretString::from).map_err(unreadable_password)
}

fn unreadable_password(error: io::Error) -> ErrorLine {
    format!("cannot read the password: {error}")
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
