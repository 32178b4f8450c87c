//! A caller's own sign-ins: lists and ends them.

use super::audit::{Actor, entry};
use super::{Identity, view};
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::revocation::Revocation;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::SessionId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::{Origin, forbidden};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::session::SessionView;
use crate::storage::sessions::{self, Owner};
use crate::storage::{audit_log, micros};

/// The caller's valid sign-ins, newest first.
pub async fn list(
    identity: &Identity,
    principal: &Principal,
    page: PageRequest<SessionId>,
) -> Result<Page<SessionView, SessionId>> {
    let (now, limit) = (micros(identity.latest()), page.limit + 1);
    let rows = match (owner(principal)?, principal.scope()) {
        (Owner::User(_, user), Some(scope)) => {
            let tx = identity.services.db.tenant(&scope).read().await?;
            sessions::list_of_user(&tx, user, now, page.after, limit).await?
        }
        (Owner::Operator(operator), _) => {
            let tx = identity.services.db.system(SystemReason::Operator).read().await?;
            sessions::list_of_operator(&tx, operator, now, page.after, limit).await?
        }
        (Owner::User(..), None) => return Err(forbidden(Permission::ManageOwnAccount)),
    };
    let page = Page::from_rows(rows, page.limit, |row| SessionId(row.id));
    Ok(page.map(|row| view::session(row, principal.session_id())))
}

/// Ends one of the caller's own sign-ins with all its tokens and connections.
pub async fn end(identity: &Identity, principal: &Principal, id: SessionId, origin: &Origin) -> Result<()> {
    let owner = owner(principal)?;
    let now = identity.now();
    let begin = || identity.services.db.system(SystemReason::Login).begin();
    let tx = identity.services.begin_for(principal, begin(), begin).await?;
    if !sessions::revoke_own(&tx, owner, id, micros(identity.latest())).await? {
        return Err(Problem::not_found());
    }
    let entry = entry(Actor::of_principal(principal), "session.ended", Some(id), origin, now);
    audit_log::insert_by_system(&tx, owner.tenant_id(), entry).await?;
    tx.commit().await?;
    identity.services.publish_revocation(Revocation::Session(id));
    Ok(())
}

/// Ends all of the caller's sign-ins but the current one.
pub async fn end_others(identity: &Identity, principal: &Principal, origin: &Origin) -> Result<()> {
    let owner = owner(principal)?;
    let (now, spared) = (identity.now(), principal.session_id());
    let entry = entry(Actor::of_principal(principal), "sessions.ended", spared, origin, now);
    let revocation = match (owner, principal.scope()) {
        (Owner::User(tenant, user), Some(scope)) => {
            let begin = || identity.services.db.tenant(&scope).begin();
            let tx = identity.services.begin_for(principal, begin(), begin).await?;
            sessions::revoke_of_user(&tx, user, spared, micros(now)).await?;
            audit_log::insert(&tx, entry).await?;
            tx.commit().await?;
            Revocation::UserSessions { tenant, user, except: spared }
        }
        (Owner::Operator(operator), _) => {
            let begin = || identity.services.db.system(SystemReason::Operator).begin();
            let tx = identity.services.begin_for(principal, begin(), begin).await?;
            sessions::revoke_of_operator(&tx, operator, spared, micros(now)).await?;
            audit_log::insert_by_system(&tx, None, entry).await?;
            tx.commit().await?;
            Revocation::OperatorSessions { operator, except: spared }
        }
        (Owner::User(..), None) => return Err(forbidden(Permission::ManageOwnAccount)),
    };
    // One message, however many have ended: the channel is bounded, and too many messages make all receivers lag.
    identity.services.publish_revocation(revocation);
    Ok(())
}

/// Ends the sign-in that the caller's own token belongs to.
pub async fn log_out(identity: &Identity, principal: &Principal, origin: &Origin) -> Result<()> {
    owner(principal)?;
    let Some(session) = principal.session_id() else {
        return Err(Problem::new(
            Code::Conflict,
            "This token was made by another issuer; sign out where you signed in.",
        ));
    };
    end(identity, principal, session, origin).await
}

/// The account that the caller manages. A key manages none.
pub(super) fn owner(principal: &Principal) -> Result<Owner> {
    if !principal.may(Permission::ManageOwnAccount) {
        return Err(forbidden(Permission::ManageOwnAccount));
    }
    match principal {
        Principal::User(user) => Ok(Owner::User(user.tenant_id(), user.user_id())),
        Principal::Operator(operator) => Ok(Owner::Operator(operator.operator_id())),
        Principal::Key(_) => Err(forbidden(Permission::ManageOwnAccount)),
    }
}
