//! `kill -9` again and again, at random moments and at failpoints: no acknowledged write is lost, readers continue
//! from their position. `LOTLINE_CRASH_ROUNDS` is the number of kills; `docs/promises.md` has the last run.
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

/// The number of kills when the environment does not set it.
fn rounds(usual: u64) -> u64 {
    let rounds = std::env::var("LOTLINE_CRASH_ROUNDS");
    rounds.map_or(usual, |rounds| rounds.parse().expect("LOTLINE_CRASH_ROUNDS is a number"))
}
