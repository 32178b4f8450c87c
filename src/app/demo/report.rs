//! The checks of `demo --once` as lines to read, each as soon as it is known.

use std::io::Write;

/// Differences that a failed check names; there may be thousands.
const SHOWN: usize = 5;

/// Counts checks and prints them.
pub(super) struct Report<W> {
    out: W,
    passed: usize,
    failed: usize,
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, passed: 0, failed: 0 }
    }

    /// A line that checks nothing.
    pub(super) fn say(&mut self, words: &str) {
        // A closed pipe is the reader's wish; the exit status still tells the result.
        let _ = writeln!(self.out, "{words}");
    }

    /// A check; without faults it has passed.
    pub(super) fn check(&mut self, words: &str, faults: &[String]) {
        if faults.is_empty() {
            self.passed += 1;
            return self.say(&format!("  ok    {words}"));
        }
        self.failed += 1;
        self.say(&format!("  WRONG {words}"));
        for fault in faults.iter().take(SHOWN) {
            self.say(&format!("          {fault}"));
        }
        if faults.len() > SHOWN {
            self.say(&format!("          and {} more", faults.len() - SHOWN));
        }
    }

    /// A check that two figures are the same.
    pub(super) fn equal<T: PartialEq + std::fmt::Debug>(&mut self, words: &str, expected: &T, found: &T) {
        let differs = (expected != found).then(|| format!("expected {expected:?}, found {found:?}"));
        self.check(words, &Vec::from_iter(differs));
    }

    /// The result: how many checks have passed, or that some have not.
    pub(super) fn close(self) -> Result<String, String> {
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
        report.equal("second", &2, &2);

        assert_eq!(report.close(), Ok("all 2 checks passed".to_owned()));
        assert_eq!(String::from_utf8(out).unwrap(), "  ok    first\n  ok    second\n");
    }

    #[test]
    fn a_check_that_fails_names_its_first_differences() {
        let mut out = Vec::new();
        let faults: Vec<String> = (1..=7).map(|number| format!("fault {number}")).collect();
        let mut report = Report::new(&mut out);
        report.check("first", &faults);
        report.equal("second", &2, &3);

        assert_eq!(report.close(), Err("2 of 2 checks failed".to_owned()));
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("fault 5\n          and 2 more\n") && !text.contains("fault 6"), "{text}");
        assert!(text.contains("expected 2, found 3"), "{text}");
    }
}
