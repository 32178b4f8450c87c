//! Sign-in, refresh and sign-out, and what users do with their own account.

mod password;
mod register;
mod token;
mod views;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use self::password::{SetPasswordRequest, SetPasswordResponse};
use self::register::{RegisterRequest, RegistrationIsOpen, registration};
use self::token::{NO_STORE, RegisterResponse, TokenRequest, TokenResponse, client, token_pair};
use self::views::{
    CreateTicketResponse, EndSessionResponse, LogOutResponse, RefreshStreamResponse, StreamRefreshed,
    TicketView,
};
use super::body::{Body, Form};
use super::caller::{AccountCaller, Caller, MintTicket, OptionalAccountCaller, ReadEvents};
use super::client_ip::request_origin;
use super::list::{Listed, listed, page_request};
use super::request_data::registry;
use super::tags::Tag;
use crate::base::clock::rfc3339;
use crate::base::ids::{ConnectionId, SessionId};
use crate::domain::identity::register::register as sign_up;
use crate::domain::identity::tickets::TICKET_TTL;
use crate::domain::identity::{Identity, sessions};
use crate::protocol::problem::Problem;
use crate::protocol::session::SessionView;
use crate::session::refresh;

pub struct AuthApi;

#[OpenApi(tag = "Tag::Auth")]
impl AuthApi {
    /// Sign in, or continue a sign-in
    ///
    /// `grant_type=password` (the default) takes `username` and `password`; the tenant is named in `tenant/name` or
    /// by the scope `tenant:SLUG`. `grant_type=refresh_token` exchanges a refresh token, once, for the next pair.
    #[oai(path = "/auth/token", method = "post", operation_id = "create_token")]
    async fn token(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        form: Form<TokenRequest>,
    ) -> Result<TokenResponse, Problem> {
        token::token(request, identity.0, form.0).await
    }

    /// Register a tenant
    ///
    /// Creates a tenant with its first admin and signs the admin in. Off unless `auth.registration` is set.
    #[oai(path = "/auth/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        _open: RegistrationIsOpen,
        body: Body<RegisterRequest>,
    ) -> Result<RegisterResponse, Problem> {
        let new = registration(body.0, client(request));
        let signed_in = sign_up(identity.0, &new, &request_origin(request)).await?;
        Ok(RegisterResponse::Made(Json(token_pair(&signed_in)), NO_STORE.to_owned()))
    }

    /// Sign out
    ///
    /// Ends the sign-in that the token belongs to, with its connections.
    #[oai(path = "/auth/logout", method = "post", operation_id = "log_out")]
    async fn log_out(
        &self,
        identity: Data<&Arc<Identity>>,
        account: AccountCaller,
    ) -> Result<LogOutResponse, Problem> {
        sessions::log_out(identity.0, &account.authenticated.principal, &account.origin).await?;
        Ok(LogOutResponse::Done)
    }

    /// List one's sign-ins
    ///
    /// Active ones, newest first.
    #[oai(path = "/auth/sessions", method = "get", operation_id = "list_sessions")]
    async fn list_sessions(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        account: AccountCaller,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<SessionView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, sessions::list(identity.0, &account.authenticated.principal, page).await?))
    }

    /// End one's other sign-ins
    ///
    /// Ends every sign-in of the caller but the one of this request.
    #[oai(path = "/auth/sessions", method = "delete", operation_id = "end_other_sessions")]
    async fn end_other_sessions(
        &self,
        identity: Data<&Arc<Identity>>,
        account: AccountCaller,
    ) -> Result<EndSessionResponse, Problem> {
        sessions::end_others(identity.0, &account.authenticated.principal, &account.origin).await?;
        Ok(EndSessionResponse::Done)
    }

    /// End one of one's sign-ins
    #[oai(path = "/auth/sessions/:session_id", method = "delete", operation_id = "end_session")]
    async fn end_session(
        &self,
        identity: Data<&Arc<Identity>>,
        account: AccountCaller,
        session_id: Path<Uuid>,
    ) -> Result<EndSessionResponse, Problem> {
        let (id, principal) = (SessionId(session_id.0), &account.authenticated.principal);
        sessions::end(identity.0, principal, id, &account.origin).await?;
        Ok(EndSessionResponse::Done)
    }

    /// Create a ticket for a socket or a stream
    ///
    /// For pages, which cannot send headers there. It opens one socket or stream, within 30 seconds. A stream may use
    /// it again to reconnect, until five minutes after its last connection has ended.
    #[oai(path = "/auth/socket-ticket", method = "post", operation_id = "create_socket_ticket")]
    async fn socket_ticket(
        &self,
        identity: Data<&Arc<Identity>>,
        caller: Caller<MintTicket>,
    ) -> Result<CreateTicketResponse, Problem> {
        let ticket =
            identity.0.tickets.mint(&caller.authenticated.principal, caller.authenticated.expires_at)?;
        let view = TicketView { ticket: ticket.expose().to_owned(), expires_in: TICKET_TTL.as_secs() };
        Ok(CreateTicketResponse::Made(Json(view), NO_STORE.to_owned()))
    }

    /// Refresh the token of a stream
    ///
    /// Send the newer access token, of the user that opened the stream, in `Authorization`. The stream then lasts
    /// until that token expires, without losing an event or a subscription. `connection_established` has the id.
    #[oai(path = "/auth/streams/:connection_id/refresh", method = "post", operation_id = "refresh_stream")]
    async fn refresh_stream(
        &self,
        request: &Request,
        caller: Caller<ReadEvents>,
        connection_id: Path<Uuid>,
    ) -> Result<RefreshStreamResponse, Problem> {
        let id = ConnectionId(connection_id.0);
        let expires_at = refresh::refresh_stream(registry(request)?, id, caller.authenticated).await?;
        Ok(RefreshStreamResponse::Done(Json(StreamRefreshed { expires_at: rfc3339(expires_at) })))
    }

    /// Set one's password
    ///
    /// With the current password and a token; or, without a token, with the one-time link from an admin. The other
    /// sign-ins of the account end.
    #[oai(path = "/auth/password", method = "post", operation_id = "set_password")]
    async fn password(
        &self,
        request: &Request,
        identity: Data<&Arc<Identity>>,
        account: OptionalAccountCaller,
        body: Body<SetPasswordRequest>,
    ) -> Result<SetPasswordResponse, Problem> {
        password::set(request, identity.0, account.0, body.0).await
    }
}
