//! The rules of a spider in the form in which they are applied. Compiling checks them completely: what compiles is
//! valid, and what does not is named field by field.

use regex::{Regex, RegexSet};
use scraper::Selector;
use serde_json_path::JsonPath;

use super::expressions;
use super::fault::RuleFault;
use super::patterns::{self, Pattern};
use super::rules::{FieldRule, FieldTransform, JsonSource, SpiderConstants, SpiderRules};
use super::values::{self, MAX_FIELDS, MAX_LIST};

/// The rules of a spider, compiled. The default is that of no rules.
#[derive(Clone, Debug, Default)]
pub struct CompiledRules {
    /// Present: only these links are followed, and details.
    pub follow: Option<RegexSet>,
    /// Links that are never followed.
    pub deny: RegexSet,
    /// The pages of single homes.
    pub detail: Option<Regex>,
    /// The fields that rules read, by name.
    pub fields: Vec<CompiledField>,
    /// Values for pages that tell none.
    pub constants: SpiderConstants,
    /// Whether entries of list pages are listings.
    pub list_items: bool,
    /// Where homes are in JSON documents.
    pub json: Option<CompiledJson>,
}

/// The rule of one field, compiled. With neither selector nor path the regex is for the page's visible text.
#[derive(Clone, Debug)]
pub struct CompiledField {
    /// The name on the wire: `list_price`, `address.city`.
    pub name: String,
    pub selector: Option<Selector>,
    pub json_path: Option<JsonPath>,
    /// Its first group counts, else the whole match.
    pub regex: Option<Regex>,
    /// The attribute to read of what the selector finds; absent: its text.
    pub attribute: Option<String>,
    pub transform: Option<FieldTransform>,
    /// The rule as it was given, to be named as the origin of a value.
    pub rule: FieldRule,
}

/// The paths of a JSON source, compiled.
#[derive(Clone, Debug)]
pub struct CompiledJson {
    pub items: JsonPath,
    pub next: Option<JsonPath>,
}

impl CompiledRules {
    /// Compiles and checks the rules; else every fault.
    ///
    /// Takes microseconds for rules of a usual size, and about a tenth of a second at their bounds (`patterns.rs`), so that
    /// a request may be checked by it.
    pub fn compile(rules: &SpiderRules) -> Result<Self, Vec<RuleFault>> {
        let mut faults = values::check(rules);
        faults.extend(patterns::check(&patterns_of(rules)));
        let mut compiled = Self {
            constants: rules.constants.clone().unwrap_or_default(),
            list_items: rules.list_items == Some(true),
            json: rules.json.as_ref().and_then(|source| compile_source(source, &mut faults)),
            ..Self::default()
        };
        for (name, rule) in rules.fields.iter().flatten().take(MAX_FIELDS) {
            compiled.fields.extend(compile_field(name, rule, &mut faults));
        }
        if faults.is_empty() {
            faults.extend(compiled.add_patterns(rules).err());
        }
        if faults.is_empty() { Ok(compiled) } else { Err(faults) }
    }

    /// Whether a link to this URL is followed: never what `deny` matches, always a detail, the rest by `follow`.
    pub fn follows(&self, url: &str) -> bool {
        !self.deny.is_match(url)
            && (self.follow.as_ref().is_none_or(|follow| follow.is_match(url)) || self.is_detail(url))
    }

    /// Whether this is the URL of a single home, as far as the rules tell.
    pub fn is_detail(&self, url: &str) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.is_match(url))
    }

    /// Compiles the expressions; their number and syntax are known to be right.
    fn add_patterns(&mut self, rules: &SpiderRules) -> Result<(), RuleFault> {
        let follow = rules.follow.as_deref().map(|texts| patterns::compile_set("follow", texts));
        self.follow = follow.transpose()?;
        self.deny = patterns::compile_set("deny", rules.deny.as_deref().unwrap_or_default())?;
        let detail = rules.detail.as_deref().map(|text| Pattern::new(&["detail"], text).compile());
        self.detail = detail.transpose()?;
        for field in &mut self.fields {
            let Some(text) = &field.rule.regex else { continue };
            let pattern = Pattern::new(&["fields", &field.name, "regex"], text);
            field.regex = Some(pattern.compile()?);
        }
        Ok(())
    }
}

/// Every regular expression, with its place.
fn patterns_of(rules: &SpiderRules) -> Vec<Pattern<'_>> {
    let mut patterns = Vec::new();
    for (name, list) in [("follow", &rules.follow), ("deny", &rules.deny)] {
        // Those beyond the most are named together, by the list.
        for (index, text) in list.iter().flatten().enumerate().take(MAX_LIST) {
            patterns.push(Pattern::new(&[name, &index.to_string()], text));
        }
    }
    patterns.extend(rules.detail.iter().map(|text| Pattern::new(&["detail"], text)));
    for (name, rule) in rules.fields.iter().flatten().take(MAX_FIELDS) {
        patterns.extend(rule.regex.iter().map(|text| Pattern::new(&["fields", name, "regex"], text)));
    }
    patterns
}

/// A field with its selector or path; its expression is compiled last.
fn compile_field(name: &str, rule: &FieldRule, faults: &mut Vec<RuleFault>) -> Option<CompiledField> {
    let before = faults.len();
    let mut fault = |part: &str, words: String| faults.push(RuleFault::new(&["fields", name, part], words));
    let selector =
        rule.css.as_deref().and_then(|text| expressions::css(text).map_err(|words| fault("css", words)).ok());
    let json_path = rule
        .json_path
        .as_deref()
        .and_then(|text| expressions::json_path(text).map_err(|words| fault("json_path", words)).ok());
    (faults.len() == before).then(|| CompiledField {
        name: name.to_owned(),
        selector,
        json_path,
        regex: None,
        attribute: rule.attribute.clone(),
        transform: rule.transform,
        rule: rule.clone(),
    })
}

fn compile_source(source: &JsonSource, faults: &mut Vec<RuleFault>) -> Option<CompiledJson> {
    let mut compile = |part: &str, text: &str| {
        let path = expressions::source_path(text);
        path.map_err(|words| faults.push(RuleFault::new(&["json", part], words))).ok()
    };
    let items = compile("items", &source.items);
    let next = source.next.as_deref().map(|text| compile("next", text));
    // A bad `next` is a fault, so that the whole is not used.
    Some(CompiledJson { items: items?, next: next.flatten() })
}
