//! The plain values of a spider's rules: numbers, codes, addresses and names.

use super::fault::RuleFault;
use super::fields::is_field;
use super::rules::{FieldRule, SpiderConstants, SpiderLimits, SpiderRules};
use crate::base::json_integer::MAX_SAFE_INTEGER;
use crate::base::money::is_currency;
use crate::base::web_url;

/// Sitemaps, expressions of `follow` and of `deny`, each.
pub(super) const MAX_LIST: usize = 50;
/// Fields that rules read.
pub(super) const MAX_FIELDS: usize = 60;
const MAX_DELAY_MS: u32 = 60_000;
const MAX_REQUESTS_PER_HOST: u32 = 8;
const MAX_USER_AGENT: usize = 200;
const MAX_DEPTH: i64 = 1_000;

/// Everything that is wrong with the plain values.
pub(super) fn check(rules: &SpiderRules) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    check_lists(rules, &mut faults);
    check_sitemaps(rules, &mut faults);
    if let Some(constants) = &rules.constants {
        check_constants(constants, &mut faults);
    }
    for (name, rule) in rules.fields.iter().flatten().take(MAX_FIELDS) {
        check_field(name, rule, &mut faults);
    }
    if rules.crawl_delay_ms.is_some_and(|delay| delay > MAX_DELAY_MS) {
        faults.push(RuleFault::new(&["crawl_delay_ms"], "must be 0 to 60000"));
    }
    if rules.requests_per_host.is_some_and(|most| !(1..=MAX_REQUESTS_PER_HOST).contains(&most)) {
        faults.push(RuleFault::new(&["requests_per_host"], "must be 1 to 8"));
    }
    if rules.user_agent.as_deref().is_some_and(|text| !is_visible_ascii(text, MAX_USER_AGENT)) {
        let words = "must have 1 to 200 characters of visible ASCII, with blanks only between them";
        faults.push(RuleFault::new(&["user_agent"], words));
    }
    if let Some(limits) = &rules.limits {
        check_limits(limits, &mut faults);
    }
    faults
}

fn check_lists(rules: &SpiderRules, faults: &mut Vec<RuleFault>) {
    for (name, list) in [("sitemaps", &rules.sitemaps), ("follow", &rules.follow), ("deny", &rules.deny)] {
        if list.as_ref().is_some_and(|list| list.len() > MAX_LIST) {
            faults.push(RuleFault::new(&[name], "must have at most 50 items"));
        }
    }
    if rules.fields.as_ref().is_some_and(|fields| fields.len() > MAX_FIELDS) {
        faults.push(RuleFault::new(&["fields"], "must have at most 60 fields"));
    }
}

fn check_sitemaps(rules: &SpiderRules, faults: &mut Vec<RuleFault>) {
    for (index, url) in rules.sitemaps.iter().flatten().enumerate().take(MAX_LIST) {
        if web_url::parse(url).is_none() {
            faults.push(RuleFault::new(&["sitemaps", &index.to_string()], web_url::EXPECTED));
        }
    }
}

fn check_constants(constants: &SpiderConstants, faults: &mut Vec<RuleFault>) {
    if constants.currency.as_deref().is_some_and(|code| !is_currency(code)) {
        faults
            .push(RuleFault::new(&["constants", "currency"], "must be a currency of ISO 4217, such as EUR"));
    }
    if constants.country.as_deref().is_some_and(|code| !is_country(code)) {
        let words = "must be a country of ISO 3166-1 alpha-2, such as DE";
        faults.push(RuleFault::new(&["constants", "country"], words));
    }
}

fn check_field(name: &str, rule: &FieldRule, faults: &mut Vec<RuleFault>) {
    if !is_field(name) {
        let words =
            "is no field that a rule can read; names are those of a property, `address.city` for a part";
        faults.push(RuleFault::new(&["fields", name], words));
        return;
    }
    let sources = [&rule.css, &rule.json_path, &rule.regex];
    if sources.iter().all(|source| source.is_none()) {
        faults.push(RuleFault::new(&["fields", name], "must have `css`, `json_path` or `regex`"));
    }
    if rule.css.is_some() && rule.json_path.is_some() {
        faults.push(RuleFault::new(&["fields", name, "json_path"], "must not be beside `css`"));
    }
    if let Some(attribute) = &rule.attribute {
        if rule.css.is_none() {
            faults.push(RuleFault::new(&["fields", name, "attribute"], "must be beside `css`"));
        } else if !is_attribute(attribute) {
            faults.push(RuleFault::new(&["fields", name, "attribute"], "must be the name of an attribute"));
        }
    }
}

fn check_limits(limits: &SpiderLimits, faults: &mut Vec<RuleFault>) {
    let rows = [
        ("max_pages", limits.max_pages, 1, MAX_SAFE_INTEGER),
        ("max_items", limits.max_items, 1, MAX_SAFE_INTEGER),
        ("max_depth", limits.max_depth, 0, MAX_DEPTH),
    ];
    for (name, value, least, most) in rows {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            faults.push(RuleFault::new(&["limits", name], format!("must be {least} to {most}")));
        }
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.parse::<iso_currency::Country>().is_ok()
}

fn is_attribute(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_:".contains(&byte));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte);
    first && name.len() <= 100 && name.bytes().all(allowed)
}

/// Whether `text` has 1 to `most` bytes of visible ASCII, with blanks only between them.
fn is_visible_ascii(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=most).contains(&text.len()) && text.bytes().all(allowed) && text.trim() == text
}
