//! `POST /auth/logout`.

use poem_openapi::ApiResponse;

use crate::domain::identity::{Identity, sessions};
use crate::http::caller::AccountCaller;
use crate::protocol::problem::Problem;

#[derive(Debug, ApiResponse)]
pub enum LogOutResponse {
    /// The sign-in has ended.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn log_out(identity: &Identity, account: &AccountCaller) -> Result<LogOutResponse, Problem> {
    sessions::log_out(identity, &account.admitted.principal, &account.origin).await?;
    Ok(LogOutResponse::Done)
}
