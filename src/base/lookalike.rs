//! Confusable names (UTS 39): a name that mixes scripts as no language does, and two names in different scripts that
//! look the same. Two names in one script never clash here, however alike: `rn` and `m` are different.

use unicode_security::RestrictionLevel;
use unicode_security::confusable_detection::skeleton as skeleton_of;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::restriction_level::RestrictionLevelDetection;

use super::normalize::name_key;

/// The skeletons (UTS 39) by which names are compared for their looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeletons {
    /// Of the displayed name.
    pub shown: String,
    /// Of its key, because names are compared without case.
    pub key: String,
}

impl Skeletons {
    pub fn of(name: &str) -> Self {
        Self { shown: skeleton(name), key: skeleton(&name_key(name)) }
    }

    /// Whether the two names look the same.
    pub fn is_confusable_with(&self, other: &Self) -> bool {
        self.shown == other.shown || self.key == other.key
    }
}

fn skeleton(text: &str) -> String {
    skeleton_of(text).collect()
}

/// Whether a name mixes scripts beyond the level "highly restrictive": one script, or Latin with the scripts in which
/// Chinese, Japanese and Korean are written.
pub fn mixes_scripts(name: &str) -> bool {
    // Punctuation belongs to no script, and the identifier profile allows little of the punctuation that names may
    // have.
    let letters: String = name.chars().filter(|letter| !letter.is_ascii_punctuation()).collect();
    let is_single = !AugmentedScriptSet::for_str(&letters).is_empty();
    !is_single && letters.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
}

/// Whether there is a script in which both names can be written entirely.
pub fn share_a_script(one: &str, other: &str) -> bool {
    let mut scripts = AugmentedScriptSet::for_str(one);
    scripts.intersect_with(AugmentedScriptSet::for_str(other));
    !scripts.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_script_and_the_mixtures_that_languages_have_are_no_mixture() {
        for name in [
            "ann",
            "Ünal_2",
            "сергей",
            "ann.o-neil",
            "李明",
            "さくらサクラ桜abc",
            "한글abc",
            "חנה",
            "123",
            "नमस्ते",
        ] {
            assert!(!mixes_scripts(name), "{name}");
        }
        for name in ["аnn", "pаypal", "ann-сергей", "αbc", "annа1"] {
            assert!(mixes_scripts(name), "{name}");
        }
    }

    #[test]
    fn names_in_two_scripts_with_equal_skeletons_are_confusable() {
        let clash = |one: &str, other: &str| {
            Skeletons::of(one).is_confusable_with(&Skeletons::of(other)) && !share_a_script(one, other)
        };

        assert!(clash("сосо", "coco") && clash("Сосо", "coco"));
        assert!(!clash("coco", "coc0") && !clash("rn", "m") && !clash("l1", "ll"));
        assert!(!clash("ann", "анн"));
    }
}
