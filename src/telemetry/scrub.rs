//! The last line of defence: a writer that masks secrets in any log line, and keeps each event on one line of bounded
//! length.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::secret_patterns::mask_secrets;
use crate::base::text::truncate;

/// Bytes of a line that are processed and written; the rest is cut off.
const LINE_BYTES: usize = 64 * 1024;

/// One event for the log: secrets masked, on one line, of bounded length.
pub fn scrub_line(line: &str) -> Cow<'_, str> {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body, "\n"),
        None => (line, ""),
    };
    let shown = truncate(body, LINE_BYTES);
    let masked = mask_secrets(shown);
    let whole = shown.len() == body.len();
    if whole && !body.contains(['\n', '\r']) && matches!(masked, Cow::Borrowed(_)) {
        return Cow::Borrowed(line);
    }
    // A value with a newline in it could forge a log line.
    let more = if whole { "" } else { " …" };
    Cow::Owned(format!("{}{more}{end}", masked.replace('\n', "\\n").replace('\r', "\\r")))
}

/// Makes writers that mask their input.
#[derive(Clone, Debug)]
pub struct ScrubbingMakeWriter<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for ScrubbingMakeWriter<M> {
    type Writer = ScrubbingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        ScrubbingWriter(self.0.make_writer())
    }
}

/// Receives one whole event per call, as the formatter passes it.
#[derive(Debug)]
pub struct ScrubbingWriter<W>(W);

impl<W: Write> Write for ScrubbingWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(scrub_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLWNhbmFyeQ";

    #[test]
    fn ordinary_lines_pass_untouched_and_without_a_copy() {
        let lines = [
            "listening on http://127.0.0.1:8001\n",
            "Invalid token: expired\n",
            "every hello is well: eyes, keys, kernels, all_right\n",
            "job.id=7 request.id=0192f0c1-7a9b-7c31-a5d2-e4f60718293a\n",
            "bearer authentication is required\n",
            r#"{"level":"INFO","fields":{"message":"tokens: 5"},"target":"lotline::session"}"#,
            "Grüße aus Köln = schön\n",
        ];
        for given in lines {
            assert!(matches!(scrub_line(given), Cow::Borrowed(_)), "{given} -> {}", scrub_line(given));
        }
    }

    #[test]
    fn a_line_stays_one_line_of_bounded_length() {
        assert_eq!(scrub_line("a\nFORGED\r\n"), "a\\nFORGED\\r\n");

        let long = format!("{}{JWT}\n", "ä".repeat(LINE_BYTES));
        let shown = scrub_line(&long);
        assert!(shown.len() < LINE_BYTES + 8 && shown.ends_with(" …\n"));
    }

    #[test]
    fn a_secret_cut_by_the_bound_is_masked_as_far_as_it_goes() {
        let long = format!("{}{JWT}\n", " ".repeat(LINE_BYTES - 40));

        assert!(scrub_line(&long).trim_start().starts_with("***"));
    }

    proptest! {
        #[test]
        fn any_text_is_masked_without_panic_and_a_second_time_changes_nothing(text in "[\\s\\S]{0,80}|[\"\\\\:=a-z&]{0,40}") {
            let once = scrub_line(&text).into_owned();
            prop_assert_eq!(scrub_line(&once).into_owned(), once);
        }
    }
}
