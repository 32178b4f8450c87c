//! The listening socket.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::accept::Accept;

/// Connections that the kernel queues while we are busy or full. The kernel cuts it to its own limit.
const BACKLOG: i32 = 1024;

/// A bound address that is not served yet: the kernel queues connections from here on.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {0}: the port is in use by another process; choose another with server.bind")]
    InUse(SocketAddr),
    #[error("cannot listen on {0}: this user may not use the port; choose one from 1024 up with server.bind")]
    Denied(SocketAddr),
    #[error("cannot listen on {0}: the machine does not have this address; choose another with server.bind")]
    AddressNotAvailable(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Other { address: SocketAddr, source: io::Error },
}

impl Listener {
    /// Binds `address`; port 0 selects a free one. Must be called inside a runtime.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::open(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            io::ErrorKind::PermissionDenied => BindError::Denied(address),
            io::ErrorKind::AddrNotAvailable => BindError::AddressNotAvailable(address),
            _ => BindError::Other { address, source },
        })
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // On Unix a restart must not wait for old connections in TIME_WAIT. A second listener on the port is still
        // refused there; on Windows the same option would let another process steal the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // `[::]` accepts IPv4 too, whatever the machine's default.
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from_std(socket.into())?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The bound address, with the selected port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Accept for Listener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.accept().await
    }
}
