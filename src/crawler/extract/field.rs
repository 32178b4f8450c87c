//! The facts of a listing that data of sites may hold.

/// How reliably a key identifies the listing. The most reliable one that an object has is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyRank {
    Any,
    Property,
    Mls,
    Listing,
}

/// The unit that an area's key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AreaUnit {
    Unknown,
    SquareFeet,
    SquareMeters,
    Acres,
}

/// A fact in the data of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Key(KeyRank),
    Url,
    Name,
    Description,
    ListPrice,
    OriginalListPrice,
    ClosePrice,
    Currency,
    Status,
    PropertyType,
    Bedrooms,
    Rooms,
    Baths,
    FullBaths,
    HalfBaths,
    LivingArea(AreaUnit),
    LivingAreaUnits,
    LotSize(AreaUnit),
    LotSizeUnits,
    YearBuilt,
    Stories,
    ListedAt,
    ClosedAt,
    Latitude,
    Longitude,
    Unparsed,
    Street,
    City,
    State,
    PostalCode,
    Country,
}

impl Field {
    /// Whether this is part of a location.
    pub(super) fn is_location(self) -> bool {
        use Field::*;
        matches!(self, Latitude | Longitude | Unparsed | Street | City | State | PostalCode | Country)
    }

    /// Whether this describes a home, rather than naming the page or the object.
    pub(super) fn is_home_fact(self) -> bool {
        !matches!(self, Self::Key(KeyRank::Any) | Self::Url | Self::Name | Self::Description)
    }
}
