//! A time limit on answering a request. A stream is answered once its head is, so it is not limited.

use std::time::Duration;

use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::request_body::BodyProgress;
use crate::base::clock::Clock;
use crate::protocol::problem::{Code, Problem};

/// While a body arrives, each such piece of it restarts the time limit, so that a large upload is not aborted; a peer
/// that sends it byte by byte is.
const PIECE_BYTES: u64 = 64 * 1024;

/// Answers a refusal when the endpoint has not answered in time; its work is dropped at its current await.
#[derive(Clone)]
pub struct TimeLimit {
    pub clock: Clock,
    pub span: Duration,
}

pub struct TimeLimitEndpoint<E> {
    inner: E,
    limit: TimeLimit,
}

impl<E: Endpoint> Middleware<E> for TimeLimit {
    type Output = TimeLimitEndpoint<E>;

    fn transform(&self, inner: E) -> TimeLimitEndpoint<E> {
        TimeLimitEndpoint { inner, limit: self.clone() }
    }
}

impl<E: Endpoint> Endpoint for TimeLimitEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let progress = request.data::<BodyProgress>().cloned().unwrap_or_default();
        tokio::select! {
            answer = self.inner.call(request) => answer.map(IntoResponse::into_response),
            body_was_coming = self.limit.wait_elapsed(&progress) => Err(self.limit.refusal(body_was_coming).into()),
        }
    }
}

impl TimeLimit {
    /// Waits until the span passes without a piece of the body; returns whether some of it arrived in that time.
    async fn wait_elapsed(&self, progress: &BodyProgress) -> bool {
        loop {
            let before = progress.bytes();
            self.clock.sleep(self.span).await;
            let came = progress.bytes() - before;
            if came < PIECE_BYTES {
                return came > 0;
            }
        }
    }

    fn refusal(&self, body_was_coming: bool) -> Problem {
        if body_was_coming {
            let seconds = self.span.as_secs();
            let detail = format!("The body came too slowly; send at least 64 KiB in each {seconds} seconds.");
            return Problem::new(Code::RequestTimeout, detail);
        }
        Problem::new(Code::Unavailable, "The server could not answer in time; try again later.")
            .retry_after(5)
    }
}
