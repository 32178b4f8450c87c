//! What shapes the crawls of a spider: the rules on the wire, and the same rules compiled.

pub mod rules;

mod compiled;
mod expressions;
mod fault;
mod fields;
mod patterns;
mod presets;
mod values;

#[cfg(test)]
mod tests;

pub use compiled::{CompiledField, CompiledJson, CompiledRules};
pub use fault::RuleFault;
pub use fields::field_names;
pub use presets::{preset_description, preset_names, preset_rules};
pub use rules::{FieldRule, FieldTransform, JsonSource, SpiderConstants, SpiderLimits, SpiderRules};
