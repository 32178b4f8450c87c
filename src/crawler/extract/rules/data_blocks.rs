//! The data that a page holds for machines, as trees that a JSONPath is asked of. What asking costs is estimated first:
//! `$..*..*` costs the square of a tree and more, and cannot be stopped in the middle.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::super::bounds::MAX_DEPTH;
use super::super::page_state::StateBlock;
use super::super::references::{Links, StateData, devalue_root};
use super::budget::RuleBudget;
use crate::crawler::budget::PageBudget;

/// Steps of counting a value, and of a value that a path passes.
const COUNT_STEPS: u64 = 2;
const PASS_STEPS: u64 = 4;
/// Steps of an element of a path that leads to one value.
const SINGLE_STEPS: u64 = 1;

/// A tree of data.
pub(in crate::crawler::extract) struct DataBlock<'a> {
    tree: Cow<'a, Value>,
    size: OnceCell<Size>,
}

/// Values in a tree, and how deep they nest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    values: u64,
    depth: u64,
}

/// What asking for a path gave.
#[derive(Debug, PartialEq)]
pub(super) enum Asked<'v> {
    /// The first value that is not null.
    Found(&'v Value),
    Nothing,
    TooCostly,
}

/// The blocks of a page, those of JSON-LD first and what is told to analytics last.
pub(super) fn blocks_of_page<'a>(
    json_ld: &'a [Value],
    state: &'a [StateBlock],
    budget: &PageBudget,
) -> Vec<DataBlock<'a>> {
    let mut blocks: Vec<_> = json_ld.iter().map(DataBlock::borrowed).collect();
    let (told, own): (Vec<_>, Vec<_>) = state.iter().partition(|block| block.is_tracking);
    for block in own.into_iter().chain(told) {
        match &block.data {
            StateData::Tree(root) | StateData::Cache(root) => blocks.push(DataBlock::borrowed(root)),
            StateData::Devalue(values) => {
                let tree = Links::Devalue(values).expanded(devalue_root(values), budget);
                blocks.push(DataBlock::owned(tree));
            }
            StateData::Call { result, arguments } => {
                blocks.push(DataBlock::owned(Links::Call(arguments).expanded(result, budget)));
            }
            StateData::Flight(rows) => blocks.extend(rows.iter().map(|(_, row)| DataBlock::borrowed(row))),
        }
    }
    blocks
}

impl<'a> DataBlock<'a> {
    pub(super) fn borrowed(tree: &'a Value) -> Self {
        Self { tree: Cow::Borrowed(tree), size: OnceCell::new() }
    }

    fn owned(tree: Value) -> Self {
        Self { tree: Cow::Owned(tree), size: OnceCell::new() }
    }

    /// Asks for `path`, written as `text`.
    pub(super) fn ask(&self, path: &JsonPath, text: &str, budget: &RuleBudget<'_>) -> Asked<'_> {
        let steps = self.cost(text, budget);
        if budget.is_spent() || !budget.affords(steps) {
            return Asked::TooCostly;
        }
        budget.charge_steps(steps);
        let mut found = path.query(&self.tree).all().into_iter();
        found.find(|value| !value.is_null()).map_or(Asked::Nothing, Asked::Found)
    }

    /// Steps of asking for a path, at most.
    fn cost(&self, text: &str, budget: &RuleBudget<'_>) -> u64 {
        let form = PathForm::of(text);
        if form.is_single() {
            return SINGLE_STEPS * (1 + text.len() as u64);
        }
        let size = *self.size.get_or_init(|| {
            let mut size = Size::default();
            count(&self.tree, 1, &mut size, budget);
            size
        });
        let descents = form.descendants.saturating_sub(1).min(64);
        let passes = PASS_STEPS.saturating_mul(size.values).saturating_mul(form.copies);
        let passes = passes.saturating_mul(size.depth.max(1).saturating_pow(descents));
        let tested = if form.has_deep_filter { size.values } else { 1 + text.len() as u64 / 8 };
        passes.saturating_mul(tested.saturating_pow(form.filters.min(64)))
    }
}

fn count(value: &Value, depth: usize, size: &mut Size, budget: &RuleBudget<'_>) {
    size.values += 1;
    size.depth = size.depth.max(depth as u64);
    if depth >= 4 * MAX_DEPTH || !budget.charge_steps(COUNT_STEPS) {
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| count(value, depth + 1, size, budget)),
        Value::Object(object) => object.values().for_each(|value| count(value, depth + 1, size, budget)),
        _ => {}
    }
}

/// What a path consists of, as far as its cost depends on it.
#[derive(Debug, PartialEq, Eq)]
struct PathForm {
    /// Segments that lead to everything below: `..`.
    descendants: u32,
    /// How often one value may be listed: `[0, 0]` lists it twice.
    copies: u64,
    filters: u32,
    /// Whether a filter looks at more than single values.
    has_deep_filter: bool,
    /// Whether there is a segment that leads to several values.
    has_several: bool,
}

impl PathForm {
    fn of(text: &str) -> Self {
        let mut form =
            Self { descendants: 0, copies: 1, filters: 0, has_deep_filter: false, has_several: false };
        let (mut brackets, mut selectors, mut in_filter) = (0_usize, 1_u64, false);
        let mut quote = None;
        let mut characters = text.chars().skip(1).peekable();
        while let Some(character) = characters.next() {
            if let Some(open) = quote {
                match character {
                    '\\' => {
                        characters.next();
                    }
                    close if close == open => quote = None,
                    _ => {}
                }
                continue;
            }
            match character {
                '\'' | '"' => quote = Some(character),
                '[' => {
                    brackets += 1;
                    selectors = if brackets == 1 { 1 } else { selectors };
                }
                ']' => {
                    brackets = brackets.saturating_sub(1);
                    if brackets == 0 {
                        form.copies = form.copies.saturating_mul(selectors);
                        in_filter = false;
                    }
                }
                ',' => selectors += 1,
                '?' => {
                    form.filters += 1;
                    form.has_deep_filter |= in_filter;
                    in_filter = true;
                }
                '.' if characters.peek() == Some(&'.') => {
                    characters.next();
                    form.has_deep_filter |= in_filter;
                    form.descendants += 1;
                }
                '*' | ':' | '$' => {
                    form.has_deep_filter |= in_filter;
                    form.has_several = true;
                }
                _ => {}
            }
        }
        form
    }

    fn is_single(&self) -> bool {
        self.descendants == 0 && self.copies == 1 && self.filters == 0 && !self.has_several
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked<'v>(block: &'v DataBlock<'_>, path: &str, bytes: usize) -> Asked<'v> {
        let page = PageBudget::for_page(bytes);
        block.ask(&JsonPath::parse(path).unwrap(), path, &RuleBudget::new(&page))
    }

    #[test]
    fn the_first_value_that_is_not_null_counts() {
        let tree = json!({"homes": [{"price": null}, {"price": 5}, {"price": 6, "kind": "a, b"}]});
        let block = DataBlock::borrowed(&tree);

        assert_eq!(asked(&block, "$.homes[1].price", 0), Asked::Found(&json!(5)));
        assert_eq!(asked(&block, "$..price", 0), Asked::Found(&json!(5)));
        assert_eq!(asked(&block, "$.homes[?@.kind == 'a, b'].price", 0), Asked::Found(&json!(6)));
        assert_eq!(asked(&block, "$.homes[0].price", 0), Asked::Nothing);
    }

    #[test]
    fn state_that_refers_to_itself_is_asked_as_a_tree() {
        let devalue = StateData::Devalue(vec![json!({"home": 1}), json!({"price": 2, "up": 0}), json!(7)]);
        let state = [StateBlock { data: devalue, name: String::new(), is_tracking: false }];
        let budget = PageBudget::for_page(0);
        let blocks = blocks_of_page(&[], &state, &budget);

        assert_eq!(asked(&blocks[0], "$.home.price", 0), Asked::Found(&json!(7)));
        assert_eq!(asked(&blocks[0], "$.home.up.home.price", 0), Asked::Found(&json!(7)));
    }

    #[test]
    fn what_is_told_to_analytics_is_asked_last() {
        let block = |price: i64, is_tracking| StateBlock {
            data: StateData::Tree(json!({"price": price})),
            name: String::new(),
            is_tracking,
        };
        let (state, json_ld) = ([block(1, true), block(2, false)], [json!({"price": 3})]);
        let budget = PageBudget::for_page(0);
        let blocks = blocks_of_page(&json_ld, &state, &budget);

        let prices: Vec<_> = blocks.iter().map(|block| block.tree["price"].clone()).collect();
        assert_eq!(prices, [json!(3), json!(2), json!(1)]);
    }

    #[test]
    fn the_form_of_a_path_is_known() {
        assert!(PathForm::of("$.a['b, ..*'][0]").is_single());
        assert_eq!(PathForm::of("$..a..b").descendants, 2);
        assert_eq!(PathForm::of("$[0,0][1,1,1]").copies, 6);
        assert!(!PathForm::of("$.a[*]").is_single() && !PathForm::of("$.a[0:2]").is_single());
        let simple = PathForm::of("$.a[?@.b == 1]");
        assert_eq!((simple.filters, simple.has_deep_filter), (1, false));
        assert!(PathForm::of("$.a[?@..b]").has_deep_filter && PathForm::of("$[?$.a]").has_deep_filter);
    }

    #[test]
    fn a_path_that_costs_more_than_a_page_may_is_not_asked() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep, 0]);
        }
        let wide = json!((0..50_000).collect::<Vec<_>>());
        let rows = json!((0..5_000).map(|row| json!({"a": row})).collect::<Vec<_>>());

        for (tree, path) in [(&deep, "$..*..*..*..*..*"), (&wide, "$[?$..*]"), (&rows, "$[?@.a == $[0].a]")] {
            assert_eq!(asked(&DataBlock::borrowed(tree), path, 0), Asked::TooCostly, "{path}");
        }
        assert_eq!(asked(&DataBlock::borrowed(&wide), "$[?@ > 7]", 100_000), Asked::Found(&json!(8)));
    }
}
