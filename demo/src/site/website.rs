//! What every page of a site knows of it: its listings, its names and its address.

use crate::catalogue::Catalogue;

/// A site: its listings and its address.
pub(super) struct Site {
    pub(super) catalogue: Catalogue,
    /// `http://127.0.0.1:PORT`, no slash at the end.
    pub(super) origin: String,
}

impl Site {
    pub(super) fn name(&self) -> &'static str {
        match self.catalogue {
            Catalogue::LucasCounty(_) => "Lucas County Homes",
            Catalogue::Sacramento(_) => "Sacramento Homes",
        }
    }

    pub(super) fn area_name(&self) -> &'static str {
        match self.catalogue {
            Catalogue::LucasCounty(_) => "Lucas County, Ohio",
            Catalogue::Sacramento(_) => "the Sacramento area, California",
        }
    }

    /// The absolute address of `path`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}
