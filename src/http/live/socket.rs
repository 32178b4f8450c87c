//! The WebSocket endpoints: one handler for every address, and the echo.

use std::sync::Arc;

use poem::{Endpoint, Request, Response};

use super::admission::{VerifiedRequest, check_caller, check_request};
use super::context::LiveContext;
use super::parameters::AllowedParameters;
use super::reject::{refuse, switching};
use crate::auth::permission::Permission;
use crate::domain::identity::tickets::Channel;
use crate::domain::op::forbidden;
use crate::http::serve::{LiveResponse, Upgrade, Upgraded};
use crate::protocol::channels::SocketKind;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::handshake::{self, Accept};
use crate::protocol::websocket::refusal::Refusal;
use crate::session::Joined;
use crate::session::connect_request::ConnectRequest;
use crate::session::ws::{self, Mode, UpgradedStream};

fn allowed_parameters(kind: SocketKind) -> AllowedParameters {
    match kind {
        SocketKind::Messages => &["token", "ticket", "since", "subscriptions", "reject"],
        SocketKind::Echo | SocketKind::Upload => &["token", "ticket", "reject"],
    }
}

pub struct SocketEndpoint {
    pub live: Arc<LiveContext>,
    pub kind: SocketKind,
}

/// Everything that a session needs to start.
struct AcceptedUpgrade {
    accept: Accept,
    upgrade: Upgrade,
    joined: Joined,
    mode: Mode,
}

impl Endpoint for SocketEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match self.prepare(&request).await {
            Ok(ready) => Ok(self.start_session(ready)),
            Err(problem) => refuse(&self.live, &request, problem),
        }
    }
}

impl SocketEndpoint {
    async fn prepare(&self, request: &Request) -> Result<AcceptedUpgrade, Problem> {
        let parameters = check_request(&self.live, request, allowed_parameters(self.kind)).await?;
        let verified_request = check_caller(&self.live, request, Channel::Socket, parameters).await?;
        let mode = self.mode(&verified_request)?;
        // The handshake is checked last: a plain GET first gets the refusal that a socket would get.
        let accept = handshake::check(request.method(), request.version(), request.headers())
            .map_err(bad_handshake)?;
        let upgrade = Upgrade::of(request).ok_or_else(|| bad_handshake(Refusal::NoUpgrade))?;
        upgrade.check_capacity()?;
        let joined = verified_request.verified.admit(mode.purpose()).await?.join().await?;
        Ok(AcceptedUpgrade { accept, upgrade, joined, mode })
    }

    fn mode(&self, verified_request: &VerifiedRequest) -> Result<Mode, Problem> {
        match self.kind {
            SocketKind::Echo => Ok(Mode::Echo),
            SocketKind::Upload if !verified_request.verified.principal().may(Permission::Upload) => {
                Err(forbidden(Permission::Upload))
            }
            SocketKind::Upload => Ok(Mode::Upload),
            SocketKind::Messages => {
                let parameters = &verified_request.parameters;
                let most = self.live.registry.settings.max_subscriptions;
                ConnectRequest::parse(parameters.get("since"), parameters.get("subscriptions"), most)
                    .map(Mode::Follow)
            }
        }
    }

    /// Answers 101; the session runs in a task of its own, so that the HTTP side is freed.
    fn start_session(&self, ready: AcceptedUpgrade) -> Response {
        let AcceptedUpgrade { accept, upgrade, joined, mode } = ready;
        ws::start(joined, mode, async move {
            let Upgraded { stream, read_buf, permit } = upgrade.upgraded().await.ok()?;
            Some(UpgradedStream { stream, early: read_buf.into(), permit: permit.into_guard() })
        });
        let mut response = switching(&accept);
        response.set_data(LiveResponse);
        response
    }
}

fn bad_handshake(refusal: Refusal) -> Problem {
    let code = match refusal.status().as_u16() {
        405 => Code::MethodNotAllowed,
        426 => Code::UpgradeRequired,
        _ => Code::BadRequest,
    };
    let problem = Problem::new(code, refusal.to_string());
    refusal.headers().iter().fold(problem, |problem, (name, value)| problem.header(name, *value))
}
