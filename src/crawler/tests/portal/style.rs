//! How the portal renders its homes, and what is odd about it.

/// Where the facts of a home stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    JsonLd,
    /// `__NEXT_DATA__`.
    Next,
    /// `__NUXT_DATA__`, a devalue array.
    Nuxt,
    Microdata,
    Rdfa,
    /// Visible text only.
    Html,
}

/// The id that the data of a home tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    Own,
    /// None: only its address names a home.
    Untold,
    /// The same for all homes.
    Agency,
}

/// The canonical address of a home's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canonical {
    /// The page itself; of every second home the English page names the German one.
    Good,
    /// An address that answers 404.
    Dead,
}

/// What every page but robots.txt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wall {
    Consent,
    Robot,
    /// Status 403 or 451.
    Status(u16),
}

/// The page for unknown addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoftPage {
    /// It says that the listing is no longer available.
    Said,
    /// It says nothing of a listing.
    Bare,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) style: Style,
    pub(super) ids: Ids,
    pub(super) canonical: Canonical,
    /// Whether each home has a page in English, too.
    pub(super) has_english: bool,
    /// Which neighbours a page shows: those after so many others.
    pub(super) carousel_shift: usize,
    /// How much less than a home's price the teasers of it tell.
    pub(super) stale_by: u32,
    pub(super) soft_page: SoftPage,
    pub(super) wall: Option<Wall>,
    /// Whether there is what keeps a crawler from the homes.
    pub(super) has_detours: bool,
}

impl Look {
    pub(super) fn of(style: Style) -> Self {
        Self {
            style,
            ids: Ids::Own,
            canonical: Canonical::Good,
            has_english: true,
            carousel_shift: 0,
            stale_by: 0,
            soft_page: SoftPage::Said,
            wall: None,
            has_detours: false,
        }
    }
}
