//! Applies a rule's regular expression to a text. Matching is linear in the text, and in the pattern with its counted
//! repetitions written out: both are charged.

use regex::Regex;

use super::budget::RuleBudget;

/// Repetitions beyond this cost no more: the size of a compiled pattern is bounded.
const MAX_WEIGHT: u64 = 20_000;
/// Weight that is matched against one byte in one step.
const WEIGHT_PER_STEP: u64 = 16;

/// What the first group of the first match holds, or the whole match without a group. `None` for no match, an empty
/// one, and a spent budget.
pub(super) fn captured(pattern: &Regex, text: &str, budget: &RuleBudget<'_>) -> Option<String> {
    let steps = 1 + (text.len() as u64).saturating_mul(weight(pattern.as_str())) / WEIGHT_PER_STEP;
    if !budget.charge_steps(steps) {
        return None;
    }
    let found = pattern.captures(text)?;
    let part = found.iter().skip(1).flatten().next().or_else(|| found.get(0))?.as_str().trim();
    (!part.is_empty() && budget.charge_bytes(part.len() as u64)).then(|| part.to_owned())
}

/// How much there is of a pattern: its length, what single elements repeat, and that times what groups repeat.
fn weight(pattern: &str) -> u64 {
    let (mut length, mut repeats) = (pattern.len() as u64, 1_u64);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let is_group = rest[..open].ends_with(')');
        rest = &rest[open + 1..];
        let counts = rest.split('}').next().unwrap_or_default();
        let most = counts.split(',').filter_map(|count| count.trim().parse::<u64>().ok()).max();
        let most = most.unwrap_or(1).clamp(1, MAX_WEIGHT);
        if is_group {
            repeats = repeats.saturating_mul(most);
        } else {
            length = length.saturating_add(most);
        }
    }
    length.saturating_mul(repeats).min(MAX_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    fn found(pattern: &str, text: &str) -> Option<String> {
        let page = PageBudget::for_page(text.len());
        captured(&Regex::new(pattern).unwrap(), text, &RuleBudget::new(&page))
    }

    #[test]
    fn the_first_group_counts_or_else_the_whole_match() {
        assert_eq!(found(r"Ref: (\w+)", "Ref: A7, Ref: B8").as_deref(), Some("A7"));
        assert_eq!(found(r"\d+ m²", "about 120 m² in all").as_deref(), Some("120 m²"));
        assert_eq!(found(r"(?:Ref|Id): (?:(\d+)|([A-Z]+))", "Id: AB").as_deref(), Some("AB"));
        assert_eq!(found(r"Ref: (\w*)", "Ref: "), None);
        assert_eq!(found(r"Ref", "none"), None);
    }

    #[test]
    fn repetitions_of_groups_multiply() {
        assert_eq!(weight(r"\d{4}-\d{2}"), 11 + 4 + 2);
        assert_eq!(weight(r"(\d{100}){100}"), (14 + 100) * 100);
        assert_eq!(weight(&"(a{1000}){1000}".repeat(5)), MAX_WEIGHT);
        assert_eq!(weight(r"a{x}"), 5);
    }

    #[test]
    fn a_heavy_pattern_on_a_long_text_is_not_matched() {
        let page = PageBudget::for_page(0);
        let budget = RuleBudget::new(&page);
        let heavy = Regex::new(r"(?-u)(?:[a-z]{20}){40}[0-9]").unwrap();

        assert_eq!(captured(&heavy, &"ab".repeat(200_000), &budget), None);

        assert!(budget.is_spent() && !page.is_spent());
    }
}
