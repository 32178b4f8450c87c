//! Frames to be written to the socket. They are shared buffers: nothing is copied, and all that is due together is
//! written with one call.

use std::collections::VecDeque;
use std::io;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

/// Buffers handed to the kernel in one call.
const MAX_SLICES: usize = 64;

/// Above this number of unwritten bytes nothing more is read: a client that does not read waits for its own answers.
const MAX_UNWRITTEN: usize = 256 * 1024;
/// The same in frames: each, even if empty, costs some hundred bytes besides its own.
const MAX_FRAMES: usize = 4096;

#[derive(Default)]
pub(super) struct Outgoing {
    queue: VecDeque<Bytes>,
    /// 32 bits suffice: a queue is bounded far below 4 GiB, and many sockets wait with an empty one.
    bytes: u32,
    /// Whether a part of the first frame was written.
    partly_sent: bool,
}

impl Outgoing {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.bytes += length(&frame);
        self.queue.push_back(frame);
    }

    /// Drops every frame of which nothing was written.
    pub(super) fn drop_unsent(&mut self) {
        self.queue.truncate(usize::from(self.partly_sent));
        self.bytes = self.queue.iter().map(length).sum();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the client has to read before more is read from it.
    pub(super) fn is_full(&self) -> bool {
        self.bytes() >= MAX_UNWRITTEN || self.queue.len() >= MAX_FRAMES
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Sends one frame: directly when the queue is empty. What the socket does not take is queued.
    pub(super) fn send(&mut self, frame: Bytes, stream: &TcpStream) -> io::Result<()> {
        if !self.queue.is_empty() {
            self.push(frame);
            return self.write_to(stream);
        }
        match stream.try_write(&frame) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) if written == frame.len() => {}
            Ok(written) => {
                self.push(frame.slice(written..));
                self.partly_sent = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.push(frame),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes as much as the socket takes now.
    pub(super) fn write_to(&mut self, stream: &TcpStream) -> io::Result<()> {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.queue.len().min(MAX_SLICES);
            for (slice, frame) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(frame);
            }
            match stream.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // An idle connection keeps no memory of a past burst.
        self.queue = VecDeque::new();
        Ok(())
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(u32::try_from(written).unwrap_or(u32::MAX));
        while let Some(first) = self.queue.front_mut() {
            if written < first.len() {
                first.advance(written);
                self.partly_sent |= written > 0;
                return;
            }
            written -= first.len();
            self.queue.pop_front();
            self.partly_sent = false;
        }
    }
}

/// Does not saturate: frames have some MiB at most.
fn length(frame: &Bytes) -> u32 {
    u32::try_from(frame.len()).unwrap_or(u32::MAX)
}
