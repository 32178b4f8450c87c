//! RFC 6455 on the server's side, bytes in and frames out, without any I/O. No extension is spoken, so a
//! reserved bit is always an error.

pub mod codes;
pub mod decode;
pub mod encode;
pub mod handshake;
pub mod refusal;
pub mod subprotocol;

#[cfg(test)]
mod tests;
