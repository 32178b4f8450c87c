//! Values that a spider's rules state for pages that tell none. They never stand in the place of what a page tells.

use super::super::draft::Draft;
use super::super::extraction::{Layer, Origin};
use super::super::place_country::implied_country;
use super::super::values::CurrencyHint;
use crate::protocol::property::Address;
use crate::protocol::spider_rules::SpiderConstants;

const COUNTRY: &str = "constants.country";
const CURRENCY: &str = "constants.currency";
const LISTING_TYPE: &str = "constants.listing_type";
/// The country's place in [`Draft::origins`].
const COUNTRY_NAME: &str = "address.country";

fn origin(fragment: &str) -> Origin {
    Origin { layer: Layer::Rule, fragment: fragment.to_owned() }
}

/// Sets the country of an address that has none, unless its postal code is that of another country.
pub(in crate::crawler::extract) fn set_country(draft: &mut Draft, constants: &SpiderConstants) {
    let Some(country) = &constants.country else { return };
    let mut address = draft.property.address.take().unwrap_or_default();
    let is_other = implied_country(&address).is_some_and(|implied| implied != country);
    if address.country.is_none() && !is_other {
        address.country = Some(country.clone());
        draft.origins.insert(COUNTRY_NAME, origin(COUNTRY));
    }
    draft.property.address = Some(address).filter(|address| *address != Address::default());
}

/// Takes the country out, if it is the constant one: the currency of a page's prices is looked for without it first.
pub(in crate::crawler::extract) fn take_country(draft: &mut Draft) -> Option<String> {
    let is_constant = draft.origins.get(COUNTRY_NAME) == Some(&origin(COUNTRY));
    draft.property.address.as_mut().filter(|_| is_constant)?.country.take()
}

/// Puts what was taken back.
pub(in crate::crawler::extract) fn put_country_back(draft: &mut Draft, country: Option<String>) {
    if let (Some(address), Some(country)) = (&mut draft.property.address, country) {
        address.country = Some(country);
    }
}

/// The currency for prices that have none, with its origin. Beside a sign that several currencies share it has to be
/// one of them.
pub(in crate::crawler::extract) fn constant_currency(
    draft: &Draft,
    constants: &SpiderConstants,
) -> Option<(String, Origin)> {
    let code = constants.currency.as_ref()?;
    let fits = match draft.currency {
        CurrencyHint::None => true,
        sign => sign.may_mean(code),
    };
    fits.then(|| (code.clone(), origin(CURRENCY)))
}

/// Sets whether the home is for sale or to let, where nothing says it.
pub(in crate::crawler::extract) fn set_listing_type(draft: &mut Draft, constants: &SpiderConstants) {
    if draft.property.listing_type.is_none() && constants.listing_type.is_some() {
        draft.property.listing_type = constants.listing_type;
        draft.origins.insert("listing_type", origin(LISTING_TYPE));
    }
}
