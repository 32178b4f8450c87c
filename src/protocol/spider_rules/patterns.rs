//! The regular expressions of a spider: linear in time, and bounded in number, length and size, each and together.

use regex::{Error, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::fault::RuleFault;
use crate::base::text::{has_length, truncate};

/// Characters of an expression.
const MAX_CHARS: usize = 1_000;
/// Compiled bytes of one expression.
const MAX_BYTES: usize = 256 * 1024;
/// Compiled bytes of all expressions of a spider.
const MAX_BYTES_TOGETHER: usize = 4 * 1024 * 1024;
/// Bytes of the cache that a search fills. With less than it needs a search is slower, and still linear.
const CACHE_BYTES: usize = 256 * 1024;
/// Too little for any program: only the syntax is checked.
const SYNTAX_ONLY: usize = 1;

/// An expression with its place in the rules.
pub(super) struct Pattern<'a> {
    pub(super) pointer: Vec<String>,
    pub(super) text: &'a str,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(pointer: &[&str], text: &'a str) -> Self {
        Self { pointer: pointer.iter().map(|step| (*step).to_owned()).collect(), text }
    }

    fn fault(&self, message: impl Into<String>) -> RuleFault {
        RuleFault { pointer: self.pointer.clone(), message: message.into() }
    }

    /// What is wrong with its text, found without compiling it.
    fn syntax_fault(&self) -> Option<RuleFault> {
        if !has_length(self.text, 1, MAX_CHARS) {
            return Some(self.fault("must have 1 to 1,000 characters"));
        }
        match RegexBuilder::new(self.text).size_limit(SYNTAX_ONLY).build() {
            Err(Error::Syntax(words)) => {
                let why = words.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Some(self.fault(format!("must be a regular expression: {}", truncate(why, 300))))
            }
            _ => None,
        }
    }

    /// The expression, compiled.
    pub(super) fn compile(&self) -> Result<Regex, RuleFault> {
        let builder = &mut RegexBuilder::new(self.text);
        let built = builder.size_limit(MAX_BYTES).dfa_size_limit(CACHE_BYTES).build();
        built.map_err(|_| self.fault(TOO_LARGE))
    }
}

const TOO_LARGE: &str = "is too large when compiled: one expression may have 256 KiB, all of a spider 4 MiB; \
                         repeat less, or write `[a-z]` for `\\w`";

/// Everything that is wrong with these expressions, the size of all of them included. Cheap: no more is compiled than
/// all of them may have together.
pub(super) fn check(patterns: &[Pattern<'_>]) -> Vec<RuleFault> {
    let faults: Vec<RuleFault> = patterns.iter().filter_map(Pattern::syntax_fault).collect();
    if !faults.is_empty() || fits(patterns, MAX_BYTES_TOGETHER) {
        return faults;
    }
    // At least one has more than its share.
    let share = MAX_BYTES_TOGETHER / patterns.len().max(1);
    let large = patterns.iter().filter(|pattern| !fits(std::slice::from_ref(*pattern), share));
    let named: Vec<RuleFault> = large.map(|pattern| pattern.fault(TOO_LARGE)).collect();
    if !named.is_empty() {
        return named;
    }
    let longest = patterns.iter().max_by_key(|pattern| pattern.text.len());
    longest.map(|pattern| pattern.fault(TOO_LARGE)).into_iter().collect()
}

fn fits(patterns: &[Pattern<'_>], bytes: usize) -> bool {
    let texts = patterns.iter().map(|pattern| pattern.text);
    patterns.is_empty() || RegexSetBuilder::new(texts).size_limit(bytes).build().is_ok()
}

/// A list of expressions, of which any may match.
pub(super) fn compile_set(name: &str, texts: &[String]) -> Result<RegexSet, RuleFault> {
    let builder = &mut RegexSetBuilder::new(texts);
    let built = builder.size_limit(MAX_BYTES_TOGETHER).dfa_size_limit(2 * CACHE_BYTES).build();
    built.map_err(|_| RuleFault::new(&[name], TOO_LARGE))
}
