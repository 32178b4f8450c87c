//! From what a caller shows to who the caller is. Every door asks here, so that no door is weaker than another.

use chrono::{DateTime, TimeDelta, Utc};

use super::Identity;
use super::tickets::Door;
use crate::auth::admit::{self, Refusal, TicketHolder};
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::secret::{CredentialForm, PresentedKey};
use crate::auth::token::error::TokenError;
use crate::auth::token::verified::Verified;
use crate::auth::token::verify::verify;
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

impl Identity {
    /// Who shows this credential. A ticket is only looked at: the session that starts redeems it.
    pub async fn authenticate(&self, credential: Credential<'_>) -> Result<Admitted> {
        match credential {
            Credential::Header(text) => match CredentialForm::of(text) {
                CredentialForm::ApiKey => self.of_key(text).await,
                CredentialForm::Token => self.of_token(text).await,
                CredentialForm::Opaque(_) => Err(Problem::invalid_token()),
            },
            Credential::Query(text) => match CredentialForm::of(text) {
                CredentialForm::ApiKey => Err(Problem::new(
                    Code::Unauthenticated,
                    "An API key is taken in the header `Authorization` only; ask for a ticket with it.",
                )),
                CredentialForm::Token => self.of_token(text).await,
                CredentialForm::Opaque(_) => Err(Problem::invalid_token()),
            },
            Credential::Ticket(text, door) => self.of_ticket(text, door).await,
        }
    }

    async fn of_token(&self, text: &str) -> Result<Admitted> {
        let verified = self.verified(text).await?;
        let expires_at = verified.expires_at();
        let principal = match &verified {
            Verified::User(token) => {
                let person = self.accounts.person_of_session(token.session_id()).await?;
                let session = person.session.ok_or_else(Problem::invalid_token)?;
                admit::user(token, &person.facts, session)
            }
            Verified::Operator(token) => {
                let platform = self.accounts.operator_of_session(token.session_id()).await?;
                admit::operator(token, &platform.facts, platform.session)
            }
            Verified::Foreign(token) => {
                let person = self.accounts.person_of_foreign(token).await?;
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
        self.kernel.metrics.token_refusals.of(reason).one();
        refused(refusal)
    }

    /// Verifies a token. When its issuer may have new keys they are fetched first; a key that is unknown even then is
    /// nobody's.
    async fn verified(&self, text: &str) -> Result<Verified> {
        let verify = || verify(text, &self.ring(), &self.issuers, self.now());
        let mut verified = verify();
        if let Err(TokenError::UnknownForeignKey(place) | TokenError::KeysUnknown(place)) = verified
            && self.key_sets.refresh(place).await
        {
            verified = verify();
        }
        verified.map_err(|error| {
            tracing::debug!(%error, "a token was refused");
            self.kernel.metrics.token_refusals.of(reason(&error)).one();
            match error {
                // Nothing can be said of the token yet, so it is not called a bad one.
                TokenError::KeysUnknown(_) => {
                    let words = "The keys of the token's issuer cannot be fetched at the moment; try again.";
                    Problem::new(Code::Unavailable, words).retry_after(10)
                }
                _ => Problem::invalid_token(),
            }
        })
    }

    async fn of_key(&self, text: &str) -> Result<Admitted> {
        let shown = PresentedKey::parse(text).ok_or_else(Problem::invalid_token)?;
        let facts = self.accounts.key(shown.key_id()).await?;
        let now = self.now();
        let principal = admit::key(&shown, &facts, now).map_err(refused)?;
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
        Ok(Admitted { principal: principal.map_err(refused)?, expires_at: grant.ends_at() })
    }

    /// Refuses a principal that was admitted and whose credential has ended meanwhile. What was read for the admission
    /// answers this too, unless a revocation has been told since.
    pub async fn still_admits(&self, principal: &Principal) -> Result<()> {
        self.again(principal).await.map(drop)
    }

    /// The same person or key with what the store grants now, for a connection that goes on after a change.
    pub async fn again(&self, principal: &Principal) -> Result<Principal> {
        match principal {
            Principal::User(user) => {
                let person = match user.session_id() {
                    Some(session) => {
                        let person = self.accounts.person_of_session(session).await?;
                        person.session.ok_or_else(Problem::invalid_token)?;
                        person
                    }
                    None => self.accounts.person(user.user_id()).await?,
                };
                admit::again(user, &person.facts).map_err(refused)
            }
            Principal::Key(key) => {
                let facts = self.accounts.key(key.key_id()).await?;
                let now = admit::key_again(&facts, self.now()).map_err(refused)?;
                if now.may(Permission::ReadEvents) { Ok(now) } else { Err(forbidden()) }
            }
            // Operators have no seats; their requests are looked at one by one.
            Principal::Operator(_) => Ok(principal.clone()),
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
        TokenError::Claim(_) | TokenError::MissingClaim | TokenError::Lifetime => TokenRefusal::Claims,
        TokenError::NotYetValid => TokenRefusal::NotYetValid,
        TokenError::Expired => TokenRefusal::Expired,
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::invalid_token(),
        Refusal::Inactive => Problem::inactive_user(),
    }
}
