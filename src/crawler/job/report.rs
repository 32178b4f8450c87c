//! A row that a crawl reports: a listing as it was read, that it was seen, or that it is removed.

use url::Url;

use super::url_queue::PendingPage;
use crate::crawler::extract::Listing;
use crate::domain::frontier::ListingKey;
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::{Removal, ReportedRow};
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
}

impl Report {
    pub(super) fn read(property: PropertyInput, addresses: Vec<AddressHash>) -> Self {
        Self { property, removal: None, addresses }
    }

    /// It was seen, and nothing was read of it that counts.
    pub(super) fn seen((source, listing_key): ListingKey) -> Self {
        Self::read(named(source, listing_key), Vec::new())
    }

    pub(super) fn removed((source, listing_key): ListingKey, removal: Removal) -> Self {
        let property = PropertyInput { removed: Some(true), ..named(source, listing_key) };
        Self { property, removal: Some(removal), addresses: Vec::new() }
    }

    pub(super) fn to_row(&self) -> ReportedRow {
        ReportedRow { property: Ok(self.property.clone()), removal: self.removal }
    }
}

fn named(source: String, listing_key: String) -> PropertyInput {
    PropertyInput { source: Some(source), listing_key: Some(listing_key), ..PropertyInput::default() }
}
