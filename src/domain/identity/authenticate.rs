//! Turns a credential into a principal. Every channel authenticates here, so that none is weaker than another.

use chrono::{DateTime, TimeDelta, Utc};

use super::Identity;
use super::key_sets::{KeyFetch, KeyFetchStatus};
use super::tickets::Channel;
use crate::auth::authenticate::{self, CredentialError, TicketHolder};
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::secret::{CredentialKind, PresentedKey};
use crate::auth::token::error::TokenError;
use crate::auth::token::verified::{Verified, VerifiedForeign};
use crate::auth::token::verify::{claimed_issuer, verify};
use crate::domain::error::Result;
use crate::domain::op::forbidden;
use crate::protocol::problem::{Code, Problem};
use crate::telemetry::metrics::TokenRefusal;

/// Lifetime of a connection on an API key without an expiry.
const KEY_HOURS: i64 = 24;

/// A credential as presented.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// An access token or an API key from a header.
    Header(&'a str),
    /// An access token in the query string. API keys live too long to be put in a URL.
    Query(&'a str),
    /// A single-use ticket, and the channel that it is to open.
    Ticket(&'a str, Channel),
}

/// An authenticated caller, and the expiry of the credential.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub principal: Principal,
    pub expires_at: DateTime<Utc>,
}

/// Why a credential is rejected.
pub enum AuthenticateError {
    Refused(Problem),
    /// The keys of the token's issuer are being fetched, and the token may be verified once they are there. A
    /// caller that holds a contended permit releases it before waiting.
    KeysPending(KeyFetch),
}

impl From<Problem> for AuthenticateError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Whether the keys of a foreign issuer may still be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFetchPolicy {
    MayFetch,
    /// A fetch was awaited already.
    KnownOnly,
}

impl Identity {
    /// Authenticates a credential. A ticket is only inspected: the session that starts redeems it. Waits briefly for
    /// the keys of a foreign issuer; a caller that holds a contended permit uses [`Identity::try_authenticate`].
    pub async fn authenticate(&self, credential: Credential<'_>) -> Result<Authenticated> {
        let fetch = match self.try_authenticate(credential, KeyFetchPolicy::MayFetch).await {
            Ok(admitted) => return Ok(admitted),
            Err(AuthenticateError::Refused(problem)) => return Err(problem),
            Err(AuthenticateError::KeysPending(fetch)) => fetch,
        };
        self.await_keys(fetch).await?;
        self.authenticate_with_known_keys(credential).await
    }

    /// The same without waiting for anything but the store.
    pub async fn try_authenticate(
        &self,
        credential: Credential<'_>,
        policy: KeyFetchPolicy,
    ) -> Result<Authenticated, AuthenticateError> {
        match credential {
            Credential::Header(text) => match CredentialKind::of(text) {
                CredentialKind::ApiKey => Ok(self.authenticate_api_key(text).await?),
                CredentialKind::Token => self.authenticate_token(text, policy).await,
                CredentialKind::Ticket | CredentialKind::Opaque(_) => Err(Problem::invalid_token().into()),
            },
            Credential::Query(text) => match CredentialKind::of(text) {
                CredentialKind::ApiKey => Err(Problem::new(
                    Code::Unauthenticated,
                    "An API key is taken in the header `Authorization` only; ask for a ticket with it.",
                )
                .into()),
                CredentialKind::Token => self.authenticate_token(text, policy).await,
                CredentialKind::Ticket | CredentialKind::Opaque(_) => Err(Problem::invalid_token().into()),
            },
            Credential::Ticket(text, channel) => Ok(self.authenticate_ticket(text, channel).await?),
        }
    }

    /// Authenticates with the keys that are known after a fetch was awaited.
    pub async fn authenticate_with_known_keys(&self, credential: Credential<'_>) -> Result<Authenticated> {
        match self.try_authenticate(credential, KeyFetchPolicy::KnownOnly).await {
            Ok(admitted) => Ok(admitted),
            Err(AuthenticateError::Refused(problem)) => Err(problem),
            // `KnownOnly` never requests a fetch.
            Err(AuthenticateError::KeysPending(_)) => Err(keys_unavailable()),
        }
    }

    /// Waits until the fetch has ended, successfully or not; fails when that takes too long.
    pub async fn await_keys(&self, fetch: KeyFetch) -> Result<()> {
        if fetch.wait().await {
            return Ok(());
        }
        tracing::debug!("a token was not judged: its issuer's keys did not come in time");
        self.services.metrics.token_refusals.of(TokenRefusal::UnknownKey).inc();
        Err(keys_unavailable())
    }

    async fn authenticate_token(
        &self,
        text: &str,
        policy: KeyFetchPolicy,
    ) -> Result<Authenticated, AuthenticateError> {
        let verified = self.verify_token(text, policy)?;
        let expires_at = verified.expires_at();
        let principal = match &verified {
            Verified::User(token) => {
                let person = self.accounts.user_of_session(token.session_id()).await;
                let person = person.inspect_err(|problem| log_unknown_sign_in(problem, token.jti()))?;
                match person.session {
                    Some(session) => authenticate::user(token, &person.facts, session),
                    None => {
                        log_ended_sign_in(token.jti());
                        Err(authenticate::missing_session_error(&person.facts))
                    }
                }
            }
            Verified::Operator(token) => {
                let platform = self.accounts.operator_of_session(token.session_id()).await;
                let platform = platform.inspect_err(|problem| log_unknown_sign_in(problem, token.jti()))?;
                authenticate::operator(token, &platform.facts, platform.session)
            }
            Verified::Foreign(token) => {
                let person = self.accounts.user_of_foreign_token(token).await;
                let person = person.inspect_err(|problem| log_unknown_subject(problem, token))?;
                authenticate::foreign(token, &person.facts)
            }
        };
        let principal = principal.map_err(|refusal| self.count_refusal(refusal))?;
        Ok(Authenticated { principal, expires_at })
    }

    fn count_refusal(&self, refusal: CredentialError) -> Problem {
        let reason = match refusal {
            CredentialError::Unknown => TokenRefusal::Unknown,
            CredentialError::Inactive => TokenRefusal::Inactive,
        };
        log_refusal("a token", refusal);
        self.services.metrics.token_refusals.of(reason).inc();
        refusal_problem(refusal)
    }

    /// Verifies a token. If its issuer may have newer keys than the known ones, requests a fetch.
    fn verify_token(&self, text: &str, policy: KeyFetchPolicy) -> Result<Verified, AuthenticateError> {
        let error = match verify(text, &self.ring(), &self.issuers, self.now()) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        if policy == KeyFetchPolicy::MayFetch
            && let TokenError::UnknownForeignKey(issuer_index) | TokenError::KeysNotLoaded(issuer_index) =
                error
        {
            match self.key_sets.request_fetch(issuer_index) {
                KeyFetchStatus::Pending(fetch) => return Err(AuthenticateError::KeysPending(fetch)),
                KeyFetchStatus::TooMany => {
                    tracing::debug!(%error, "a token was not judged: too many wait for its issuer's keys");
                    return Err(keys_unavailable().into());
                }
                KeyFetchStatus::RecentlyFetched => {}
            }
        }
        tracing::debug!(%error, issuer = claimed_issuer(text, &self.issuers), "a token was refused");
        self.services.metrics.token_refusals.of(token_refusal(&error)).inc();
        Err(match error {
            // Nothing is known of the token yet, so it is not called invalid.
            TokenError::KeysNotLoaded(_) => keys_unavailable(),
            _ => Problem::invalid_token(),
        }
        .into())
    }

    async fn authenticate_api_key(&self, text: &str) -> Result<Authenticated> {
        let shown = PresentedKey::parse(text).ok_or_else(Problem::invalid_token)?;
        let facts = self.accounts.key(shown.key_id()).await?;
        let now = self.now();
        let principal = authenticate::key(&shown, &facts, now).map_err(|refusal| {
            log_refusal("an API key", refusal);
            refusal_problem(refusal)
        })?;
        let day = now + TimeDelta::hours(KEY_HOURS);
        Ok(Authenticated { principal, expires_at: facts.expires_at.map_or(day, |end| end.min(day)) })
    }

    async fn authenticate_ticket(&self, text: &str, channel: Channel) -> Result<Authenticated> {
        let grant = self.tickets.peek(text, channel).await?;
        let principal = match grant.holder() {
            TicketHolder::User { user_id, session_id } => {
                let person = match session_id {
                    Some(session) => self.accounts.user_of_session(session).await?,
                    None => self.accounts.user(user_id).await?,
                };
                grant.authenticate_user(&person.facts, person.session, self.now())
            }
            TicketHolder::Key { key_id } => {
                let facts = self.accounts.key(key_id).await?;
                grant.authenticate_key(&facts, self.now())
            }
        };
        let principal = principal.map_err(|refusal| {
            log_refusal("a ticket", refusal);
            refusal_problem(refusal)
        })?;
        Ok(Authenticated { principal, expires_at: grant.ends_at() })
    }

    /// Rejects an authenticated principal if its credential has ended meanwhile. Reuses the data read for the
    /// authentication, unless a revocation has arrived since.
    pub async fn recheck(&self, principal: &Principal) -> Result<()> {
        self.reload_principal(principal).await.map(drop)
    }

    /// Rejects a principal if its credential has ended or has fewer permissions since authentication.
    pub async fn recheck_permissions(&self, principal: &Principal) -> Result<()> {
        let now = match principal {
            Principal::Key(key) => {
                let facts = self.accounts.key(key.key_id()).await?;
                authenticate::refresh_key(&facts, self.now()).map_err(refusal_problem)?
            }
            Principal::User(_) | Principal::Operator(_) => self.reload_principal(principal).await?,
        };
        let lost = Permission::ALL.into_iter().find(|one| principal.may(*one) && !now.may(*one));
        lost.map_or(Ok(()), |permission| Err(forbidden(permission)))
    }

    /// The same user or key with its current permissions, for a connection that continues after a change.
    pub async fn reload_principal(&self, principal: &Principal) -> Result<Principal> {
        match principal {
            Principal::User(user) => {
                let person = match user.session_id() {
                    Some(session) => {
                        let person = self.accounts.user_of_session(session).await?;
                        if person.session.is_none() {
                            return Err(refusal_problem(authenticate::missing_session_error(&person.facts)));
                        }
                        person
                    }
                    None => self.accounts.user(user.user_id()).await?,
                };
                authenticate::refresh_user(user, &person.facts).map_err(refusal_problem)
            }
            Principal::Key(key) => {
                let facts = self.accounts.key(key.key_id()).await?;
                let now = authenticate::refresh_key(&facts, self.now()).map_err(refusal_problem)?;
                if now.may(Permission::ReadEvents) { Ok(now) } else { Err(forbidden(Permission::ReadEvents)) }
            }
            Principal::Operator(operator) => {
                let platform = self.accounts.operator_of_session(operator.session_id()).await?;
                authenticate::refresh_operator(operator, &platform.facts, platform.session)
                    .map_err(refusal_problem)
            }
        }
    }
}

/// The reason as counted in the metrics: coarser than in the log.
fn token_refusal(error: &TokenError) -> TokenRefusal {
    match error {
        TokenError::TooLong | TokenError::Malformed | TokenError::Header(_) => TokenRefusal::Malformed,
        TokenError::Algorithm => TokenRefusal::Algorithm,
        TokenError::UnknownKey | TokenError::UnknownForeignKey(_) | TokenError::KeysNotLoaded(_) => {
            TokenRefusal::UnknownKey
        }
        TokenError::Signature => TokenRefusal::Signature,
        TokenError::Issuer | TokenError::Audience | TokenError::Tenant => TokenRefusal::Issuer,
        TokenError::Claim(_) | TokenError::MissingClaim(_) | TokenError::Lifetime => TokenRefusal::Claims,
        TokenError::NotYetValid => TokenRefusal::NotYetValid,
        TokenError::Expired => TokenRefusal::Expired,
    }
}

fn keys_unavailable() -> Problem {
    let words = "The keys of the token's issuer cannot be fetched at the moment; try again.";
    Problem::new(Code::Unavailable, words).retry_after(10)
}

/// The caller gets one message only; operators find the reason in the log.
fn log_refusal(what: &'static str, refusal: CredentialError) {
    match refusal {
        CredentialError::Unknown => {
            tracing::debug!(
                "{what} was refused: what it speaks for is unknown, has ended, or is not its own"
            );
        }
        CredentialError::Inactive => {
            tracing::debug!("{what} was refused: the user or the tenant is switched off");
        }
    }
}

fn log_unknown_sign_in(problem: &Problem, jti: &str) {
    if problem.code == Code::Unauthenticated {
        log_ended_sign_in(jti);
    }
}

fn log_ended_sign_in(jti: &str) {
    tracing::debug!(jti, "a token was refused: its sign-in is unknown or has ended, or its user was removed");
}

fn log_unknown_subject(problem: &Problem, token: &VerifiedForeign) {
    if problem.code == Code::Unauthenticated {
        let (issuer, subject) = (token.issuer(), token.subject());
        let tenants = token.tenants().join(", ");
        tracing::debug!(issuer, ?subject, tenants, "a foreign token was refused: it names an unknown user");
    }
}

fn refusal_problem(refusal: CredentialError) -> Problem {
    match refusal {
        CredentialError::Unknown => Problem::invalid_token(),
        CredentialError::Inactive => Problem::inactive_user(),
    }
}
