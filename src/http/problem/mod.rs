//! Problems in poem: an error that a handler may return, a response, and a part of the API document.

mod documented;
mod middleware;
pub(in crate::http) mod oauth;
mod request_id;
mod response;
mod trace;
mod translate;

pub use middleware::{ProblemEndpoint, ProblemLayer};
pub use request_id::RequestId;
pub use response::{PROBLEM_JSON, respond};

pub(super) use translate::of_broken_body;
