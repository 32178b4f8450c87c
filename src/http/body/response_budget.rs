//! The memory of answers in the budget of bodies. An answer is built as a whole and kept until its client has read
//! it, so it counts for the caller like a request body.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body as _, Frame, SizeHint};
use poem::Response;

use super::budget::{BodyBudget, BudgetOwner};
use crate::protocol::problem::Problem;

/// Answers up to this size are not counted.
const FREE_BYTES: usize = 4 * 1024;

/// Whether the answer may be replaced by a refusal. The answer to a change may not: the change was made. It is
/// counted beyond the share, so that its caller is refused further requests until the answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusable {
    Yes,
    No,
}

/// Bytes of an answer; released on drop.
struct Charge {
    budget: Arc<BodyBudget>,
    holder: BudgetOwner,
    bytes: usize,
    refusable: Refusable,
}

impl Drop for Charge {
    fn drop(&mut self) {
        match self.refusable {
            Refusable::Yes => self.budget.release(self.holder, self.bytes),
            Refusable::No => self.budget.release_over_share(self.holder, self.bytes),
        }
    }
}

/// Counts an answer for `owner` until all of it has been written, or refuses it where that is allowed. An answer of
/// unknown length is produced while it is read and is not counted.
pub(super) fn charge(
    budget: &Arc<BodyBudget>,
    holder: BudgetOwner,
    mut response: Response,
    refusable: Refusable,
) -> Result<Response, Problem> {
    let inner: BoxBody<Bytes, io::Error> = response.take_body().into();
    let bytes = inner.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
    if bytes <= FREE_BYTES {
        response.set_body(inner);
        return Ok(response);
    }
    match refusable {
        Refusable::Yes => budget.acquire(holder, bytes)?,
        Refusable::No => budget.acquire_over_share(holder, bytes),
    }
    let charge = Arc::new(Charge { budget: Arc::clone(budget), holder, bytes, refusable });
    response.set_body(BoxBody::new(ChargedBody { inner, charge }));
    Ok(response)
}

/// A body that is counted until all of its pieces are dropped.
struct ChargedBody {
    inner: BoxBody<Bytes, io::Error>,
    charge: Arc<Charge>,
}

/// A piece of the answer. The connection keeps it after the body has been read to its end.
struct ChargedBytes {
    piece: Bytes,
    _charge: Arc<Charge>,
}

impl AsRef<[u8]> for ChargedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl hyper::body::Body for ChargedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let counted = |piece| Bytes::from_owner(ChargedBytes { piece, _charge: Arc::clone(&self.charge) });
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::base::ids::TenantId;
    use crate::protocol::problem::Code;

    const HOLDER: BudgetOwner = BudgetOwner::Tenant(TenantId(1));

    fn answer(bytes: usize) -> Response {
        Response::builder().body(vec![b'x'; bytes])
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_last_byte_is_dropped() {
        let budget = Arc::new(BodyBudget::new(100_000));
        let mut response = charge(&budget, HOLDER, answer(20_000), Refusable::Yes).unwrap();
        let mut body: BoxBody<Bytes, io::Error> = response.take_body().into();

        assert_eq!((budget.in_flight(), body.size_hint().exact()), (20_000, Some(20_000)));
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(body);
        let rest = piece.slice(19_999..);
        drop(piece);
        assert_eq!((&rest[..], budget.in_flight()), (&b"x"[..], 20_000));
        drop(rest);
        assert_eq!(budget.in_flight(), 0);
    }

    #[tokio::test]
    async fn answers_that_are_not_taken_fill_the_share_of_their_caller() {
        let budget = Arc::new(BodyBudget::new(100_000));
        let kept: Vec<_> =
            (0..2).map(|_| charge(&budget, HOLDER, answer(20_000), Refusable::Yes).unwrap()).collect();

        let refused = charge(&budget, HOLDER, answer(20_000), Refusable::Yes).unwrap_err();
        assert_eq!(refused.code, Code::Unavailable);
        assert!(
            charge(&budget, HOLDER, answer(FREE_BYTES), Refusable::Yes).is_ok(),
            "a small one is always given"
        );
        assert!(charge(&budget, BudgetOwner::Tenant(TenantId(2)), answer(20_000), Refusable::Yes).is_ok());
        drop(kept);
        assert!(charge(&budget, HOLDER, answer(20_000), Refusable::Yes).is_ok());
    }
    #[tokio::test]
    async fn a_committed_change_is_answered_and_the_next_request_is_refused() {
        let budget = Arc::new(BodyBudget::new(100_000));
        let kept: Vec<_> =
            (0..6).map(|_| charge(&budget, HOLDER, answer(20_000), Refusable::No).unwrap()).collect();

        assert_eq!(budget.in_flight(), 120_000);
        assert!(budget.acquire(HOLDER, 1).is_err());
        assert_eq!(budget.check(HOLDER).unwrap_err().code, Code::Unavailable);
        let other = BudgetOwner::Tenant(TenantId(2));
        assert!(budget.acquire(other, 50_000).is_ok(), "others have what they would have had");
        budget.release(other, 50_000);
        drop(kept);
        assert!(budget.check(HOLDER).is_ok());
        assert_eq!(budget.in_flight(), 0);
    }
}
