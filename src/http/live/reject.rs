//! `reject=close`: browsers cannot read a refused upgrade, so on request the refusal is sent as a close frame.

use std::sync::Arc;
use std::time::Duration;

use poem::http::StatusCode;
use poem::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::context::LiveContext;
use super::parameters::Parameters;
use crate::http::serve::Upgrade;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::websocket::encode;
use crate::protocol::websocket::handshake::{self, Accept};

/// Whether the client asked for a refusal that a page can read.
pub(super) fn is_requested(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "reject" && value == "close")
}

/// Checks the value of the parameter: only `close` is allowed.
pub(super) fn check(parameters: &Parameters) -> Result<(), Problem> {
    match parameters.get("reject") {
        None | Some("close") => Ok(()),
        Some(_) => Err(Problem::new(
            Code::BadRequest,
            "The query parameter reject may only be `close`; or leave it out.",
        )),
    }
}

/// How long a refused client has to read the reason and disconnect.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Upgrades only to close at once, if the client asked for it and the limit allows it; else returns the problem.
pub(super) fn refuse(live: &Arc<LiveContext>, request: &Request, problem: Problem) -> poem::Result<Response> {
    match prepare_close(request, &problem) {
        Some((accept, upgrade)) if live.rejects.available_permits() > 0 => {
            live.registry.services.metrics.count_refusal(problem.code);
            close_at_once(live, upgrade, &problem);
            Ok(switching(&accept))
        }
        _ => Err(problem.into()),
    }
}

fn prepare_close(request: &Request, problem: &Problem) -> Option<(Accept, Upgrade)> {
    // A page of a bad origin learns nothing from a socket that it may not open.
    if !is_requested(request) || !problem.code.closes_on_request() {
        return None;
    }
    let accept = handshake::check(request.method(), request.version(), request.headers()).ok()?;
    Some((accept, Upgrade::of(request)?))
}

fn close_at_once(live: &Arc<LiveContext>, upgrade: Upgrade, problem: &Problem) {
    let mut reason = problem.detail.clone().into_owned();
    if let Some(seconds) = problem.retry_after {
        reason = format!("{reason};retry_after={seconds}");
    }
    let frame = encode::close(problem.code.row().close.number(), &reason);
    let live = Arc::clone(live);
    live.registry.tasks.clone().spawn(async move {
        let Ok(_permit) = live.rejects.try_acquire() else { return };
        let Ok(mut upgraded) = upgrade.upgraded().await else { return };
        let close_handshake = async {
            upgraded.stream.write_all(&frame).await?;
            upgraded.stream.shutdown().await?;
            let mut dropped = [0; 1024];
            while upgraded.stream.read(&mut dropped).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        tokio::select! {
            _ = close_handshake => {}
            () = live.registry.clock().sleep(CLOSE_TIMEOUT) => {}
        }
    });
}

/// The 101 answer.
pub(super) fn switching(accept: &Accept) -> Response {
    let mut response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS).finish();
    response.headers_mut().extend(accept.headers());
    response
}
