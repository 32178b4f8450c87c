//! `POST /auth/logout`.

use poem_openapi::ApiResponse;

use crate::domain::identity::{Identity, sessions};
use crate::http::caller::Account;
use crate::protocol::problem::Problem;

#[derive(Debug, ApiResponse)]
pub enum SignedOut {
    /// The sign-in has ended.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn log_out(identity: &Identity, account: &Account) -> Result<SignedOut, Problem> {
    sessions::log_out(identity, &account.admitted.principal, &account.origin).await?;
    Ok(SignedOut::Done)
}
