//! The rules of a spider in a request: every fault becomes a bad field of the body.

use crate::domain::jobs::validation::{FieldErrors, field_step, index_step};
use crate::protocol::problem::PathSegment;
use crate::protocol::spider_rules::{CompiledRules, RuleFault, SpiderRules, preset_names, preset_rules};

/// Fields of the rules that are lists: the step after them is an index.
const LISTS: [&str; 3] = ["sitemaps", "follow", "deny"];

/// Adds what is wrong with the rules, alone and with those of the preset beneath.
pub(super) fn check(faults: &mut FieldErrors, rules: &SpiderRules, preset: Option<&str>) {
    check_at(faults, &[], rules, preset);
}

/// The same for rules that are not at the root of the body, but at `place`.
pub(in crate::domain) fn check_at(
    faults: &mut FieldErrors,
    place: &[PathSegment],
    rules: &SpiderRules,
    preset: Option<&str>,
) {
    let own = CompiledRules::compile(rules).err().unwrap_or_default();
    for fault in &own {
        faults.add(&[place, path_of(fault).as_slice()].concat(), "rule", fault.message.as_str());
    }
    let Some(preset) = preset else { return };
    match preset_rules(preset) {
        None => faults.add(&[field_step("preset")], "unknown", unknown_preset()),
        Some(base) if own.is_empty() => {
            if let Err(both) = CompiledRules::compile(&rules.clone().over(base)) {
                let why = both.first().map_or("", |fault| fault.message.as_str());
                faults.add(&[field_step("preset")], "rule", format!("does not go with the own rules: {why}"));
            }
        }
        Some(_) => {}
    }
}

fn unknown_preset() -> String {
    let names: Vec<&str> = preset_names().collect();
    if names.is_empty() { "is not known".to_owned() } else { format!("must be one of {}", names.join(", ")) }
}

fn path_of(fault: &RuleFault) -> Vec<PathSegment> {
    let is_list = fault.pointer.first().is_some_and(|name| LISTS.contains(&name.as_str()));
    let step = |(number, step): (usize, &String)| match step.parse() {
        Ok(index) if is_list && number == 1 => index_step(index),
        _ => field_step(step),
    };
    fault.pointer.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(rules: &str, preset: Option<&str>) -> Vec<(String, String)> {
        let mut faults = FieldErrors::default();
        check(&mut faults, &serde_json::from_str(rules).unwrap(), preset);
        faults.into_errors().into_iter().map(|error| (error.pointer, error.kind)).collect()
    }

    #[test]
    fn faults_are_bad_fields_of_the_body_with_indexes_in_lists_only() {
        let rules = r#"{"follow": ["a", "("], "fields": {"0": {"css": "b"}, "address.city": {"css": "<"}}}"#;

        let found = errors(rules, Some("no such preset"));

        let mut pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/fields/0", "/fields/address.city/css", "/follow/1", "/preset"]);
        let mut faults = FieldErrors::default();
        check(&mut faults, &serde_json::from_str(rules).unwrap(), None);
        let loc = faults.into_errors().into_iter().find(|error| error.pointer == "/follow/1").unwrap().loc;
        assert_eq!(loc.last(), Some(&PathSegment::Index(1)));
        assert!(errors(r#"{"detail": "/home/"}"#, None).is_empty());
    }
}
