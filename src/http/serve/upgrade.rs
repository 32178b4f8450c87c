//! Leaving HTTP: a handler takes the [`Upgrade`], answers 101, and a task of its own gets the raw stream.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::registry::ConnectionPermit;
use super::tracked_stream::TrackedStream;
use crate::protocol::problem::{Code, Problem};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use poem::{FromRequest, Request, RequestBody};
use tokio::net::TcpStream;

/// A permit of an open connection; released when the last clone is dropped.
#[derive(Clone)]
pub struct UpgradePermit {
    permit: ConnectionPermit,
}

/// The promise of a connection's raw stream. It is fulfilled once the answer 101 has been written.
#[derive(Clone)]
pub struct Upgrade {
    promise: OnUpgrade,
    permit: UpgradePermit,
    granted: Granted,
}

/// Whether the answer is 101. hyper fulfils its promise after any answer with which the connection ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Granted(Arc<AtomicBool>);

/// A connection that has left HTTP.
#[derive(Debug)]
pub struct Upgraded {
    pub stream: TcpStream,
    /// What the client sent after its request before we answered; it comes first.
    pub read_buf: Bytes,
    /// Must be kept as long as the stream: it counts against the limit of sockets and streams.
    pub permit: UpgradePermit,
}

/// The peer disconnected, or the answer was not 101.
#[derive(Debug, thiserror::Error)]
#[error("the connection was not upgraded")]
pub struct UpgradeError;

impl UpgradePermit {
    pub(super) fn new(permit: ConnectionPermit) -> Self {
        Self { permit }
    }

    /// The permit for an owner that need not know what it counts against.
    pub fn into_guard(self) -> Arc<dyn Send + Sync> {
        self.permit.into_guard()
    }
}

impl fmt::Debug for UpgradePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpgradePermit")
    }
}

impl Granted {
    /// Must be called before the answer is written.
    pub(super) fn set(&self, is_granted: bool) {
        self.0.store(is_granted, Ordering::Release);
    }

    fn is_granted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Upgrade {
    pub(super) fn new(promise: OnUpgrade, permit: UpgradePermit, granted: Granted) -> Self {
        Self { promise, permit, granted }
    }

    /// The upgrade of a request that asks for one.
    pub fn of(request: &Request) -> Option<Self> {
        request.data::<Self>().cloned()
    }

    /// Refuses the request when the node has no room for another socket, before anything is spent on it. The answer
    /// 101 takes the room, and is refused when another request took the last of it meanwhile.
    pub fn check_capacity(&self) -> Result<(), Problem> {
        if self.permit.permit.may_become_live() { Ok(()) } else { Err(live_capacity_exceeded()) }
    }

    /// Waits until the answer 101 is written. Await it in a task of its own: the handler must have returned by then.
    pub async fn upgraded(self) -> Result<Upgraded, UpgradeError> {
        let upgraded = self.promise.await.map_err(|_| UpgradeError)?;
        if !self.granted.is_granted() {
            return Err(UpgradeError);
        }
        let parts = upgraded.downcast::<TokioIo<TrackedStream>>().map_err(|_| UpgradeError)?;
        Ok(Upgraded {
            stream: parts.io.into_inner().into_stream(),
            read_buf: parts.read_buf,
            permit: self.permit,
        })
    }
}

impl<'a> FromRequest<'a> for Upgrade {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let refusal = || {
            Problem::new(Code::UpgradeRequired, "This route speaks WebSocket version 13.")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
        };
        Self::of(request).ok_or_else(|| refusal().into())
    }
}

pub(super) fn live_capacity_exceeded() -> Problem {
    let words = "The server has as many sockets and streams as it can take; try again later.";
    Problem::new(Code::Unavailable, words).retry_after(5)
}
