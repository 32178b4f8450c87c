//! The offers of a listing. Of several offers for one home the first that is to be had is taken; offers for several
//! homes are listings of their own.

use super::super::values::Object;
use super::super::vocabulary::{local_name, normalize_key};
use super::draft_builder::DraftBuilder;
use super::gather::PartOf;
use super::kinds::{self, Kind};
use super::parts::Part;
use super::prices::{PriceFacts, PriceRole};
use super::properties;
use super::reader::Reader;

/// Price specifications of one offer that are looked at.
const MAX_SPECIFICATIONS: usize = 20;
/// Bytes of an availability that are looked at.
const MAX_AVAILABILITY_BYTES: usize = 200;

/// What speaks against an offer, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Objections {
    /// It sells what is let, or lets what is sold.
    is_other_business: bool,
    is_gone: bool,
    has_no_price: bool,
}

impl<'a> Reader<'a> {
    /// Sets the prices of an object and those of its offers.
    pub(super) fn gather_prices(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        prices: &PriceFacts<'a>,
        parts: &[PartOf<'a>],
        depth: usize,
        role: &'a str,
    ) {
        builder.offer_count = builder.offer_count.max(prices.offer_count());
        let is_range = prices.is_range();
        if !is_range {
            self.set_prices(builder, prices, role);
        }
        for (_, name, value) in parts.iter().copied().filter(|(part, ..)| *part == Part::Offers) {
            let offers = self.objects(value);
            // A range over several offers says more than the first of them.
            let takes_one = !is_range || offers.len() == 1;
            self.gather_offers(builder, offers, depth, name, takes_one);
        }
        if is_range {
            self.set_prices(builder, prices, role);
        }
    }

    fn gather_offers(
        &mut self,
        builder: &mut DraftBuilder<'a>,
        offers: Vec<&'a Object>,
        depth: usize,
        role: &'a str,
        takes_one: bool,
    ) {
        if self.describe_several_homes(builder, &offers) {
            return self.listed(|reader| {
                offers.into_iter().for_each(|offer| reader.visit_object(offer, depth + 1));
            });
        }
        let is_offer = |offer: &&Object| !matches!(self.kind(offer), Kind::Foreign | Kind::List);
        let offers: Vec<_> = offers.into_iter().filter(is_offer).collect();
        let taken = (0..offers.len()).min_by_key(|at| self.objections(builder, offers[*at]));
        if let Some(taken) = taken.filter(|_| takes_one) {
            self.gather(builder, offers[taken], depth + 1, role);
        }
        // The home may be named by another offer than the one that is taken.
        for offer in offers {
            self.gather_offered(builder, offer, depth);
        }
    }

    /// Gathers the home of an offer, if that was not done.
    fn gather_offered(&mut self, builder: &mut DraftBuilder<'a>, offer: &'a Object, depth: usize) {
        if builder.things.contains(&kinds::pointer_of(offer)) {
            return;
        }
        for (name, value) in offer {
            let Some(key) = self.key(name) else { return };
            if key == "itemoffered" {
                self.gather_things(builder, value, depth + 1, local_name(name));
            }
        }
    }

    fn objections(&self, builder: &DraftBuilder<'a>, offer: &'a Object) -> Objections {
        let mut business = kinds::business(offer);
        let mut objections = Objections { is_other_business: false, is_gone: false, has_no_price: true };
        for (name, value) in offer {
            let Some(key) = self.key(name) else { break };
            match key.as_str() {
                "price" | "lowprice" | "highprice" | "pricespecification" => objections.has_no_price = false,
                "businessfunction" => business = business.or(properties::business(value)),
                "availability" => {
                    let text = value.as_str().filter(|text| text.len() <= MAX_AVAILABILITY_BYTES);
                    let word = text.map(|text| normalize_key(local_name(text)));
                    objections.is_gone =
                        matches!(word.as_deref(), Some("soldout" | "outofstock" | "discontinued"));
                }
                _ => {}
            }
        }
        objections.is_other_business = builder.business.zip(business).is_some_and(|(own, of)| own != of);
        objections
    }

    fn set_prices(&self, builder: &mut DraftBuilder<'a>, prices: &PriceFacts<'a>, role: &str) {
        let source = self.source(role);
        let draft = &mut builder.draft;
        match prices.role(source) {
            PriceRole::Current | PriceRole::Listed => prices.set(draft, None, source),
            PriceRole::Original => prices.set_original(draft, source),
            PriceRole::PerArea => {}
        }
        let source = self.source("priceSpecification");
        let specifications = prices.specification.map(|value| self.objects(value)).unwrap_or_default();
        let mut listed = None;
        for specification in specifications.into_iter().take(MAX_SPECIFICATIONS) {
            let facts = self.price_facts(specification);
            match facts.role(source) {
                PriceRole::Current => facts.set(draft, prices.currency, source),
                PriceRole::Listed => listed = listed.or(Some(facts)),
                PriceRole::Original => facts.set_original(draft, source),
                PriceRole::PerArea => {}
            }
        }
        if let Some(facts) = listed {
            facts.set(draft, prices.currency, source);
        }
        builder.currency = builder.currency.or(prices.currency);
    }

    fn price_facts(&self, object: &'a Object) -> PriceFacts<'a> {
        let mut facts = PriceFacts::default();
        for (name, value) in object {
            let Some(key) = self.key(name) else { break };
            facts.take(&key, value);
        }
        facts
    }
}
