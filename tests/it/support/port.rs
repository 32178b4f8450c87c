//! A port for a server that cannot choose a free one itself: it is reserved until the server has ended.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Socket, Type};

/// A TCP port of 127.0.0.1 on which no socket listens.
///
/// The socket behind it is bound and does not listen. While it exists, the system gives the port to no other socket
/// that asks for a free one, connecting is refused, and a server that names the port gets it: on Linux, sockets with
/// `SO_REUSEADDR` share a port on which none of them listens (socket(7)).
pub struct ReservedPort {
    socket: Socket,
}

impl ReservedPort {
    pub fn take() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { socket }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap().as_socket().unwrap()
    }

    pub fn number(&self) -> u16 {
        self.address().port()
    }
}
