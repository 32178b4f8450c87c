//! A request's body with a limit on how long it may stall, and a count of the bytes that have come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

use super::connection_state::IdleTimer;
use crate::base::clock::Clock;

/// How much of a request's body has arrived. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct BodyProgress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl BodyProgress {
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Whether all of it has been read.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }
}

/// The peer let a body stall for too long.
#[derive(Debug, thiserror::Error)]
#[error("the request's body stood still for {} seconds", .0.as_secs())]
pub(super) struct Stalled(Duration);

pub(super) struct TimedBody {
    inner: BoxBody<Bytes, io::Error>,
    progress: BodyProgress,
    span: Duration,
    /// Behind a lock only because a poem body must be `Sync`; it is never contended.
    alarm: Mutex<IdleTimer>,
}

impl TimedBody {
    pub(super) fn new(
        inner: BoxBody<Bytes, io::Error>,
        progress: BodyProgress,
        span: Duration,
        clock: Clock,
    ) -> Self {
        Self { inner, progress, span, alarm: Mutex::new(IdleTimer::new(clock)) }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(polled) = Pin::new(&mut self.inner).poll_frame(cx) {
            if let Some(Ok(frame)) = &polled {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.progress.0.bytes.fetch_add(length as u64, Ordering::Relaxed);
            }
            if polled.is_none() || self.inner.is_end_stream() {
                self.progress.0.ended.store(true, Ordering::Relaxed);
            }
            return Poll::Ready(polled);
        }
        let (so_far, span) = (self.progress.bytes(), self.span);
        ready!(self.alarm.get_mut().poll(so_far, Some(span), cx));
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, Stalled(span)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
