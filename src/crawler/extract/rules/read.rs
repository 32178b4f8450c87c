//! Reads the fields of a spider's rules into a draft.

use std::borrow::Cow;

use serde_json::Value;

use super::super::draft::{At, Draft};
use super::super::extraction::Layer;
use super::super::field::Field;
use super::super::html::value_of;
use super::super::notes::Notes;
use super::super::values::CurrencyHint;
use super::budget::RuleBudget;
use super::fields::{Target, target};
use super::sources::Sources;
use super::transform::plain_text;
use crate::protocol::spider_rules::{CompiledField, CompiledRules, FieldRule};

/// Characters of a value that a note quotes.
const MAX_QUOTE: usize = 60;

/// What the rules find in `sources`; blank where they find nothing.
pub(in crate::crawler::extract) fn read(
    rules: &CompiledRules,
    sources: &Sources<'_>,
    notes: &Notes,
) -> Draft {
    let mut draft = Draft::new(Layer::Rule);
    let budget = RuleBudget::new(sources.budget);
    let mut fields: Vec<_> =
        rules.fields.iter().filter_map(|rule| Some((target(&rule.name)?, rule))).collect();
    // What a price or an area tells along comes before the field's own rule, which wins.
    fields.sort_by_key(|(target, _)| target.is_told_along);
    for (target, rule) in fields {
        let result = read_field(&mut draft, target, rule, sources, &budget);
        if let Err(reason) = result {
            notes.add(|| format!("{}: {reason}", rule.name));
        }
        if budget.is_spent() {
            notes.add(|| "the rules take more work than is left for them on this page".to_owned());
            break;
        }
    }
    draft
}

fn read_field(
    draft: &mut Draft,
    target: Target,
    rule: &CompiledField,
    sources: &Sources<'_>,
    budget: &RuleBudget<'_>,
) -> Result<(), Cow<'static, str>> {
    let value = sources.value(rule, budget)?;
    let at = At { base: sources.base, budget: sources.budget, fragment: fragment(&rule.rule) };
    let (value, told) = readable(target, &value, &at).ok_or_else(|| {
        let quoted: String = plain_text(&value).unwrap_or_default().chars().take(MAX_QUOTE).collect();
        format!("“{quoted}” is no value of this field")
    })?;
    if target.is_told_along {
        replace(draft, target.field, told);
    } else {
        draft.set(target.field, &value, &at);
    }
    Ok(())
}

/// The value in a form that its field reads, and a draft with nothing else.
fn readable<'v>(target: Target, value: &'v Value, at: &At<'_>) -> Option<(Cow<'v, Value>, Draft)> {
    let read = |value: &Value| {
        let mut told = Draft::new(Layer::Rule);
        told.set(target.field, value, at);
        is_told(&told, target).then_some(told)
    };
    if let Some(told) = read(value) {
        return Some((Cow::Borrowed(value), told));
    }
    let text = value.as_str()?;
    let value = value_of(target.field, text)?;
    let told = read(&value)?;
    Some((Cow::Owned(value), told))
}

fn is_told(told: &Draft, target: Target) -> bool {
    let is_on_request = target.field == Field::ListPrice && told.no_price;
    let is_sign = target.field == Field::Currency && told.currency != CurrencyHint::None;
    is_on_request || is_sign || target.names.iter().any(|name| told.origins.contains_key(name))
}

/// Puts a field that another one told along in the place of what that told.
fn replace(draft: &mut Draft, field: Field, told: Draft) {
    let property = &mut draft.property;
    match field {
        Field::ListingType => property.listing_type = told.property.listing_type,
        Field::RentalPeriod => property.rental_period = told.property.rental_period,
        Field::LivingAreaUnits => property.living_area_units = told.property.living_area_units,
        Field::LotSizeUnits => property.lot_size_units = told.property.lot_size_units,
        _ => {
            draft.currency = told.currency;
            draft.has_stated_currency = true;
        }
    }
    draft.origins.extend(told.origins);
}

/// What names the rule as an origin.
fn fragment(rule: &FieldRule) -> &str {
    let parts = [&rule.css, &rule.json_path, &rule.regex];
    parts.into_iter().flatten().next().map_or("", String::as_str)
}
