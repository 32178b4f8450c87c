//! The part of a page's budget that its rules may take. A costly rule ends the reading of rules and not that of the
//! page: the layers have their part all the same.

use std::cell::Cell;

use crate::crawler::budget::PageBudget;

/// Rules take at most one of so many parts of the steps that are left.
const PARTS: u64 = 2;

/// What the rules of one page may still cost.
#[derive(Debug)]
pub(super) struct RuleBudget<'a> {
    page: &'a PageBudget,
    /// The page's steps at which the part of the rules is used.
    most_steps: u64,
    is_over: Cell<bool>,
}

impl<'a> RuleBudget<'a> {
    pub(super) fn new(page: &'a PageBudget) -> Self {
        let used = page.used().steps;
        let left = page.allowed().steps.saturating_sub(used);
        Self { page, most_steps: used + left / PARTS, is_over: Cell::new(false) }
    }

    /// Counts `steps` of work. False when the part of the rules is used: the caller stops.
    pub(super) fn charge_steps(&self, steps: u64) -> bool {
        if !self.affords(steps) {
            self.is_over.set(true);
        }
        !self.is_over.get() && self.page.charge_steps(steps)
    }

    /// Counts `bytes` that are kept.
    pub(super) fn charge_bytes(&self, bytes: u64) -> bool {
        !self.is_over.get() && self.page.charge_bytes(bytes)
    }

    /// Whether so many steps are left. Nothing is counted.
    pub(super) fn affords(&self, steps: u64) -> bool {
        self.page.used().steps.saturating_add(steps) <= self.most_steps
    }

    /// Whether rules have to stop.
    pub(super) fn is_spent(&self) -> bool {
        self.is_over.get() || self.page.is_spent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_leave_half_of_what_is_left_to_the_page() {
        let page = PageBudget::for_page(0);
        let left = page.allowed().steps;
        let rules = RuleBudget::new(&page);

        assert!(rules.charge_steps(left / 2) && !rules.is_spent());
        assert!(!rules.charge_steps(1) && rules.is_spent());

        assert!(!page.is_spent() && page.charge_steps(left / 2));
    }

    #[test]
    fn what_cannot_be_afforded_costs_nothing() {
        let page = PageBudget::for_page(0);
        let rules = RuleBudget::new(&page);

        assert!(!rules.affords(u64::MAX));

        assert!(!rules.is_spent() && page.used().steps == 0);
    }
}
