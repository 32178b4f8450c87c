//! What the reader knows of an element: in which region of the page it is, and what its name and classes say. A set of
//! flags in one number.

/// A set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u32);

impl Marks {
    pub(super) const NONE: Self = Self(0);

    // Regions: what is in such an element has the mark as well.
    pub(super) const NAV: Self = Self(1);
    pub(super) const FOOTER: Self = Self(1 << 1);
    /// A sidebar. It often holds the price of the home, and as often something else.
    pub(super) const ASIDE: Self = Self(1 << 2);
    /// A form, a filter, a dialog, a button.
    pub(super) const FORM: Self = Self(1 << 3);
    /// A section of similar or nearby homes.
    pub(super) const SIMILAR: Self = Self(1 << 4);
    /// Mortgages and monthly payments.
    pub(super) const CALCULATOR: Self = Self(1 << 5);
    /// Former prices and sales.
    pub(super) const HISTORY: Self = Self(1 << 6);
    /// One of several like blocks, each with a link to another page.
    pub(super) const CARD: Self = Self(1 << 7);
    /// Text that is struck out.
    pub(super) const STRUCK: Self = Self(1 << 8);
    /// Inside of a link to another page.
    pub(super) const LINK: Self = Self(1 << 9);
    /// A question about cookies.
    pub(super) const CONSENT: Self = Self(1 << 10);
    /// Who offers the home: names and addresses in it are not the home's.
    pub(super) const AGENT: Self = Self(1 << 11);

    // What the element's own classes say.
    pub(super) const PRICE: Self = Self(1 << 12);
    pub(super) const BADGE: Self = Self(1 << 13);
    pub(super) const ALERT: Self = Self(1 << 14);
    pub(super) const HEADING: Self = Self(1 << 15);
    pub(super) const LARGE: Self = Self(1 << 16);
    pub(super) const OLD: Self = Self(1 << 17);
    /// An amount that is no price of a home: a fee, a price of a square metre.
    pub(super) const OTHER_AMOUNT: Self = Self(1 << 18);
    pub(super) const HIDDEN: Self = Self(1 << 19);

    /// A block that leads to the page of another home, also where it is the only one. Handed down where it is found.
    pub(super) const TEASER: Self = Self(1 << 20);

    /// The marks that an element hands down.
    pub(super) const REGIONS: Self = Self((1 << 12) - 1);
    /// Regions of which nothing is a fact of the page's home.
    pub(super) const NOT_OWN: Self = Self(
        Self::NAV.0
            | Self::FOOTER.0
            | Self::FORM.0
            | Self::SIMILAR.0
            | Self::CALCULATOR.0
            | Self::HISTORY.0
            | Self::CARD.0
            | Self::STRUCK.0
            | Self::CONSENT.0
            | Self::TEASER.0,
    );
    /// Regions that the main part of a page cannot be: an element that holds it is none, whatever its classes say.
    pub(super) const SIDE: Self = Self(
        Self::NAV.0
            | Self::FOOTER.0
            | Self::ASIDE.0
            | Self::FORM.0
            | Self::SIMILAR.0
            | Self::CALCULATOR.0
            | Self::HISTORY.0
            | Self::CONSENT.0
            | Self::AGENT.0,
    );

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether any mark of `other` is in this set.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_handed_down_and_words_are_not() {
        let marks = Marks::NAV.with(Marks::PRICE).with(Marks::CARD);

        assert_eq!(marks.only(Marks::REGIONS), Marks::NAV.with(Marks::CARD));
        assert!(marks.has(Marks::NOT_OWN) && marks.has(Marks::PRICE) && !marks.has(Marks::BADGE));
        assert_eq!(marks.without(Marks::NAV.with(Marks::CARD)), Marks::PRICE);
    }
}
