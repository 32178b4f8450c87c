//! Where no process can be started, pages are read on a few threads. Memory has no bound there, and time only one
//! that the reading itself keeps to; a permit is released when the thread is free, not when its page is given up.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::failure::ReadFailure;
use super::handler::{self, Deadline};
use super::wire::{REQUEST_HEADER_BYTES, RESPONSE_HEADER_BYTES};
use crate::base::fair_semaphore::FairPermit;
use crate::base::ids::TenantId;

/// The threads; they end when this is dropped and their pages are read.
pub(super) struct Threads(SyncSender<Task>);

/// One page for a thread.
struct Task {
    request: Vec<u8>,
    body: Vec<u8>,
    permit: FairPermit<TenantId>,
    reply: oneshot::Sender<Vec<u8>>,
}

impl Threads {
    /// Each page is read for as long as `deadline` says.
    pub(super) fn start(count: usize, deadline: Deadline) -> io::Result<Self> {
        // Never full: a task comes with its permit, of which there are as many as threads.
        let (sender, receiver) = mpsc::sync_channel(count);
        let receiver = Arc::new(Mutex::new(receiver));
        let deadline = Arc::new(deadline);
        for number in 0..count {
            let (receiver, deadline) = (Arc::clone(&receiver), Arc::clone(&deadline));
            thread::Builder::new()
                .name(format!("page-reader-{number}"))
                .spawn(move || worker_loop(&receiver, &deadline))?;
        }
        Ok(Self(sender))
    }

    /// Has a page read. Dropping this leaves the thread and its permit in use until the page is read.
    pub(super) async fn ask(
        &self,
        permit: FairPermit<TenantId>,
        request: Vec<u8>,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ReadFailure> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Task { request, body, permit, reply }).map_err(|_| ReadFailure::NoReader)?;
        answer.await.map_err(|_| ReadFailure::Broke)
    }
}

fn worker_loop(tasks: &Mutex<Receiver<Task>>, deadline: &Deadline) {
    loop {
        let task = tasks.lock().recv();
        let Ok(Task { request, body, permit, reply }) = task else { return };
        let answer = handler::respond(&request[REQUEST_HEADER_BYTES..], body, Some(deadline), String::new);
        if let Ok(mut answer) = answer {
            // The receiver of a page that was given up is gone.
            let _ = reply.send(answer.split_off(RESPONSE_HEADER_BYTES));
        }
        drop(permit);
    }
}
