//! RFC 6455 on the server's side, bytes in and frames out, without any I/O.
