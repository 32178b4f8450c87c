//! A refusal as a stream: `problem`, the time to reconnect, and the end. If reconnecting is useless, the stream has
//! an id that says so: a reader that reconnects with it gets 204, which ends an EventSource.

use crate::hub::Closing;
use crate::protocol::problem::{CloseCode, Problem, Retry};
use crate::session::sse;

/// Seconds until reconnecting after a temporary refusal that states no time.
const DEFAULT_RETRY_SECS: u64 = 5;
/// The same where only a new token helps: its page has to open another stream.
const NEW_TOKEN_RETRY_SECS: u64 = 60;
/// The longest wait that a reader can be given; for one that should not reconnect at all.
const MAX_RETRY_SECS: u64 = 3_600;

/// Whether the refusal is a stream: temporary ones always, others if `reject=close` asks for it. A page of a foreign
/// origin gets no stream at all.
pub(super) fn is_sent_on_stream(problem: &Problem, rejects_by_close: bool) -> bool {
    matches!(problem.code.row().status, 429 | 503) || (rejects_by_close && problem.code.closes_on_request())
}

/// The whole stream.
pub(super) fn text(problem: &Problem) -> Vec<u8> {
    let close = problem.code.row().close;
    let closing = Closing { code: close, reason: problem.detail.clone().into_owned() };
    let away = problem.retry_after.map(u64::from);
    let (end, away_secs) = match close.row().retry {
        Retry::Stop => (format!("id: {}\n", end_id(close)), MAX_RETRY_SECS),
        Retry::NewTokenOnce => (String::new(), away.unwrap_or(NEW_TOKEN_RETRY_SECS)),
        Retry::BackOff | Retry::Resume => (String::new(), away.unwrap_or(DEFAULT_RETRY_SECS)),
    };
    let mut text = format!("retry: {}\n{end}", away_secs * 1_000).into_bytes();
    text.extend_from_slice(&sse::problem_event(&closing));
    text
}

/// Whether the id is that of a refusal after which the reader must not reconnect.
pub(super) fn is_end(last_event_id: &str) -> bool {
    CloseCode::ALL.iter().any(|code| code.row().retry == Retry::Stop && end_id(*code) == last_event_id)
}

/// No log uses ids of this form: positions and lines are numbers, and so is what follows `end.` on a log stream.
fn end_id(code: CloseCode) -> String {
    format!("end.{}", code.row().name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::problem::Code;

    fn refusal_text(code: Code) -> String {
        String::from_utf8(text(&Problem::new(code, "words"))).unwrap()
    }

    #[test]
    fn only_a_refusal_that_stays_has_an_id_and_that_id_is_an_end() {
        for code in Code::ALL {
            let text = refusal_text(*code);
            let id = text.lines().find_map(|line| line.strip_prefix("id: "));

            let stays = code.row().close.row().retry == Retry::Stop;
            assert_eq!(id.is_some_and(is_end), stays, "{text}");
            assert_eq!(text.starts_with("retry: 3600000\n"), stays, "{text}");
        }
    }

    #[test]
    fn log_positions_are_not_end_ids() {
        for id in ["", "end.", "end.12", "end.4403", "1f-1000", "end.overloaded", "end.forbidden "] {
            assert!(!is_end(id), "{id}");
        }
    }
}
