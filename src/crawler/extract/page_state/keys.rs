//! What the keys of page state say of the values below them, and what the names of single fields mean.

use super::super::field::Field;
use super::super::vocabulary::{field_for_key, fold_key};
use super::classes::{KeyClass, class};
use crate::base::text::truncate;

/// Bytes of a key that are looked at.
const MAX_KEY: usize = 60;
/// Words in front of a field's name: `propertyPrice`, `listing_bedrooms`.
const PREFIXES: [&str; 12] = [
    "property",
    "listing",
    "home",
    "house",
    "product",
    "estate",
    "realestate",
    "objekt",
    "object",
    "immobilie",
    "item",
    "ad",
];

/// What a key means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) field: Option<Field>,
    /// Of a key that holds an object or a list.
    pub(super) class: Option<KeyClass>,
}

/// The key without the arguments that caches add to it: `listing({"id":1})`, `listing:{"id":1}`.
pub(super) fn key_name(key: &str) -> &str {
    let key = truncate(key, MAX_KEY);
    key.split(['(', '{']).next().unwrap_or_default().trim_end_matches(':')
}

/// What `key` means; `holds_values` when an object or a list is below it.
pub(super) fn meaning(key: &str, holds_values: bool) -> Meaning {
    let name = key_name(key);
    let folded = fold_key(name);
    let field = field_for_key(&folded).or_else(|| field_behind_prefix(&folded));
    Meaning { field, class: if holds_values { class(&folded, name) } else { None } }
}

/// Keys and texts about the object itself keep their prefix: `propertyId` is listed, `listingState` means nothing.
fn field_behind_prefix(folded: &str) -> Option<Field> {
    use Field::*;
    let rest = PREFIXES.iter().find_map(|prefix| folded.strip_prefix(prefix))?;
    field_for_key(rest).filter(|field| {
        matches!(
            field,
            ListPrice
                | Currency
                | Bedrooms
                | Rooms
                | Baths
                | FullBaths
                | HalfBaths
                | LivingArea(_)
                | LotSize(_)
                | YearBuilt
                | City
                | PostalCode
                | Street
                | Latitude
                | Longitude
                | EnergyRating
        )
    })
}

/// Fields of keys that mean a place only inside of one.
pub(super) fn place_field(key: &str) -> Option<Field> {
    Some(match fold_key(key_name(key)).as_str() {
        "number" | "nr" | "no" | "num" => Field::HouseNumber,
        "ort" => Field::City,
        "cap" | "code" | "pc" => Field::PostalCode,
        "via" => Field::Street,
        "land" => Field::Country,
        "lan" | "uf" | "county" => Field::State,
        "formatted" | "display" | "text" | "fulltext" | "displaytext" => Field::Unparsed,
        _ => return None,
    })
}

/// The status that a flag with this name means when it is set.
pub(super) fn flag_status(key: &str) -> Option<&'static str> {
    Some(match fold_key(key_name(key)).as_str() {
        "isunderoffer" | "underoffer" => "under offer",
        "isundercontract" | "undercontract" => "under contract",
        "issaleagreed" | "saleagreed" => "sale agreed",
        "issoldstc" | "soldstc" => "sold stc",
        "ispending" => "pending",
        "isreserved" | "reserved" | "reserviert" | "reservado" => "reserved",
        "isrented" | "rented" | "vermietet" | "islet" => "rented",
        "isletagreed" | "letagreed" => "let agreed",
        "isoffmarket" => "off market",
        "iscomingsoon" => "coming soon",
        _ => return None,
    })
}

/// Whether the home is for sale or to let, by a flag with this name that is set, or a price under this key.
pub(super) fn listing_type_word(key: &str) -> Option<&'static str> {
    Some(match fold_key(key_name(key)).as_str() {
        "isforsale" | "forsale" | "issale" | "sale" | "buy" | "purchase" | "kaufpreis" | "verkaufspreis"
        | "prixvente" | "prixdevente" | "precioventa" | "preciodeventa" | "prezzovendita" | "precovenda"
        | "valorvenda" | "koopprijs" => "for sale",
        "isforrent" | "forrent" | "isrental" | "isrent" | "isforlease" | "rental" | "lease" => "for rent",
        name if is_rent_name(name) => "for rent",
        _ => return None,
    })
}

/// Whether a price under this key is a rent. A price of its own kind is taken before it.
pub(super) fn is_rent(key: &str) -> bool {
    is_rent_name(&fold_key(key_name(key)))
}

fn is_rent_name(folded: &str) -> bool {
    matches!(
        folded,
        "rent"
            | "monthlyrent"
            | "rentprice"
            | "rentalprice"
            | "rentamount"
            | "leaseprice"
            | "rentpermonth"
            | "kaltmiete"
            | "nettomiete"
            | "nettokaltmiete"
            | "grundmiete"
            | "miete"
            | "mietpreis"
            | "loyer"
            | "loyermensuel"
            | "alquiler"
            | "precioalquiler"
            | "affitto"
            | "canone"
            | "aluguel"
            | "aluguer"
            | "precoaluguel"
            | "huurprijs"
            | "huur"
            | "czynsz"
            | "hyra"
            | "manadshyra"
    ) || is_total_rent(folded)
}

/// Rents that include heating or charges come after those that do not.
fn is_total_rent(folded: &str) -> bool {
    matches!(folded, "warmmiete" | "gesamtmiete" | "bruttomiete")
}

/// The order in which prices under these keys are taken.
pub(super) fn price_rank(key: &str) -> u8 {
    let folded = fold_key(key_name(key));
    u8::from(is_rent_name(&folded)) + u8::from(is_total_rent(&folded))
}

/// Whether a rent under this key is paid by the month.
pub(super) fn is_monthly(key: &str) -> bool {
    matches!(
        fold_key(key_name(key)).as_str(),
        "monthlyrent"
            | "rentpermonth"
            | "loyermensuel"
            | "manadshyra"
            | "kaltmiete"
            | "nettokaltmiete"
            | "warmmiete"
    )
}

/// Whether a text under this key is a badge on the home.
pub(super) fn is_badge(key: &str) -> bool {
    matches!(
        fold_key(key_name(key)).as_str(),
        "badge" | "statusbadge" | "flag" | "flagtext" | "ribbon" | "banner" | "label" | "tag" | "etiqueta"
    )
}

/// Whether this is how the object itself is named.
pub(super) fn is_own_key(field: Option<Field>) -> bool {
    matches!(field, Some(Field::Key(_)))
}

/// Whether this names the object or its page, and says nothing of a home.
pub(super) fn is_name(field: Field) -> bool {
    matches!(
        field,
        Field::Key(_) | Field::Url | Field::Name | Field::Description | Field::Media(_) | Field::Status
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_behind_a_prefix() {
        assert_eq!(meaning("property_price", false).field, Some(Field::ListPrice));
        assert_eq!(meaning("listingBedrooms", false).field, Some(Field::Bedrooms));
        assert_eq!(meaning("listingState", false).field, None);
        assert_eq!(meaning("propertyName", false).field, None);
    }

    #[test]
    fn classes_are_for_values_that_hold_others() {
        assert_eq!(meaning("price", false).class, None);
        assert_eq!(meaning("price", true).class, Some(KeyClass::Price));
        assert_eq!(key_name("listing:{\"id\":\"1\"}"), "listing");
    }
}
