//! Ready rules for common platforms: data files that a spider names with `preset`. They name classes, labels and paths
//! that the platforms are publicly known to write; `tests/fixtures/presets` has a page for each.

use serde::Deserialize;

use super::rules::SpiderRules;

/// The presets by name, in the order of their list.
const PRESETS: &[(&str, &str)] = &[
    ("easy-property-listings", include_str!("../../../presets/easy-property-listings.toml")),
    ("estatik", include_str!("../../../presets/estatik.toml")),
    ("houzez", include_str!("../../../presets/houzez.toml")),
    ("idx", include_str!("../../../presets/idx.toml")),
    ("realhomes", include_str!("../../../presets/realhomes.toml")),
    ("schema-org", include_str!("../../../presets/schema-org.toml")),
    ("wp-residence", include_str!("../../../presets/wp-residence.toml")),
];

/// A preset as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetFile {
    description: String,
    rules: SpiderRules,
}

/// The names of all presets, sorted.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The rules of a preset; `None` when there is none of this name.
pub fn preset_rules(name: &str) -> Option<SpiderRules> {
    read(name).map(|file| file.rules)
}

/// For which sites a preset is; `None` when there is none of this name.
pub fn preset_description(name: &str) -> Option<String> {
    read(name).map(|file| file.description.trim().to_owned())
}

fn read(name: &str) -> Option<PresetFile> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
    // The test below reads every file.
    toml::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::CompiledRules;

    #[test]
    fn every_preset_is_read_and_compiles() {
        for name in preset_names() {
            let rules = preset_rules(name).unwrap();
            assert_eq!(CompiledRules::compile(&rules).err(), None, "{name}");
            assert!(!rules.is_empty(), "{name}");
            let description = preset_description(name).unwrap();
            assert!((50..=600).contains(&description.len()), "{name}: {description}");
            assert!(!description.contains('\n'), "{name}: {description}");
        }
        assert_eq!(preset_rules("no such preset"), None);
    }

    #[test]
    fn a_preset_names_no_site() {
        for name in preset_names() {
            let rules = preset_rules(name).unwrap();
            assert!(
                rules.sitemaps.is_none() && rules.limits.is_none() && rules.user_agent.is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_sorted_and_fit_for_the_wire() {
        let names: Vec<_> = preset_names().collect();
        assert!(names.is_sorted());
        for name in names {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(name.bytes().all(allowed), "{name}");
        }
    }

    #[test]
    fn a_misspelt_field_of_a_file_is_an_error() {
        assert!(toml::from_str::<PresetFile>("description = \"x\"\ndetail = \"y\"\n[rules]").is_err());
    }
}
