//! Reads the values of facts: prices, areas, rooms, times, coordinates, statuses and types, as people and machines
//! write them. Pure functions over short text or one JSON value. What is not understood is absent.

mod entities;
mod fold;
mod text;

mod magnitude;
mod number;

mod address_text;
mod address_words;
mod area;
mod area_units;
mod coordinates;
mod country;
mod country_names;
mod currency;
mod currency_signs;
mod keys;
mod listing_type;
mod on_request;
mod path_words;
mod price;
mod price_candidates;
mod price_tokens;
mod price_value;
mod price_words;
mod property_type;
mod region_words;
mod room_words;
mod rooms;
mod status;
mod time;

pub(super) use address_text::{AddressText, address_text, is_street};
pub(super) use address_words::is_english_street_end;
pub(super) use area::{area_unit, area_value};
pub(super) use coordinates::{degrees, lat_lon};
pub(super) use country::{country_code, only_currency_of};
pub(super) use currency::{CurrencyHint, currency_code, currency_hint, shows_currency};
pub(super) use entities::decode;
pub(super) use keys::is_placeholder_key;
pub(super) use listing_type::{listing_type, rental_period};
pub(super) use path_words::listing_types_in_path;
pub(super) use price::{Amount, PriceText, price_text, prices_in};
pub(super) use price_value::{is_pointed, price_value, price_value_in};
pub(super) use property_type::{is_home_type, property_type, residence_type, type_specificity};
pub(super) use region_words::{is_district, is_region};
pub(super) use rooms::{baths_value, count_value, rooms_text, whole_value};
pub(super) use status::status;
pub(super) use text::{Object, text};
pub(super) use time::time_value;
