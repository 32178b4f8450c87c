//! `kill -9` in the middle of a crawl, again and again: nothing that was acknowledged is missing, the crawl goes on, and
//! followers continue from their position. `LOTLINE_CRASH_ROUNDS` says how often; `docs/promises.md` has the last run.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on should stop and say why; a long one says what it has seen"
)]

mod follower;
mod history;
mod node;
mod rounds;
mod site;
mod writer;
