//! `lotline tenant create` and `user|key|token …`: the first people, made by whoever holds the database.

use std::io::BufRead;

use secrecy::SecretString;

use super::build::open_identity;
use super::cli::{KeyVerb, TokenVerb, UserVerb};
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::domain::identity::Identity;
use crate::domain::identity::bootstrap::{self, KeyWish, Newcomer};
use crate::domain::identity::password_links::require_address;
use crate::protocol::problem::Problem;

/// Why a verb did not do its work, in one line.
pub type Refused = String;

pub async fn tenant(settings: &Settings, slug: &str, name: &str) -> Result<String, Refused> {
    let identity = identity(settings).await?;
    let tenant = bootstrap::create_tenant(&identity, slug, name).await.map_err(words)?;
    Ok(format!("tenant {} ({}) made", tenant.slug, tenant.id))
}

pub async fn user(settings: &Settings, verb: &UserVerb) -> Result<String, Refused> {
    let UserVerb::Create { tenant, operator, username, email, role, password_stdin } = verb;
    let password = if *password_stdin { Some(read_password()?) } else { None };
    let identity = identity(settings).await?;
    match (tenant, password) {
        (Some(tenant), password) if !operator => {
            if password.is_none() {
                require_address(&identity).map_err(words)?;
            }
            let new =
                Newcomer { username, email: email.as_deref(), role: *role, password: password.as_ref() };
            let made = bootstrap::create_user(&identity, tenant, &new).await.map_err(words)?;
            let done = format!("user {} ({}) of {tenant} made, {role}", made.username, made.id);
            if password.is_some() {
                return Ok(done);
            }
            let link = bootstrap::password_link(&identity, tenant, username).await.map_err(words)?;
            Ok(format!("{done}\nto set a password, once: {}", link.url))
        }
        (_, Some(password)) => {
            let made = bootstrap::create_operator(&identity, username, &password).await.map_err(words)?;
            Ok(format!("operator {} ({}) made", made.username, made.id))
        }
        (_, None) => Err("an operator needs a password: give --password-stdin".to_owned()),
    }
}

pub async fn key(settings: &Settings, verb: &KeyVerb) -> Result<String, Refused> {
    let KeyVerb::Create { tenant, username, name, scopes } = verb;
    let identity = identity(settings).await?;
    let wish = KeyWish { username: Some(username), name, scopes, expires_at: None };
    let made = bootstrap::create_key(&identity, tenant, &wish).await.map_err(words)?;
    Ok(made.text.expose().to_owned())
}

pub async fn token(settings: &Settings, verb: &TokenVerb) -> Result<String, Refused> {
    let TokenVerb::Mint { tenant, username } = verb;
    let identity = identity(settings).await?;
    let token = bootstrap::mint_token(&identity, tenant, username, None).await.map_err(words)?;
    Ok(token.text.expose().to_owned())
}

async fn identity(settings: &Settings) -> Result<Identity, Refused> {
    open_identity(settings, Clock::system()).await.map_err(|error| error.to_string())
}

/// One line from standard input: a password on the command line would be seen by every user of the machine.
fn read_password() -> Result<SecretString, Refused> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| format!("cannot read the password: {error}"))?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A refusal as one line, with every bad field.
pub(super) fn words(problem: Problem) -> Refused {
    let fields: Vec<String> = problem.errors.iter().map(|error| error.msg.clone()).collect();
    if fields.len() > 1 { fields.join("; ") } else { problem.detail.into_owned() }
}
