//! From what a caller shows to who the caller is. Every door asks here, so that no door is weaker than another.

use chrono::{DateTime, TimeDelta, Utc};

use super::Identity;
use super::key_sets::{Asked, KeyFetch};
use super::tickets::Door;
use crate::auth::admit::{self, Refusal, TicketHolder};
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::secret::{CredentialForm, PresentedKey};
use crate::auth::token::error::TokenError;
use crate::auth::token::verified::{Verified, VerifiedForeign};
use crate::auth::token::verify::{claimed_issuer, verify};
use crate::domain::error::Result;
use crate::domain::op::forbidden;
use crate::protocol::problem::{Code, Problem};
use crate::telemetry::metrics::TokenRefusal;

/// How long a connection lives on an API key that has no end of its own.
const KEY_HOURS: i64 = 24;

/// What a caller shows.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// An access token or an API key, out of a header.
    Header(&'a str),
    /// An access token in the query string. API keys live too long to stand in a URL.
    Query(&'a str),
    /// A single-use ticket, at the door that it is to open.
    Ticket(&'a str, Door),
}

/// A verified caller, and until when the credential holds.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub principal: Principal,
    pub expires_at: DateTime<Utc>,
}

/// Why a credential is not admitted.
pub enum NotAdmitted {
    Refused(Problem),
    /// The keys of the token's issuer are being fetched, and the token may be judged once they are there. A caller that
    /// holds a place that others want gives it back before waiting.
    KeysPending(KeyFetch),
}

impl From<Problem> for NotAdmitted {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Whether the keys of a foreign issuer may still be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPatience {
    AskForKeys,
    /// They were waited for already.
    JudgeNow,
}

impl Identity {
    /// Who shows this credential. A ticket is only looked at: the session that starts redeems it. Waits a short while for
    /// the keys of a foreign issuer; a caller that holds a place that others want uses [`Identity::judge`].
    pub async fn authenticate(&self, credential: Credential<'_>) -> Result<Admitted> {
        let fetch = match self.judge(credential, KeyPatience::AskForKeys).await {
            Ok(admitted) => return Ok(admitted),
            Err(NotAdmitted::Refused(problem)) => return Err(problem),
            Err(NotAdmitted::KeysPending(fetch)) => fetch,
        };
        self.await_keys(fetch).await?;
        self.judge_now(credential).await
    }

    /// The same without waiting for anything but the store.
    pub async fn judge(
        &self,
        credential: Credential<'_>,
        patience: KeyPatience,
    ) -> Result<Admitted, NotAdmitted> {
        match credential {
            Credential::Header(text) => match CredentialForm::of(text) {
                CredentialForm::ApiKey => Ok(self.of_key(text).await?),
                CredentialForm::Token => self.of_token(text, patience).await,
                CredentialForm::Ticket | CredentialForm::Opaque(_) => Err(Problem::invalid_token().into()),
            },
            Credential::Query(text) => match CredentialForm::of(text) {
                CredentialForm::ApiKey => Err(Problem::new(
                    Code::Unauthenticated,
                    "An API key is taken in the header `Authorization` only; ask for a ticket with it.",
                )
                .into()),
                CredentialForm::Token => self.of_token(text, patience).await,
                CredentialForm::Ticket | CredentialForm::Opaque(_) => Err(Problem::invalid_token().into()),
            },
            Credential::Ticket(text, door) => Ok(self.of_ticket(text, door).await?),
        }
    }

    /// The last word on a credential, after a fetch was awaited.
    pub async fn judge_now(&self, credential: Credential<'_>) -> Result<Admitted> {
        match self.judge(credential, KeyPatience::JudgeNow).await {
            Ok(admitted) => Ok(admitted),
            Err(NotAdmitted::Refused(problem)) => Err(problem),
            // Not asked for with `JudgeNow`.
            Err(NotAdmitted::KeysPending(_)) => Err(keys_unavailable()),
        }
    }

    /// Waits until the fetch has ended, well or badly; refuses when that takes too long.
    pub async fn await_keys(&self, fetch: KeyFetch) -> Result<()> {
        if fetch.ended().await {
            return Ok(());
        }
        tracing::debug!("a token was not judged: its issuer's keys did not come in time");
        self.kernel.metrics.token_refusals.of(TokenRefusal::UnknownKey).one();
        Err(keys_unavailable())
    }

    async fn of_token(&self, text: &str, patience: KeyPatience) -> Result<Admitted, NotAdmitted> {
        let verified = self.verified(text, patience)?;
        let expires_at = verified.expires_at();
        let principal = match &verified {
            Verified::User(token) => {
                let person = self.accounts.person_of_session(token.session_id()).await;
                let person = person.inspect_err(|problem| note_unknown_sign_in(problem, token.jti()))?;
                match person.session {
                    Some(session) => admit::user(token, &person.facts, session),
                    None => {
                        note_ended_sign_in(token.jti());
                        Err(admit::without_session(&person.facts))
                    }
                }
            }
            Verified::Operator(token) => {
                let platform = self.accounts.operator_of_session(token.session_id()).await;
                let platform = platform.inspect_err(|problem| note_unknown_sign_in(problem, token.jti()))?;
                admit::operator(token, &platform.facts, platform.session)
            }
            Verified::Foreign(token) => {
                let person = self.accounts.person_of_foreign(token).await;
                let person = person.inspect_err(|problem| note_unknown_subject(problem, token))?;
                admit::foreign(token, &person.facts)
            }
        };
        let principal = principal.map_err(|refusal| self.counted(refusal))?;
        Ok(Admitted { principal, expires_at })
    }

    fn counted(&self, refusal: Refusal) -> Problem {
        let reason = match refusal {
            Refusal::Unknown => TokenRefusal::Unknown,
            Refusal::Inactive => TokenRefusal::Inactive,
        };
        note("a token", refusal);
        self.kernel.metrics.token_refusals.of(reason).one();
        refused(refusal)
    }

    /// Verifies a token. When its issuer may have newer keys than those that are known, they are asked for.
    fn verified(&self, text: &str, patience: KeyPatience) -> Result<Verified, NotAdmitted> {
        let error = match verify(text, &self.ring(), &self.issuers, self.now()) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        if patience == KeyPatience::AskForKeys
            && let TokenError::UnknownForeignKey(place) | TokenError::KeysUnknown(place) = error
        {
            match self.key_sets.ask(place) {
                Asked::Pending(fetch) => return Err(NotAdmitted::KeysPending(fetch)),
                Asked::TooMany => {
                    tracing::debug!(%error, "a token was not judged: too many wait for its issuer's keys");
                    return Err(keys_unavailable().into());
                }
                Asked::Lately => {}
            }
        }
        tracing::debug!(%error, issuer = claimed_issuer(text, &self.issuers), "a token was refused");
        self.kernel.metrics.token_refusals.of(reason(&error)).one();
        Err(match error {
            // Nothing can be said of the token yet, so it is not called a bad one.
            TokenError::KeysUnknown(_) => keys_unavailable(),
            _ => Problem::invalid_token(),
        }
        .into())
    }

    async fn of_key(&self, text: &str) -> Result<Admitted> {
        let shown = PresentedKey::parse(text).ok_or_else(Problem::invalid_token)?;
        let facts = self.accounts.key(shown.key_id()).await?;
        let now = self.now();
        let principal = admit::key(&shown, &facts, now).map_err(|refusal| {
            note("an API key", refusal);
            refused(refusal)
        })?;
        let day = now + TimeDelta::hours(KEY_HOURS);
        Ok(Admitted { principal, expires_at: facts.expires_at.map_or(day, |end| end.min(day)) })
    }

    async fn of_ticket(&self, text: &str, door: Door) -> Result<Admitted> {
        let grant = self.tickets.look_at(text, door).await?;
        let principal = match grant.holder() {
            TicketHolder::User { user_id, session_id } => {
                let person = match session_id {
                    Some(session) => self.accounts.person_of_session(session).await?,
                    None => self.accounts.person(user_id).await?,
                };
                grant.admit_user(&person.facts, person.session, self.now())
            }
            TicketHolder::Key { key_id } => {
                let facts = self.accounts.key(key_id).await?;
                grant.admit_key(&facts, self.now())
            }
        };
        let principal = principal.map_err(|refusal| {
            note("a ticket", refusal);
            refused(refusal)
        })?;
        Ok(Admitted { principal, expires_at: grant.ends_at() })
    }

    /// Refuses a principal that was admitted and whose credential has ended meanwhile. What was read for the admission
    /// answers this too, unless a revocation has been told since.
    pub async fn still_admits(&self, principal: &Principal) -> Result<()> {
        self.again(principal).await.map(drop)
    }

    /// Refuses a principal whose credential has ended since it was admitted, or which may do less by now.
    pub async fn check_standing(&self, principal: &Principal) -> Result<()> {
        let now = match principal {
            Principal::Key(key) => {
                let facts = self.accounts.key(key.key_id()).await?;
                admit::key_again(&facts, self.now()).map_err(refused)?
            }
            Principal::User(_) | Principal::Operator(_) => self.again(principal).await?,
        };
        let lost = Permission::ALL.into_iter().find(|one| principal.may(*one) && !now.may(*one));
        lost.map_or(Ok(()), |permission| Err(forbidden(permission)))
    }

    /// The same person or key with what the store grants now, for a connection that goes on after a change.
    pub async fn again(&self, principal: &Principal) -> Result<Principal> {
        match principal {
            Principal::User(user) => {
                let person = match user.session_id() {
                    Some(session) => {
                        let person = self.accounts.person_of_session(session).await?;
                        if person.session.is_none() {
                            return Err(refused(admit::without_session(&person.facts)));
                        }
                        person
                    }
                    None => self.accounts.person(user.user_id()).await?,
                };
                admit::again(user, &person.facts).map_err(refused)
            }
            Principal::Key(key) => {
                let facts = self.accounts.key(key.key_id()).await?;
                let now = admit::key_again(&facts, self.now()).map_err(refused)?;
                if now.may(Permission::ReadEvents) { Ok(now) } else { Err(forbidden(Permission::ReadEvents)) }
            }
            Principal::Operator(operator) => {
                let platform = self.accounts.operator_of_session(operator.session_id()).await?;
                admit::operator_again(operator, &platform.facts, platform.session).map_err(refused)
            }
        }
    }
}

/// The reason as it is counted: fewer words than the log's.
fn reason(error: &TokenError) -> TokenRefusal {
    match error {
        TokenError::TooLong | TokenError::Malformed | TokenError::Header(_) => TokenRefusal::Malformed,
        TokenError::Algorithm => TokenRefusal::Algorithm,
        TokenError::UnknownKey | TokenError::UnknownForeignKey(_) | TokenError::KeysUnknown(_) => {
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

/// The caller is told one thing only; whoever runs the node finds the reason in the log.
fn note(what: &'static str, refusal: Refusal) {
    match refusal {
        Refusal::Unknown => {
            tracing::debug!(
                "{what} was refused: what it speaks for is unknown, has ended, or is not its own"
            );
        }
        Refusal::Inactive => tracing::debug!("{what} was refused: the user or the tenant is switched off"),
    }
}

fn note_unknown_sign_in(problem: &Problem, jti: &str) {
    if problem.code == Code::Unauthenticated {
        note_ended_sign_in(jti);
    }
}

fn note_ended_sign_in(jti: &str) {
    tracing::debug!(jti, "a token was refused: its sign-in is unknown or has ended, or its user was removed");
}

fn note_unknown_subject(problem: &Problem, token: &VerifiedForeign) {
    if problem.code == Code::Unauthenticated {
        let (issuer, subject) = (token.issuer(), token.subject());
        let tenants = token.tenants().join(", ");
        tracing::debug!(issuer, ?subject, tenants, "a foreign token was refused: it names an unknown user");
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::invalid_token(),
        Refusal::Inactive => Problem::inactive_user(),
    }
}
