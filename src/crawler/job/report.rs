//! A row that a crawl reports: a listing as it was read, that it was seen, or that it is removed.

use url::Url;

use super::url_queue::PendingPage;
use crate::crawler::extract::{Listing, Origin};
use crate::domain::frontier::ListingKey;
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::origins::{FieldOrigin, Origins};
use crate::domain::properties::{PageVisit, Removal, ReportedRow};
use crate::protocol::property::PropertyInput;

/// A home that was read on a page, and where.
#[derive(Clone, Debug)]
pub(super) struct FoundHome {
    /// Its page in the frontier.
    pub(super) page_id: i64,
    /// The URL that was requested.
    pub(super) requested: Url,
    /// Where the page was in the end.
    pub(super) url: Url,
    /// Listings that are known to have this page.
    pub(super) known: Vec<ListingKey>,
    /// When the page was fetched, in microseconds since the epoch.
    pub(super) fetched_at: Option<i64>,
    pub(super) listing: Listing,
    pub(super) origin: HomeOrigin,
}

/// The page that a home was read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HomeOrigin {
    OwnPage,
    /// Its own, which was not read to its end: that it is another home's is not certain.
    CutPage,
    /// A list that has it as an entry.
    List,
}

impl FoundHome {
    pub(super) fn of(page: &PendingPage, url: &Url, listing: Listing, origin: HomeOrigin) -> Self {
        Self {
            page_id: page.entry.id,
            requested: page.url.clone(),
            url: url.clone(),
            known: page.entry.known.clone(),
            fetched_at: page.fetched_at,
            listing,
            origin,
        }
    }

    /// The address that the listing has as its own.
    pub(super) fn told_url(&self) -> Option<&str> {
        self.listing.property.source_url.as_deref()
    }
}

/// One reported row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) property: PropertyInput,
    pub(super) removal: Option<Removal>,
    /// Where the listing was read.
    pub(super) addresses: Vec<AddressHash>,
    /// The page in the frontier that told it, if that is the listing's own.
    pub(super) page_id: Option<i64>,
    /// Where on the page its fields were read.
    pub(super) origins: Origins,
    /// The visit that it was read from.
    pub(super) visit: Option<PageVisit>,
}

impl Report {
    pub(super) fn read(property: PropertyInput, addresses: Vec<AddressHash>) -> Self {
        Self { property, removal: None, addresses, page_id: None, origins: Origins::new(), visit: None }
    }

    /// It was read on this page, which is its own.
    pub(super) fn of_own_page(self, home: &FoundHome) -> Self {
        Self { page_id: Some(home.page_id), origins: origins_of(&home.listing), ..self }
    }

    /// It is an entry of a list.
    pub(super) fn of_entry(listing: Listing) -> Self {
        let origins = origins_of(&listing);
        Self { origins, ..Self::read(listing.property, Vec::new()) }
    }

    /// It was seen, and nothing was read of it that counts.
    pub(super) fn seen((source, listing_key): ListingKey) -> Self {
        Self::read(named(source, listing_key), Vec::new())
    }

    pub(super) fn removed((source, listing_key): ListingKey, removal: Removal) -> Self {
        let property = PropertyInput { removed: Some(true), ..named(source, listing_key) };
        Self { removal: Some(removal), ..Self::read(property, Vec::new()) }
    }

    pub(super) fn to_row(&self) -> ReportedRow {
        let (property, origins) = (Ok(self.property.clone()), self.origins.clone());
        ReportedRow { property, removal: self.removal, origins, visit: self.visit }
    }
}

fn named(source: String, listing_key: String) -> PropertyInput {
    PropertyInput { source: Some(source), listing_key: Some(listing_key), ..PropertyInput::default() }
}

fn origins_of(listing: &Listing) -> Origins {
    let origin = |(name, origin): (&String, &Origin)| {
        let fragment = origin.fragment.clone();
        (name.clone(), FieldOrigin { layer: origin.layer.into(), fragment })
    };
    listing.origins.iter().map(origin).collect()
}
