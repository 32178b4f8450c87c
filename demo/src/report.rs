//! The checks of `demo --once` as lines, each as soon as its result is known; on a terminal with colours, and with a
//! status line until there is a result.

use std::io::{Stdout, Write, stdout};

use super::terminal::{
    Colour, colours_enabled, erase_lines, supports_escapes, with_colour, without_autowrap,
};

/// Differences that a failed check names; there may be thousands.
const SHOWN: usize = 5;

/// Counts checks and prints them.
pub(crate) struct Report<W> {
    out: W,
    is_terminal: bool,
    has_colours: bool,
    /// Whether a status line is shown that must be overwritten.
    has_status: bool,
    passed: usize,
    failed: usize,
}

impl Report<Stdout> {
    pub(crate) fn on_standard_output() -> Self {
        let is_terminal = supports_escapes();
        Self { is_terminal, has_colours: is_terminal && colours_enabled(), ..Self::new(stdout()) }
    }
}

impl<W: Write> Report<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, is_terminal: false, has_colours: false, has_status: false, passed: 0, failed: 0 }
    }

    /// A line that checks nothing.
    pub(crate) fn print_line(&mut self, words: &str) {
        self.show_status("");
        // A closed pipe is no error: the exit status still shows the result.
        let _ = writeln!(self.out, "{words}");
    }

    /// The status, on a terminal only: overwritten by the next line.
    pub(crate) fn show_status(&mut self, words: &str) {
        if !self.is_terminal {
            return;
        }
        let line = if words.is_empty() { String::new() } else { without_autowrap(&[format!("  {words}")]) };
        let text = format!("{}{line}", erase_lines(usize::from(self.has_status)));
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.has_status = !words.is_empty();
    }

    /// A check; without faults it has passed.
    pub(crate) fn check(&mut self, words: &str, faults: &[String]) {
        if faults.is_empty() {
            self.passed += 1;
            let ok = with_colour(self.has_colours, Colour::Green, "ok");
            return self.print_line(&format!("  {ok}    {words}"));
        }
        self.failed += 1;
        let wrong = with_colour(self.has_colours, Colour::Red, "WRONG");
        self.print_line(&format!("  {wrong} {words}"));
        for fault in faults.iter().take(SHOWN) {
            self.print_line(&format!("          {fault}"));
        }
        if faults.len() > SHOWN {
            self.print_line(&format!("          and {} more", faults.len() - SHOWN));
        }
    }

    /// A check that two values are equal.
    pub(crate) fn check_equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        words: &str,
        expected: &T,
        found: &T,
    ) {
        let differs = (expected != found).then(|| format!("expected {expected:?}, found {found:?}"));
        self.check(words, &Vec::from_iter(differs));
    }

    /// The result: the number of passed checks, or that some have failed.
    pub(crate) fn finish(self) -> Result<String, String> {
        let all = self.passed + self.failed;
        if self.failed == 0 {
            Ok(format!("all {all} checks passed"))
        } else {
            Err(format!("{} of {all} checks failed", self.failed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_that_pass_end_well() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out);
        report.check("first", &[]);
        report.check_equal("second", &2, &2);

        assert_eq!(report.finish(), Ok("all 2 checks passed".to_owned()));
        assert_eq!(String::from_utf8(out).unwrap(), "  ok    first\n  ok    second\n");
    }

    #[test]
    fn on_a_terminal_the_status_line_is_overwritten() {
        let mut out = Vec::new();
        let mut report = Report { is_terminal: true, has_colours: true, ..Report::new(&mut out) };
        report.show_status("1 event");
        report.show_status("2 events");
        report.check("first", &[]);
        assert!(report.finish().is_ok());

        let (again, green) = ("\x1b[1F\x1b[J", "\x1b[32mok\x1b[0m");
        let line = |words: &str| format!("\x1b[?7l  {words}\x1b[?7h\n");
        let wanted = format!("{}{again}{}{again}  {green}    first\n", line("1 event"), line("2 events"));
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn a_failed_check_names_its_first_differences() {
        let mut out = Vec::new();
        let faults: Vec<String> = (1..=7).map(|number| format!("fault {number}")).collect();
        let mut report = Report::new(&mut out);
        report.check("first", &faults);
        report.check_equal("second", &2, &3);

        assert_eq!(report.finish(), Err("2 of 2 checks failed".to_owned()));
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("fault 5\n          and 2 more\n") && !text.contains("fault 6"), "{text}");
        assert!(text.contains("expected 2, found 3"), "{text}");
    }
}
