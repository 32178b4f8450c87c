//! The pair of tokens of a sign-in: a short-lived signed access token, a long-lived stored refresh token.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Identity, secret_hash};
use crate::auth::revocation::Revocation;
use crate::auth::secret::{MintedSecret, SecretKind, SecretText};
use crate::auth::token::mint::{AccessToken, Lifetime, Signer, Subject, mint};
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::base::text;
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::protocol::problem::Problem;
use crate::protocol::role::Role;
use crate::storage::sessions::{self, NewSession, Owner, SessionRow};
use crate::storage::{SystemTx, micros};

/// Bytes of a client's user agent that are stored.
const AGENT_BYTES: usize = 300;

/// A completed sign-in.
#[derive(Debug)]
pub struct SignedIn {
    pub access: AccessToken,
    pub expires_in: u32,
    pub refresh: SecretText,
    pub subject: Subject,
}

/// A session that was begun.
pub(super) struct StartedSession {
    pub(super) refresh: SecretText,
    /// The account's sessions that were evicted for it.
    pub(super) ended: Vec<SessionId>,
}

impl SignedIn {
    /// Tenant, user and role; none for an operator.
    pub fn user(&self) -> Option<(TenantId, UserId, Role)> {
        match &self.subject {
            Subject::User { tenant_id, user_id, role, .. } => Some((*tenant_id, *user_id, *role)),
            Subject::Operator { .. } => None,
        }
    }

    pub fn operator_id(&self) -> Option<OperatorId> {
        match &self.subject {
            Subject::User { .. } => None,
            Subject::Operator { operator_id, .. } => Some(*operator_id),
        }
    }
}

impl Identity {
    /// Begins a session with its first refresh token, in the caller's transaction, and evicts others if the
    /// account has its maximum of sign-ins. The account's row must be locked.
    pub(super) async fn begin_session(
        &self,
        tx: &SystemTx,
        owner: Owner,
        id: SessionId,
        origin: &Origin,
    ) -> Result<StartedSession> {
        let (now, latest) = (self.now(), micros(self.latest()));
        let kept = self.settings.sessions_per_account.saturating_sub(1);
        let ended = sessions::revoke_oldest(tx, owner, kept, latest).await?;
        let new = NewSession {
            id,
            owner,
            user_agent: origin.user_agent.as_deref().map(|agent| text::truncate(agent, AGENT_BYTES)),
            address: origin.address.as_deref(),
            now: micros(now),
            used_at: sessions::next_use(tx, owner, micros(now)).await?,
            expires_at: micros(self.session_end()),
        };
        let session = sessions::insert(tx, new).await?;
        let minted = SecretKind::Refresh.mint(self.services.entropy);
        let refresh = self.add_refresh_token(tx, &session, minted).await?;
        Ok(StartedSession { refresh, ended })
    }

    /// Stores a refresh token of a session.
    pub(super) async fn add_refresh_token(
        &self,
        tx: &SystemTx,
        session: &SessionRow,
        minted: MintedSecret,
    ) -> Result<SecretText> {
        let (hash, end) = (secret_hash::to_store(&minted.hash), micros(self.session_end()));
        sessions::add_refresh_token(tx, session, &hash, micros(self.now()), end).await?;
        Ok(minted.text)
    }

    /// The expiry of a session that is used now.
    pub(super) fn session_end(&self) -> DateTime<Utc> {
        self.latest() + self.settings.refresh_ttl.max(TimeDelta::seconds(1))
    }

    /// Announces evicted sessions, once that is committed: in one message, however many they were.
    pub(super) fn publish_evicted(&self, ended: Vec<SessionId>) {
        match ended[..] {
            [] => {}
            [one] => self.services.publish_revocation(Revocation::Session(one)),
            _ => self.services.publish_revocation(Revocation::SomeSessions(ended.into())),
        }
    }

    pub(super) fn issue_tokens(&self, who: Subject, refresh: SecretText) -> Result<SignedIn> {
        let lifetime = self.settings.access_ttl;
        let access = self.sign(&who, lifetime)?;
        Ok(SignedIn { access, expires_in: lifetime.secs(), refresh, subject: who })
    }

    pub(super) fn sign(&self, who: &Subject, lifetime: Lifetime) -> Result<AccessToken> {
        let ring = self.ring();
        let signer = Signer { ring: &ring, issuer: self.issuers.own(), entropy: self.services.entropy };
        mint(who, lifetime, &signer, self.now()).map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Problem::internal()
        })
    }
}
