//! A connection outlives its token when the client brings a newer one of the same user.

use chrono::{DateTime, Utc};

use super::supervisor::{Connection, Sessions};
use crate::domain::identity::authenticate::Credential;
use crate::protocol::problem::{Code, Problem};

/// Checks the token like a new connection's and moves the connection's end. Subscriptions stay.
pub async fn refresh(
    sessions: &Sessions,
    connection: &Connection,
    token: &str,
) -> Result<DateTime<Utc>, Problem> {
    let admitted = sessions.identity.authenticate(Credential::Query(token)).await?;
    let same = admitted.principal.scope() == Some(connection.scope)
        && admitted.principal.user_id().is_some()
        && admitted.principal.user_id() == connection.user_id();
    if !same {
        return Err(Problem::new(
            Code::WrongUser,
            "The token is not one of the user that opened this connection.",
        ));
    }
    connection.extend(admitted.expires_at);
    Ok(admitted.expires_at)
}
