//! Rules of a spider that are valid and cost as much as rules can: whatever a page is, reading it by these is bounded.

use std::sync::LazyLock;

use crate::protocol::spider_rules::{CompiledRules, SpiderRules};

/// Selectors that cost the square of a page, paths that cost the square of its data, and heavy expressions.
const COSTLY: &str = r#"{
    "detail": "/house/(?:[0-9]|1|11)+$",
    "constants": {"currency": "EUR", "country": "DE", "listing_type": "sale"},
    "fields": {
        "address.city": {"json_path": "$..*..*"},
        "address.street": {"json_path": "$[?@.a == $.a]"},
        "bedrooms_total": {"css": "p ~ i ~ i, div div div div div div x"},
        "description": {"css": "body", "regex": "([a-z ]{0,200}){10}$"},
        "list_price": {"css": "i:not(b ~ i ~ i):nth-last-of-type(3n+1), *:has(~ x)"},
        "listing_key": {"css": "[class*=aa][href$=aa] *, [href*=aab]", "attribute": "href"},
        "living_area": {"css": "*", "transform": "decimal_comma"},
        "lot_size_area": {"regex": "(?:[a-z]{20}){30}[0-9]{9}"},
        "year_built": {"regex": "([0-9]+[a-z]*)*x"}
    }
}"#;

static RULES: LazyLock<CompiledRules> = LazyLock::new(compile);

pub(super) fn costly_rules() -> &'static CompiledRules {
    &RULES
}

#[expect(clippy::expect_used, reason = "the text is that of rules")]
fn compile() -> CompiledRules {
    let rules: SpiderRules = serde_json::from_str(COSTLY).expect("rules");
    CompiledRules::compile(&rules).expect("valid rules")
}
