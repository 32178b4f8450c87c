//! The WebSocket doors: one handler for every address, and the echo.

use std::sync::Arc;

use poem::{Endpoint, Request, Response};

use super::Live;
use super::door::{Visitor, check_caller, check_request};
use super::parameters::Known;
use super::reject::{refuse, switching};
use crate::auth::permission::Permission;
use crate::domain::identity::tickets::Door;
use crate::domain::op::forbidden;
use crate::http::serve::{LiveAnswer, Upgrade};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::handshake::{self, Accept};
use crate::protocol::websocket::refusal::Refusal;
use crate::session::Seat;
use crate::session::seats::Carrier;
use crate::session::wish::Wish;
use crate::session::ws::{self, Mode};

/// What a door opens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    Follow,
    Echo,
    Upload,
}

impl SocketKind {
    fn parameters(self) -> Known {
        match self {
            Self::Follow => &["token", "ticket", "since", "subscriptions", "reject"],
            Self::Echo | Self::Upload => &["token", "ticket", "reject"],
        }
    }
}

pub struct SocketDoor {
    pub live: Arc<Live>,
    pub kind: SocketKind,
}

/// All that is needed to begin.
struct Ready {
    accept: Accept,
    upgrade: Upgrade,
    seat: Seat,
    mode: Mode,
}

impl Endpoint for SocketDoor {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match self.admit(&request).await {
            Ok(ready) => Ok(self.begin(ready)),
            Err(problem) => refuse(&self.live, &request, problem),
        }
    }
}

impl SocketDoor {
    async fn admit(&self, request: &Request) -> Result<Ready, Problem> {
        let parameters = check_request(&self.live, request, self.kind.parameters())?;
        let visitor = check_caller(&self.live, request, Door::Socket, parameters).await?;
        let mode = self.mode(&visitor)?;
        let carrier = match mode {
            Mode::Follow(_) | Mode::Echo => Carrier::Socket,
            Mode::Upload => Carrier::Upload,
        };
        // Only now is the handshake judged: a plain GET learns first what a socket would be refused for.
        let accept = handshake::check(request.method(), request.version(), request.headers())
            .map_err(bad_handshake)?;
        let upgrade = Upgrade::of(request).ok_or_else(|| bad_handshake(Refusal::NoUpgrade))?;
        let sessions = &self.live.sessions;
        let place = match mode {
            Mode::Follow(_) => Some(sessions.admission.joins.enter().await?),
            Mode::Echo | Mode::Upload => None,
        };
        let seat = match mode {
            Mode::Echo => sessions.admit_to_echo(visitor.admitted, visitor.origin).await?,
            Mode::Follow(_) | Mode::Upload => {
                sessions.admit(visitor.admitted, carrier, visitor.origin).await?
            }
        };
        place.into_iter().for_each(|place| seat.connection.hold(place));
        // The seat first: a ticket is spent only by a session that starts.
        if let Some(ticket) = &visitor.ticket {
            sessions.identity.tickets.redeem_for_socket(ticket).await?;
        }
        Ok(Ready { accept, upgrade, seat, mode })
    }

    fn mode(&self, visitor: &Visitor) -> Result<Mode, Problem> {
        match self.kind {
            SocketKind::Echo => Ok(Mode::Echo),
            SocketKind::Upload if !visitor.admitted.principal.may(Permission::Upload) => {
                Err(forbidden(Permission::Upload))
            }
            SocketKind::Upload => Ok(Mode::Upload),
            SocketKind::Follow => {
                let parameters = &visitor.parameters;
                let most = self.live.sessions.settings.subscriptions;
                Wish::parse(parameters.get("since"), parameters.get("subscriptions"), most).map(Mode::Follow)
            }
        }
    }

    /// Answers 101; the session runs in a task of its own, so that the HTTP side is freed.
    fn begin(&self, ready: Ready) -> Response {
        let sessions = Arc::clone(&self.live.sessions);
        let Ready { accept, upgrade, seat, mode } = ready;
        sessions.tasks.clone().spawn(async move {
            let Ok(upgraded) = upgrade.upgraded().await else { return };
            let held = upgraded.seat.into_held();
            ws::run(sessions, seat, upgraded.stream, upgraded.early.into(), mode, held).await;
        });
        let mut response = switching(&accept);
        response.set_data(LiveAnswer);
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
