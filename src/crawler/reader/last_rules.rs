//! The rules that were compiled last: the pages of a job come one after another with the same rules, and compiling them
//! takes longer than reading a small page.

use std::cell::RefCell;
use std::rc::Rc;

use crate::protocol::spider_rules::{CompiledRules, SpiderRules};

thread_local! {
    static LAST: RefCell<Option<LastRules>> = const { RefCell::new(None) };
}

struct LastRules {
    /// As they were sent.
    json: String,
    compiled: Rc<CompiledRules>,
}

/// The rules that `json` is, compiled; empty text is no rules. `None` for rules that are not valid.
pub(super) fn compiled(json: &str) -> Option<Rc<CompiledRules>> {
    let known = LAST.with_borrow(|last| {
        last.as_ref().filter(|last| last.json == json).map(|last| Rc::clone(&last.compiled))
    });
    if known.is_some() {
        return known;
    }
    let rules = match json {
        "" => CompiledRules::default(),
        json => CompiledRules::compile(&serde_json::from_str::<SpiderRules>(json).ok()?).ok()?,
    };
    let compiled = Rc::new(rules);
    LAST.set(Some(LastRules { json: json.to_owned(), compiled: Rc::clone(&compiled) }));
    Some(compiled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_compiled_once_until_others_come() {
        let detail = r#"{"detail": "/h/[0-9]+"}"#;

        let first = compiled(detail).unwrap();
        let again = compiled(detail).unwrap();
        let none = compiled("").unwrap();
        let later = compiled(detail).unwrap();

        assert!(Rc::ptr_eq(&first, &again) && !Rc::ptr_eq(&first, &later));
        assert!(first.is_detail("https://homes.example.com/h/1") && none.detail.is_none());
    }

    #[test]
    fn rules_that_are_not_valid_are_none_and_change_nothing() {
        let good = compiled("").unwrap();

        for bad in [r#"{"detail": "("}"#, "{", r#"{"fields": {"list_price": {}}}"#] {
            assert!(compiled(bad).is_none(), "{bad}");
        }
        assert!(Rc::ptr_eq(&good, &compiled("").unwrap()));
    }
}
