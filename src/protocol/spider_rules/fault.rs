//! What is wrong with a spider's rules, each fault with its place.

/// One fault of a spider's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The names and indexes that lead to the field from the rules' root: `["fields", "list_price", "css"]`.
    pub pointer: Vec<String>,
    /// What would be accepted: "must be …".
    pub message: String,
}

impl RuleFault {
    pub(super) fn new(pointer: &[&str], message: impl Into<String>) -> Self {
        let pointer = pointer.iter().map(|step| (*step).to_owned()).collect();
        Self { pointer, message: message.into() }
    }
}
