//! `lotline tenant create` and `user|key|token …`: the people of a tenant, by whoever holds the database.

use std::io::{self, BufRead, IsTerminal, stdin};

use secrecy::SecretString;

use super::build::open_identity;
use super::cli::{KeyVerb, RenameArgs, UserOfTenant, UserVerb};
use super::lists::{self, Form};
use super::refused_flags::words;
use crate::base::clock::{Clock, rfc3339};
use crate::base::ids::KeyId;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::config::Settings;
use crate::domain::error::Result as DomainResult;
use crate::domain::identity::Identity;
use crate::domain::identity::bootstrap::{self, KeyWish, Newcomer};
use crate::domain::identity::password_links::{PasswordLink, require_address};
use crate::domain::identity::users::UserPatch;
use crate::domain::identity::{api_keys, users};
use crate::domain::op::Op;
use crate::protocol::problem::{Code, Problem};
use crate::storage::api_keys::ApiKeyRow;
use crate::storage::users::UserRow;

/// Why a verb did not do its work, in one line.
pub type Refused = String;

pub async fn tenant(settings: &Settings, slug: &str, name: &str) -> Result<String, Refused> {
    let identity = identity(settings).await?;
    let tenant = bootstrap::create_tenant(&identity, slug, name).await.map_err(words)?;
    Ok(format!("tenant {} ({}) made", tenant.slug, tenant.id))
}

pub async fn user(settings: &Settings, verb: &UserVerb) -> Result<String, Refused> {
    let (tenant, operator, username, email, role, password_stdin) = match verb {
        UserVerb::Create { tenant, operator, username, email, role, password_stdin } => {
            (tenant, operator, username, email, role, password_stdin)
        }
        UserVerb::List { tenant: Some(tenant), json, .. } => {
            return lists::users(settings, tenant, Form::of(*json)).await;
        }
        UserVerb::List { tenant: None, json, .. } => {
            return lists::operators(settings, Form::of(*json)).await;
        }
        UserVerb::Deactivate(of) => return deactivate(settings, of).await,
        UserVerb::Rename(args) => return rename(settings, args).await,
        UserVerb::Activate(of) => return activate(settings, of).await,
        UserVerb::PasswordLink(of) => return password_link(settings, of).await,
    };
    let password = if *password_stdin { Some(read_password(username)?) } else { None };
    let identity = identity(settings).await?;
    match (tenant, password) {
        (Some(tenant), password) if !operator => {
            if password.is_none() {
                require_address(&identity).map_err(words)?;
            }
            let new =
                Newcomer { username, email: email.as_deref(), role: *role, password: password.as_ref() };
            let made = bootstrap::create_user(&identity, tenant, &new).await;
            let made = made.map_err(|problem| words(about_given(problem, email.is_some())))?;
            let done = format!("user {} ({}) of {tenant} made, {role}", made.username, made.id);
            if password.is_some() {
                return Ok(done);
            }
            let link = bootstrap::password_link(&identity, tenant, username).await.map_err(words)?;
            Ok(format!("{done}\n{}", good_once(&link)))
        }
        (_, Some(password)) => {
            let made = bootstrap::create_operator(&identity, username, &password).await.map_err(words)?;
            Ok(format!("operator {} ({}) made", made.username, made.id))
        }
        (_, None) => Err("an operator needs a password: give --password-stdin".to_owned()),
    }
}

pub async fn key(settings: &Settings, verb: &KeyVerb) -> Result<String, Refused> {
    let (tenant, username, name, scopes) = match verb {
        KeyVerb::Create { tenant, username, name, scopes } => (tenant, username, name, scopes),
        KeyVerb::List { tenant, json } => return lists::keys(settings, tenant, Form::of(*json)).await,
        KeyVerb::Revoke { tenant, id } => return revoke_key(settings, tenant, KeyId(*id)).await,
    };
    let identity = identity(settings).await?;
    let wish = KeyWish { username: Some(username), name, scopes, expires_at: None };
    let made = bootstrap::create_key(&identity, tenant, &wish).await.map_err(words)?;
    Ok(made.text.expose().to_owned())
}

pub async fn token(settings: &Settings, tenant: &str, username: &str) -> Result<String, Refused> {
    let identity = identity(settings).await?;
    let token = bootstrap::mint_token(&identity, tenant, username, None).await.map_err(words)?;
    Ok(token.text.expose().to_owned())
}

/// A server that runs beside does not hear of what another process does.
const BESIDE: &str = "a server that runs beside follows within a minute, and ends what is open when its token ends; over \
                      REST both happen at once";

/// The same of a new name, which ends nothing.
const SHOWN_BESIDE: &str = "a server that runs beside shows it within a minute; over REST it does at once";

/// Without what is said of the address where none was given: the one that holds its place is as taken as the name.
fn about_given(mut problem: Problem, has_email: bool) -> Problem {
    problem.errors.retain(|error| has_email || error.pointer != "/email");
    problem
}

async fn deactivate(settings: &Settings, of: &UserOfTenant) -> Result<String, Refused> {
    let patch = UserPatch { is_active: Some(false), ..UserPatch::default() };
    let after = change(settings, of, patch, detail).await?;
    Ok(format!("user {} ({}) of {} deactivated; {BESIDE}", after.username, after.id, of.tenant))
}

async fn activate(settings: &Settings, of: &UserOfTenant) -> Result<String, Refused> {
    let patch = UserPatch { is_active: Some(true), ..UserPatch::default() };
    let after = change(settings, of, patch, detail).await?;
    let (username, id, tenant) = (after.username, after.id, &of.tenant);
    Ok(format!(
        "user {username} ({id}) of {tenant} activated; a server that runs beside follows within a minute"
    ))
}

/// Changes a user; `told` puts a refusal into words.
async fn change(
    settings: &Settings,
    of: &UserOfTenant,
    patch: UserPatch,
    told: impl FnOnce(Problem) -> Refused,
) -> Result<UserRow, Refused> {
    let identity = identity(settings).await?;
    let (op, user) = bootstrap::find_user(&identity, &of.tenant, &of.username).await.map_err(words)?;
    users::change(&op, user, &patch, &|_: &UserRow| Ok(())).await.map_err(told)
}

/// Of a verb that has no flag for the field that a refusal names.
fn detail(problem: Problem) -> Refused {
    problem.detail.into_owned()
}

async fn rename(settings: &Settings, args: &RenameArgs) -> Result<String, Refused> {
    let UserOfTenant { tenant, username } = &args.of;
    let patch = UserPatch { username: Some(args.to.clone()), ..UserPatch::default() };
    let after = change(settings, &args.of, patch, |problem| words(about_new_name(problem))).await?;
    Ok(format!("user {username} ({}) of {tenant} renamed to {}; {SHOWN_BESIDE}", after.id, after.username))
}

/// Here `--to` gives the field `username`; `--username` says who is meant.
fn about_new_name(mut problem: Problem) -> Problem {
    for error in problem.errors.iter_mut().filter(|error| error.pointer == "/username") {
        error.pointer = "/to".to_owned();
    }
    problem
}

async fn password_link(settings: &Settings, of: &UserOfTenant) -> Result<String, Refused> {
    let identity = identity(settings).await?;
    let link = bootstrap::password_link(&identity, &of.tenant, &of.username).await.map_err(words)?;
    Ok(good_once(&link))
}

fn good_once(link: &PasswordLink) -> String {
    format!("to set a password, once, until {}: {}", rfc3339(link.expires_at), link.url)
}

async fn revoke_key(settings: &Settings, tenant: &str, id: KeyId) -> Result<String, Refused> {
    let identity = identity(settings).await?;
    let op = bootstrap::tenant_op(&identity, tenant).await.map_err(words)?;
    api_keys::revoke(&op, id).await.map_err(|problem| match problem.code {
        Code::NotFound => {
            format!("--id: {tenant} has no API key {id} that holds; `lotline key list` names them")
        }
        _ => words(problem),
    })?;
    Ok(format!("API key {id} revoked; {BESIDE}"))
}

/// All users of a tenant.
pub(super) async fn users_of(op: &Op) -> Result<Vec<UserRow>, Refused> {
    all(async |after| users::list(op, page(after)).await.map(|page| (page.rows, page.next))).await
}

/// All API keys of a tenant that were not revoked.
pub(super) async fn keys_of(op: &Op) -> Result<Vec<ApiKeyRow>, Refused> {
    all(async |after| api_keys::list(op, page(after)).await.map(|page| (page.rows, page.next))).await
}

pub(super) fn page<K>(after: Option<K>) -> PageRequest<K> {
    PageRequest { limit: MAX_LIMIT, after }
}

/// A whole list, page by page.
pub(super) async fn all<T, K>(
    read: impl AsyncFn(Option<K>) -> DomainResult<(Vec<T>, Option<K>)>,
) -> Result<Vec<T>, Refused> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = read(after).await.map_err(words)?;
        rows.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
}

pub(super) async fn identity(settings: &Settings) -> Result<Identity, Refused> {
    open_identity(settings, Clock::system()).await.map_err(|error| error.to_string())
}

/// A password, asked for without echo on a terminal, else one line of standard input. On the command line every user of
/// the machine would see it.
pub(super) fn read_password(username: &str) -> Result<SecretString, Refused> {
    let read = if stdin().is_terminal() {
        rpassword::prompt_password(format!("password of {username}: "))
    } else {
        read_line()
    };
    read.map(SecretString::from).map_err(|error| format!("cannot read the password: {error}"))
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
