//! `kill -9` in the middle of a crawl, again and again: nothing that was acknowledged is missing, the crawl goes on, and
//! followers continue from their position. `LOTLINE_CRASH_ROUNDS` says how often; `docs/promises.md` has the last run.

mod follower;
mod history;
mod node;
mod rounds;
mod site;
mod writer;
