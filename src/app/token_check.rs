//! `lotline token check`: whether a credential is valid, its owner, and if not, why. The server's clients get one
//! text for all reasons; a command with access to the database may show the reason.

use std::io::BufRead;

use super::command_identity::signing_identity;
use super::error_line::{ErrorLine, problem_line};
use super::lists;
use crate::auth::key_scope::KeyScope;
use crate::auth::principal::{KeyPrincipal, Principal};
use crate::auth::secret::{CredentialKind, PresentedKey};
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::error::TokenError;
use crate::auth::token::verified::{ForeignSubject, Verified};
use crate::auth::token::verify::{claimed_issuer, verify};
use crate::base::clock::rfc3339;
use crate::config::Settings;
use crate::domain::identity::authenticate::{Authenticated, Credential};
use crate::domain::identity::{Identity, users};
use crate::domain::op::Op;
use crate::protocol::problem::Code;

/// Returns the owner of a valid credential, or why it is invalid.
pub async fn run(settings: &Settings, token: &str) -> Result<String, ErrorLine> {
    let given = if token == "-" { read_line()? } else { token.trim().to_owned() };
    let identity = signing_identity(settings).await?;
    let token = given.strip_prefix("Bearer ").unwrap_or(&given).trim();
    match identity.authenticate(Credential::Header(token)).await {
        Ok(authenticated) => describe_valid(&authenticated, token, &identity).await,
        Err(problem) => {
            Err(format!("refused: {}", describe_invalid(&identity, token, problem.code, &problem.detail)))
        }
    }
}

async fn describe_valid(
    authenticated: &Authenticated,
    token: &str,
    identity: &Identity,
) -> Result<String, ErrorLine> {
    let who = match &authenticated.principal {
        Principal::User(user) => {
            let (name, id, role) = (user.username(), user.user_id(), user.role());
            format!("user {name} ({id}) of tenant {}, {role}", user.tenant_id())
        }
        Principal::Key(key) => return describe_key(key, identity).await,
        Principal::Operator(operator) => {
            format!("operator {} ({})", operator.username(), operator.operator_id())
        }
    };
    let issuer = claimed_issuer(token, identity.issuers());
    let issuer = issuer.map(|issuer| format!("issuer {issuer}\n")).unwrap_or_default();
    Ok(format!("holds until {}\n{who}\n{issuer}", rfc3339(authenticated.expires_at)))
}

/// A key's own end is not that of a connection on it, which is limited to a day.
async fn describe_key(key: &KeyPrincipal, identity: &Identity) -> Result<String, ErrorLine> {
    let op = Op::of_system(&identity.services, SystemReason::CommandLine, key.tenant_id());
    let (id, tenant) = (key.key_id(), key.tenant_id());
    let keys = lists::all_keys(&op).await?;
    let shown = keys.into_iter().find(|shown| shown.id == id.0);
    let (name, end) = shown.map_or_else(Default::default, |shown| (shown.name, shown.expires_at));
    let end = end.map_or_else(|| "never ends".to_owned(), |end| format!("holds until {end}"));
    let owner = users::get(&op, key.made_by()).await.map_err(problem_line)?;
    let scopes: Vec<&str> = key.scopes().iter().map(KeyScope::name).collect();
    // The name is a user's text: escaped so that it cannot affect a terminal.
    Ok(format!(
        "{end}\nAPI key {id} {name:?} of user {} ({}) of tenant {tenant}\nscopes {}\n",
        owner.username,
        owner.id,
        scopes.join(",")
    ))
}

/// Why it is invalid, as text.
fn describe_invalid(identity: &Identity, token: &str, code: Code, detail: &str) -> String {
    match CredentialKind::of(token) {
        CredentialKind::ApiKey if PresentedKey::parse(token).is_none() => {
            "it begins as an API key does and is not one: a part is missing, or was changed".to_owned()
        }
        CredentialKind::ApiKey if code == Code::InactiveUser => {
            "the user who made the API key, or the tenant, is deactivated".to_owned()
        }
        CredentialKind::ApiKey => {
            "the API key is unknown here, was revoked, has expired, or its secret is wrong".to_owned()
        }
        CredentialKind::Ticket => "it is a ticket: it opens one socket or stream, and no request".to_owned(),
        CredentialKind::Opaque(_) => {
            "it is a refresh token or the secret of a password link; neither is an access token".to_owned()
        }
        CredentialKind::Token => describe_invalid_token(identity, token, code, detail),
    }
}

fn describe_invalid_token(identity: &Identity, token: &str, code: Code, detail: &str) -> String {
    let verified = match verify(token, &identity.ring(), identity.issuers(), identity.now()) {
        Ok(verified) => verified,
        Err(error) => return describe_unverified(identity, token, error),
    };
    match (code, verified) {
        (Code::InactiveUser, _) => {
            "the signature is good, but the user or the tenant is deactivated".to_owned()
        }
        (Code::Unauthenticated, Verified::Foreign(token)) => {
            let named = match token.subject() {
                ForeignSubject::Username(name) => format!("the user name {name}"),
                ForeignSubject::UserId(id) => format!("the user id {id}"),
            };
            let (issuer, tenants) = (token.issuer(), token.tenants().join(", "));
            format!(
                "the signature is good, but {named} matches no user, or more than one user, in the tenants \
                 of issuer {issuer} ({tenants})"
            )
        }
        (Code::Unauthenticated, Verified::User(_) | Verified::Operator(_)) => {
            "the signature is good, but the sign-in that it belongs to has ended, or its user was removed"
                .to_owned()
        }
        _ => detail.to_owned(),
    }
}

fn describe_unverified(identity: &Identity, token: &str, error: TokenError) -> String {
    let issuer = claimed_issuer(token, identity.issuers());
    let issuer = issuer.map(|issuer| format!(" (issuer {issuer})")).unwrap_or_default();
    let hint = match error {
        TokenError::UnknownKey => "; it was signed elsewhere, or with a key that is gone",
        TokenError::Issuer => "; own tokens say auth.issuer, others are named in auth.issuers",
        _ => "",
    };
    format!("{error}{issuer}{hint}")
}

fn read_line() -> Result<String, ErrorLine> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| format!("cannot read the token: {error}"))?;
    Ok(line.trim().to_owned())
}
