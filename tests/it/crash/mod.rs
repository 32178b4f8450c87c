//! `kill -9`, again and again, at moments that chance picks and at named places: nothing that was acknowledged is missing,
//! and readers go on from their position. `LOTLINE_CRASH_ROUNDS` says how often; `docs/promises.md` has the last run.
#![expect(clippy::print_stderr, reason = "a long run says what it has seen")]

mod chat_room;
mod crawl;
mod mixed_load;
mod power_cut;
mod removal;
mod restore;
mod site;
mod suspects;
mod trim;

/// How many kills, where the environment does not say.
fn rounds(usual: u64) -> u64 {
    let rounds = std::env::var("LOTLINE_CRASH_ROUNDS");
    rounds.map_or(usual, |rounds| rounds.parse().expect("LOTLINE_CRASH_ROUNDS is a number"))
}
