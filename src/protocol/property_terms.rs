//! The closed sets of words in a property, each with one name on the wire and in the store.

use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have these names.
macro_rules! terms {
    ($($(#[$of:meta])* $name:ident { $($(#[$meta:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize)]
        #[oai(rename_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$meta])* $variant,)*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire and in the store.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Parses the name; `None` when it is none of these.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|term| term.name() == text)
            }
        }
    )*};
}

terms! {
    /// Whether the home is for sale or to let.
    ListingType {
        Sale = "sale",
        Lease = "lease",
    }

    /// What the rent is paid for.
    RentalPeriod {
        Month = "month",
        Week = "week",
        Day = "day",
        Year = "year",
    }

    /// What a file of a listing shows.
    MediaKind {
        Photo = "photo",
        FloorPlan = "floor_plan",
        Video = "video",
        /// A walk through the home, such as a 360° tour.
        Tour = "tour",
        Document = "document",
    }

    /// Why a property was removed.
    RemovalReason {
        /// The address of the listing answers 404 or 410.
        Gone = "gone",
        /// The page says that the listing is no longer there, and said so twice.
        SoftGone = "soft_gone",
        /// The address of the listing leads to another page.
        Moved = "moved",
        /// It is the same home as another property of the source, `same_as`, which stays.
        Duplicate = "duplicate",
        /// The address never was the page of one home.
        NotAListing = "not_a_listing",
        /// A worker reported it with `removed`.
        Worker = "worker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_has_one_name_on_the_wire_and_in_the_store() {
        macro_rules! check {
            ($($name:ident)*) => {$(
                for term in $name::ALL {
                    assert_eq!(serde_json::to_value(term).unwrap(), term.name());
                    assert_eq!($name::parse(term.name()), Some(*term));
                }
                assert_eq!($name::parse("other"), None);
            )*};
        }
        check!(ListingType RentalPeriod MediaKind RemovalReason);
    }
}
