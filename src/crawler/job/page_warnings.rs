//! Warnings about pages in a job's log: the first of each kind with their addresses, the rest as a number. Pure.

use std::fmt::Display;

/// Lines of each kind.
const MAX_LINES: usize = 20;

/// What may be wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageWarning {
    /// It has a price and rooms like a listing, and none was read.
    LooksLikeListing,
    /// It asks for consent, a log-in or proof of being human.
    Wall,
    /// A key was told of several homes.
    SharedKey,
    /// A JSON document names the next one by a token.
    NextToken,
}

impl PageWarning {
    const ALL: [Self; 4] = [Self::LooksLikeListing, Self::Wall, Self::SharedKey, Self::NextToken];

    const fn words(self) -> &'static str {
        match self {
            Self::LooksLikeListing => "it looks like a listing, and none could be read",
            Self::Wall => {
                "it asks for consent, a log-in or proof of being human, which says nothing about a listing"
            }
            Self::NextToken => "its next part is named by a token, which is no address and is not followed",
            Self::SharedKey => "the site tells this key of several homes; their addresses are used instead",
        }
    }
}

/// How many warnings of each kind there were.
#[derive(Default)]
pub(super) struct PageWarnings([usize; PageWarning::ALL.len()]);

impl PageWarnings {
    /// The line about `subject`, the address of a page or a key; none when there were enough.
    pub(super) fn line(&mut self, warning: PageWarning, subject: impl Display) -> Option<String> {
        let count = &mut self.0[warning as usize];
        *count += 1;
        (*count <= MAX_LINES).then(|| format!("{subject}: {}", warning.words()))
    }

    /// A line for each kind that had more.
    pub(super) fn rest(&self) -> Vec<String> {
        let more = |warning: PageWarning| {
            let more = self.0[warning as usize].saturating_sub(MAX_LINES);
            (more > 0).then(|| format!("{more} more: {}", warning.words()))
        };
        PageWarning::ALL.into_iter().filter_map(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_lines_are_written_and_the_rest_is_counted() {
        let mut warnings = PageWarnings::default();
        let written = (0..50).filter_map(|page| warnings.line(PageWarning::LooksLikeListing, page)).count();
        let wall = warnings.line(PageWarning::Wall, "https://a.example/1");

        assert_eq!(written, 20);
        assert!(wall.unwrap().starts_with("https://a.example/1: it asks for consent"));
        assert_eq!(warnings.rest(), ["30 more: it looks like a listing, and none could be read"]);
    }
}
