//! The WebSocket endpoints: one handler for every address, and the echo.

use std::sync::Arc;

use poem::{Endpoint, Request, Response};

use super::admission::{AdmittedRequest, check_caller, check_request};
use super::context::LiveContext;
use super::parameters::AllowedParameters;
use super::reject::{refuse, switching};
use crate::auth::permission::Permission;
use crate::domain::identity::tickets::Channel;
use crate::domain::op::forbidden;
use crate::http::serve::{LiveResponse, Upgrade};
use crate::protocol::channels::SocketKind;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::handshake::{self, Accept};
use crate::protocol::websocket::refusal::Refusal;
use crate::session::ConnectionGuard;
use crate::session::connect_request::ConnectRequest;
use crate::session::connection_limits::Carrier;
use crate::session::ws::{self, Mode};

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
    guard: ConnectionGuard,
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
        let parameters = check_request(&self.live, request, allowed_parameters(self.kind))?;
        let admitted_request = check_caller(&self.live, request, Channel::Socket, parameters).await?;
        let mode = self.mode(&admitted_request)?;
        let carrier = match mode {
            Mode::Follow(_) | Mode::Echo => Carrier::Socket,
            Mode::Upload => Carrier::Upload,
        };
        // The handshake is checked last: a plain GET first gets the refusal that a socket would get.
        let accept = handshake::check(request.method(), request.version(), request.headers())
            .map_err(bad_handshake)?;
        let upgrade = Upgrade::of(request).ok_or_else(|| bad_handshake(Refusal::NoUpgrade))?;
        upgrade.check_capacity()?;
        let registry = &self.live.registry;
        let permit = match mode {
            Mode::Follow(_) => Some(registry.admission.joins.acquire().await?),
            Mode::Echo | Mode::Upload => None,
        };
        let guard = match mode {
            Mode::Echo => registry.register_echo(admitted_request.admitted, admitted_request.origin).await?,
            Mode::Follow(_) | Mode::Upload => {
                registry.register(admitted_request.admitted, carrier, admitted_request.origin).await?
            }
        };
        permit.into_iter().for_each(|place| guard.connection.store_admission_permit(place));
        // The connection guard first: a ticket is spent only by a session that starts.
        if let Some(ticket) = &admitted_request.ticket {
            registry.identity.tickets.redeem_for_socket(ticket).await?;
        }
        Ok(AcceptedUpgrade { accept, upgrade, guard, mode })
    }

    fn mode(&self, admitted_request: &AdmittedRequest) -> Result<Mode, Problem> {
        match self.kind {
            SocketKind::Echo => Ok(Mode::Echo),
            SocketKind::Upload if !admitted_request.admitted.principal.may(Permission::Upload) => {
                Err(forbidden(Permission::Upload))
            }
            SocketKind::Upload => Ok(Mode::Upload),
            SocketKind::Messages => {
                let parameters = &admitted_request.parameters;
                let most = self.live.registry.settings.max_subscriptions;
                ConnectRequest::parse(parameters.get("since"), parameters.get("subscriptions"), most)
                    .map(Mode::Follow)
            }
        }
    }

    /// Answers 101; the session runs in a task of its own, so that the HTTP side is freed.
    fn start_session(&self, ready: AcceptedUpgrade) -> Response {
        let registry = Arc::clone(&self.live.registry);
        let AcceptedUpgrade { accept, upgrade, guard, mode } = ready;
        registry.tasks.clone().spawn(async move {
            let Ok(upgraded) = upgrade.upgraded().await else { return };
            let permit = upgraded.permit.into_guard();
            ws::run(registry, guard, upgraded.stream, upgraded.read_buf.into(), mode, permit).await;
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
