//! Prices of a home in objects and lists: `{"amount", "currency"}`, `{"sale": {"price"}}`, `[{"type": "sale", …}]`.

use serde_json::Value;

use super::super::field::Field;
use super::super::values::{self, Object};
use super::super::vocabulary::fold_key;
use super::home::{Entry, Home};
use super::keys;

/// How deep a price nests, and the prices of a list that are looked at.
const MAX_DEPTH: usize = 4;
const MAX_PRICES: usize = 8;
/// Steps of a price: all keys that it may have are looked up.
const PRICE_STEPS: u64 = 100;
/// Entries of an object of prices.
const MAX_ENTRIES: usize = 60;
/// Keys below which the price is, best first.
const PRICE_KEYS: [&str; 32] = [
    "price",
    "value",
    "amount",
    "raw",
    "rawvalue",
    "mainvalue",
    "primaryprice",
    "primary",
    "main",
    "currentprice",
    "current",
    "askingprice",
    "asking",
    "listprice",
    "list",
    "saleprice",
    "sale",
    "buy",
    "purchase",
    "purchaseprice",
    "sellingprice",
    "guideprice",
    "total",
    "totalprice",
    "formattedprice",
    "formattedvalue",
    "formatted",
    "displayprice",
    "display",
    "text",
    "pricelabel",
    "default",
];
/// The same for rents, which count where the home has no other price.
const RENT_KEYS: [&str; 12] = [
    "rent",
    "rental",
    "lease",
    "monthlyrent",
    "rentprice",
    "monthly",
    "permonth",
    "baserent",
    "netrent",
    "kaltmiete",
    "monthlyprice",
    "month",
];
/// Parts of a type or a label that mean another amount than the price of the home.
const OTHER_AMOUNTS: [&str; 22] = [
    "persq",
    "sqm",
    "sqft",
    "squaremet",
    "squarefoot",
    "perm2",
    "fee",
    "deposit",
    "tax",
    "hoa",
    "old",
    "previous",
    "original",
    "was",
    "estimate",
    "average",
    "mortgage",
    "charge",
    "commission",
    "service",
    "kaution",
    "maintenance",
];

impl<'v> Home<'v> {
    /// Sets the price of a key that means one.
    pub(super) fn set_price(&mut self, value: &'v Value, key: &str) {
        let had_price = self.draft.has_price();
        self.set_value(Field::ListPrice, value, key);
        if had_price || !self.draft.has_price() {
            return;
        }
        if let Some(word) = keys::listing_type_word(key) {
            self.set(Field::ListingType, &Value::from(word), key);
        }
        if keys::is_rent(key) && keys::is_monthly(key) {
            self.set(Field::RentalPeriod, &Value::from("per month"), key);
        }
    }

    /// Adds a price that is an object or a list.
    pub(super) fn gather_price(&mut self, value: &'v Value, key: &str, depth: usize) {
        if depth >= MAX_DEPTH || !self.scope.budget.charge_steps(PRICE_STEPS) {
            return;
        }
        match value {
            Value::String(_) | Value::Number(_) => self.set_price(value, key),
            Value::Array(values) => self.gather_prices(values, key, depth),
            Value::Object(object) => self.gather_price_object(value, object, key, depth),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn gather_price_object(&mut self, value: &'v Value, object: &'v Object, key: &str, depth: usize) {
        if object.len() > MAX_ENTRIES {
            return;
        }
        let entries = self.scope.entries(object);
        let had_price = self.draft.has_price();
        if !had_price {
            self.set_whole_price(value, key);
        }
        self.set_terms(&entries, key);
        let named: Vec<_> =
            entries.iter().map(|entry| (fold_key(keys::key_name(entry.key)), entry)).collect();
        for wanted in PRICE_KEYS.iter().chain(&RENT_KEYS) {
            // A formatted price beside the number has the currency.
            if self.draft.has_price() && (had_price || self.draft.currency != values::CurrencyHint::None) {
                break;
            }
            for (_, entry) in named.iter().filter(|(name, _)| name == wanted) {
                self.within(entry.key, |home| home.gather_price(entry.value, entry.key, depth + 1));
            }
        }
    }

    /// The object as one price, where it has an amount: then its currency is its own.
    fn set_whole_price(&mut self, value: &'v Value, key: &str) {
        let whole = self.scope.links.resolved(value, self.scope.budget);
        let is_price = values::price_value(&whole).is_some_and(|price| price.amount.is_some());
        if is_price {
            self.set(Field::ListPrice, &whole, key);
            if let Some(word) = keys::listing_type_word(key).filter(|_| self.draft.has_price()) {
                self.set(Field::ListingType, &Value::from(word), key);
            }
        }
    }

    /// What stands beside an amount: the currency, the period, whether it is a rent, former prices.
    fn set_terms(&mut self, entries: &[Entry<'v>], key: &str) {
        use Field::*;
        for entry in entries {
            let known = entry.meaning.field.filter(|field| {
                matches!(
                    field,
                    Currency | RentalPeriod | OriginalListPrice | ClosePrice | ListingType | Status
                )
            });
            let Some(plain) = self.scope.plain(entry.value) else { continue };
            match (known, entry.key) {
                (Some(field), _) => self.set_value(field, plain, entry.key),
                (None, "type" | "kind" | "priceType" | "transactionType") => {
                    self.set_listing_type(plain, key);
                }
                (None, "period" | "interval" | "per" | "unit" | "term" | "qualifier") => {
                    let text =
                        self.scope.text(plain, 40).filter(|text| values::rental_period(text).is_some());
                    if let Some(text) = text {
                        self.set(RentalPeriod, &Value::from(text), entry.key);
                    }
                }
                _ => {}
            }
        }
    }

    fn set_listing_type(&mut self, value: &'v Value, key: &str) {
        if let Some(text) = self.scope.text(value, 60).filter(|text| values::listing_type(text).is_some()) {
            self.set(Field::ListingType, &Value::from(text), key);
        }
    }

    /// Of several prices that of the sale, else the first that is one of the home.
    fn gather_prices(&mut self, values: &'v [Value], key: &str, depth: usize) {
        let links = self.scope.links;
        let prices: Vec<_> = values.iter().take(MAX_PRICES).map(|value| links.follow(value)).collect();
        let labels: Vec<_> = prices.iter().map(|price| self.price_label(price)).collect();
        let is_other = |label: &str| OTHER_AMOUNTS.iter().any(|word| label.contains(word));
        let is_sale = |label: &str| {
            [
                "sale", "asking", "list", "buy", "purchase", "primary", "main", "total", "kauf", "vent",
                "vend", "koop",
            ]
            .iter()
            .any(|word| label.contains(word))
        };
        let own: Vec<_> = prices.iter().zip(&labels).filter(|(_, label)| !is_other(label)).collect();
        let chosen = own.iter().find(|(_, label)| is_sale(label)).or_else(|| own.first());
        if let Some((price, _)) = chosen {
            self.gather_price(price, key, depth + 1);
        }
    }

    /// What a price of a list says that it is, in the form of keys.
    fn price_label(&self, price: &'v Value) -> String {
        let Value::Object(object) = price else { return String::new() };
        let names = ["type", "priceType", "kind", "label", "name", "key"];
        let texts = names.iter().filter_map(|name| {
            let text = self.scope.links.follow(object.get(*name)?);
            self.scope.text(text, 60)
        });
        texts.map(|text| fold_key(&text)).collect()
    }
}
