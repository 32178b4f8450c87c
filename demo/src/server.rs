//! The server that the demo uses, from outside: how it is started, its address, and how it is stopped.

use std::net::SocketAddr;
use std::path::Path;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Starts the server. The demo does not know how: it is a client.
pub trait StartServer {
    fn start(self, plan: &ServerPlan<'_>) -> impl Future<Output = Result<RunningServer, String>>;
}

/// What the demo needs of its server.
pub struct ServerPlan<'a> {
    /// Where the server keeps its data.
    pub folder: &'a Path,
    /// The listings sites, which its crawler must be allowed to read although they are on this machine.
    pub sites: [SocketAddr; 2],
    /// The tenants that it begins with.
    pub tenants: [NewTenant<'a>; 2],
}

/// A tenant and the sign-in data of its first admin. The demo adds the other users as this admin.
#[derive(Clone, Copy)]
pub struct NewTenant<'a> {
    pub slug: &'a str,
    pub name: &'a str,
    pub admin: &'a str,
    pub password: &'a str,
}

/// A server that serves. Dropping it stops the server without waiting for it.
pub struct RunningServer {
    pub(crate) address: SocketAddr,
    pub(crate) busy_port: Option<u16>,
    stop: DropGuard,
    served: JoinHandle<Result<(), String>>,
}

impl RunningServer {
    /// `busy_port` is the usual port if another program uses it, so that a free one was taken. `served` ends after
    /// `stop`, with the result of the server.
    pub fn new(
        address: SocketAddr,
        busy_port: Option<u16>,
        stop: CancellationToken,
        served: JoinHandle<Result<(), String>>,
    ) -> Self {
        Self { address, busy_port, stop: stop.drop_guard(), served }
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) -> Result<(), String> {
        drop(self.stop);
        self.served.await.map_err(|error| error.to_string())?
    }
}
