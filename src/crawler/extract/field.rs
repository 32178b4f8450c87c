//! The facts of a listing that the data of sites may hold.

use crate::protocol::property::MediaKind;

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
    Hectares,
}

impl AreaUnit {
    /// The unit in RESO's words.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::SquareFeet => Some("Square Feet"),
            Self::SquareMeters => Some("Square Meters"),
            Self::Acres => Some("Acres"),
            Self::Hectares => Some("Hectares"),
        }
    }
}

/// A fact in the data of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Key(KeyRank),
    Url,
    Name,
    Description,
    ListPrice,
    PriceLow,
    PriceHigh,
    OriginalListPrice,
    ClosePrice,
    Currency,
    Status,
    /// A boolean that says that the home is sold.
    SoldFlag,
    ListingType,
    RentalPeriod,
    PropertyType,
    Bedrooms,
    /// All rooms, which are not bedrooms.
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
    /// Both in one value: `52.5,13.4`, a link to a map, an object, a GeoJSON Point.
    LatLon,
    Unparsed,
    Street,
    HouseNumber,
    City,
    State,
    PostalCode,
    Country,
    Media(MediaKind),
    OfficeName,
    AgentName,
    EnergyRating,
    Parking,
    Tenure,
}

impl Field {
    /// Whether this is part of a location.
    pub(super) fn is_location(self) -> bool {
        use Field::*;
        matches!(
            self,
            Latitude
                | Longitude
                | LatLon
                | Unparsed
                | Street
                | HouseNumber
                | City
                | State
                | PostalCode
                | Country
        )
    }

    /// Whether this describes a home, rather than naming the page or the object.
    pub(super) fn is_home_fact(self) -> bool {
        !matches!(self, Self::Key(KeyRank::Any) | Self::Url | Self::Name | Self::Description | Self::Media(_))
    }
}
