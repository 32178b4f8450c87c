//! Searches page state for homes. The home of the page comes first: lists of other homes, and entries of a cache that
//! something else refers to, are searched after everything else.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;
use url::Url;

use super::super::bounds::{MAX_DEPTH, MAX_DRAFTS, VALUE_STEPS};
use super::super::draft::Draft;
use super::super::field::Field;
use super::super::json;
use super::super::references::{self, CACHE_ROOTS, Links, StateData, address_of};
use super::classes::KeyClass;
use super::home::{Entry, Home, Role, Scope, has_own_key, push_key};
use super::keys;
use crate::crawler::budget::PageBudget;
use crate::protocol::property::StandardStatus;

/// How deep JSON may hide inside of strings, and the shortest string that may be some.
const MAX_STRINGS: usize = 2;
const LEAST_STRING: usize = 40;
/// How deep what is told to analytics is read.
const MAX_TRACKING_DEPTH: usize = 5;
/// Sides of one home: `{listing: …, property: …}`.
const MAX_SIDES: usize = 4;
/// Bytes of a value that is visited later, beside its path.
const TASK_BYTES: u64 = 120;
/// Parts of a type's name that means a home.
const HOME_TYPES: [&str; 9] =
    ["listing", "property", "home", "realestate", "classified", "advert", "dwelling", "apartment", "house"];

/// One block of state and the name that the page gives to it.
#[derive(Debug)]
pub(in crate::crawler::extract) struct StateBlock {
    pub(in crate::crawler::extract) data: StateData,
    pub(in crate::crawler::extract) name: String,
    /// Whether it is what the page tells to analytics.
    pub(in crate::crawler::extract) is_tracking: bool,
}

/// Drafts for everything in `blocks` that looks like a home: those of lists have `in_list`, and those of analytics,
/// which come last, have no key.
pub(in crate::crawler::extract) fn drafts(
    blocks: &[StateBlock],
    base: &Url,
    budget: &PageBudget,
) -> Vec<Draft> {
    let mut found = Found::default();
    for block in blocks {
        search_block(block, base, budget, &mut found);
    }
    found.homes.append(&mut found.told);
    found.homes
}

fn search_block(block: &StateBlock, base: &Url, budget: &PageBudget, found: &mut Found) {
    let context = Context { tracking: block.is_tracking.then_some(0), ..Context::default() };
    match &block.data {
        StateData::Tree(root) => {
            let mut search = Search::new(Scope { base, budget, links: Links::None }, found, &block.name);
            search.run([root], context);
        }
        StateData::Cache(root) => {
            let entries = references::cache_entries(root, budget);
            let links = Links::Cache(&entries);
            let mut search = Search::new(Scope { base, budget, links }, found, &block.name);
            search.referenced = references::targets([root], links, budget);
            search.run([root], context);
        }
        StateData::Devalue(values) => {
            let links = Links::Devalue(values);
            let mut search = Search::new(Scope { base, budget, links }, found, &block.name);
            search.run([references::devalue_root(values)], context);
        }
        StateData::Flight(rows) => {
            let by_id: HashMap<_, _> = rows.iter().map(|(id, value)| (id.as_str(), value)).collect();
            let links = Links::Flight(&by_id);
            let values: Vec<_> = rows.iter().map(|(_, value)| value).collect();
            let mut search = Search::new(Scope { base, budget, links }, found, &block.name);
            search.referenced = references::targets(values.iter().copied(), links, budget);
            search.run(values.iter().copied(), context);
        }
        StateData::Call { result, arguments } => {
            let links = Links::Call(arguments);
            let mut search = Search::new(Scope { base, budget, links }, found, &block.name);
            search.run([result], context);
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    homes: Vec<Draft>,
    /// What analytics are told of a home.
    told: Vec<Draft>,
}

/// What is known of a place from the way to it.
#[derive(Clone, Copy, Default)]
struct Context {
    depth: usize,
    strings: usize,
    /// Below a list of homes that are not that of the page.
    in_list: bool,
    barrier: Barrier,
    /// The home that this is inside of, as an index of what was found.
    inside: Option<usize>,
    /// Under a key that means a home.
    is_named: bool,
    /// The depth below what is told to analytics.
    tracking: Option<usize>,
}

/// Where no object is a home.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Barrier {
    #[default]
    None,
    /// Up to a key that means homes.
    Setting,
    /// Up to a key that means several homes: an agent's own data look like those of a home.
    Party,
}

/// A value that is visited later.
struct Task<'v> {
    value: &'v Value,
    path: String,
    context: Context,
}

struct Search<'v, 'f> {
    scope: Scope<'v>,
    found: &'f mut Found,
    path: String,
    /// Values that were visited, where several references may lead to one.
    seen: HashSet<usize>,
    /// Values that a reference leads to: the way to them says what they are.
    referenced: HashSet<usize>,
    lists: VecDeque<Task<'v>>,
    last: VecDeque<Task<'v>>,
}

impl<'v, 'f> Search<'v, 'f> {
    fn new(scope: Scope<'v>, found: &'f mut Found, path: &str) -> Self {
        Self {
            scope,
            found,
            path: path.to_owned(),
            seen: HashSet::new(),
            referenced: HashSet::new(),
            lists: VecDeque::new(),
            last: VecDeque::new(),
        }
    }

    fn run(&mut self, roots: impl IntoIterator<Item = &'v Value>, context: Context) {
        for root in roots {
            if self.referenced.contains(&address_of(root)) {
                self.visit_last(root, context);
            } else {
                self.visit(root, context);
            }
        }
        while let Some(task) = self.lists.pop_front().or_else(|| self.last.pop_front()) {
            self.path = task.path;
            self.visit(task.value, task.context);
        }
    }

    /// Looks for homes in `value` and below. The home that it is itself, as an index of what was found.
    fn visit(&mut self, value: &'v Value, context: Context) -> Option<usize> {
        let goes_on = context.depth < MAX_DEPTH && self.found.homes.len() < MAX_DRAFTS;
        if !goes_on || !self.scope.budget.charge_steps(VALUE_STEPS) {
            return None;
        }
        let holds_values = value.is_array() || value.is_object();
        if holds_values && self.scope.links.may_share() && !self.seen.insert(address_of(value)) {
            return None;
        }
        let below = Context { depth: context.depth + 1, ..context };
        match value {
            Value::Array(values) => self.visit_array(values, below),
            Value::Object(object) => {
                let entries = self.scope.entries(object);
                match context.tracking {
                    Some(depth) => self.visit_told(&entries, depth, below),
                    None => return self.visit_object(&entries, context, below),
                }
            }
            Value::String(text) => self.visit_text(text, context),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        None
    }

    fn visit_array(&mut self, values: &'v [Value], below: Context) {
        let is_list_of_told = below.tracking.is_some_and(|depth| depth > 0);
        if is_list_of_told && values.iter().filter(|value| !value.is_string()).nth(1).is_some() {
            return;
        }
        let mut homes = Vec::new();
        for value in values {
            if !self.scope.budget.charge_steps(self.scope.links.follow_steps(value)) {
                break;
            }
            let value = self.scope.links.follow(value);
            // Objects of a list inside of a home are its units, its floor plans or its neighbours.
            let in_list = below.in_list || (below.inside.is_some() && value.is_object());
            homes.extend(self.visit(value, Context { in_list, ..below }));
        }
        let key = |at: &usize| self.found.homes[*at].property.listing_key.as_deref();
        let differ = homes.windows(2).any(|pair| key(&pair[0]) != key(&pair[1]) || key(&pair[0]).is_none());
        if differ {
            homes.into_iter().for_each(|at| self.found.homes[at].in_list = true);
        }
    }

    fn visit_object(&mut self, entries: &[Entry<'v>], context: Context, below: Context) -> Option<usize> {
        let home = if context.barrier == Barrier::None { self.home(entries, context) } else { None };
        let mut read = Vec::new();
        let mut taken = None;
        // What was gathered when the budget ran out is a part of a home.
        if let Some(home) = home.filter(|_| !self.scope.budget.is_spent()) {
            read = home.sides;
            taken = Some(self.found.homes.len());
            self.keep(home.draft, context);
        }
        let below = Context { is_named: false, inside: taken.or(below.inside), ..below };
        let has_roots = entries.iter().any(|entry| CACHE_ROOTS.contains(&entry.key));
        for entry in entries {
            if entry.value.is_string() || entry.value.is_array() || entry.value.is_object() {
                let length = self.path.len();
                push_key(&mut self.path, entry.key);
                let is_entry = has_roots && !CACHE_ROOTS.contains(&entry.key);
                let is_target = std::ptr::eq(entry.written, entry.value)
                    && self.referenced.contains(&address_of(entry.value));
                if is_entry || is_target {
                    self.visit_last(entry.value, below);
                } else if !read.contains(&address_of(entry.value)) {
                    self.visit_entry(entry, taken.is_some(), below);
                }
                self.path.truncate(length);
            }
        }
        taken
    }

    fn visit_entry(&mut self, entry: &Entry<'v>, is_taken: bool, below: Context) {
        let other = Context { in_list: true, barrier: Barrier::None, inside: None, ..below };
        let context = match entry.meaning.class {
            Some(KeyClass::Ignored) => return,
            // They are read already; what else a home holds may be its neighbours.
            Some(
                KeyClass::Address
                | KeyClass::Geo
                | KeyClass::Price
                | KeyClass::Facts
                | KeyClass::Media(_)
                | KeyClass::Badges,
            ) if is_taken => return,
            Some(KeyClass::Others) => return self.visit_later(entry.value, other),
            Some(KeyClass::Homes) if below.barrier == Barrier::Party || self.holds_several(entry.value) => {
                return self.visit_later(entry.value, other);
            }
            Some(KeyClass::Tracking) => {
                return self.visit_last(entry.value, Context { tracking: Some(0), ..below });
            }
            Some(KeyClass::Party(_)) => Context { barrier: Barrier::Party, ..below },
            Some(KeyClass::Setting) if below.barrier == Barrier::None => {
                Context { barrier: Barrier::Setting, ..below }
            }
            Some(KeyClass::Home | KeyClass::Homes) => {
                let barrier = if below.barrier == Barrier::Setting { Barrier::None } else { below.barrier };
                Context { barrier, is_named: entry.meaning.class == Some(KeyClass::Home), ..below }
            }
            _ => below,
        };
        self.visit(entry.value, context);
    }

    /// Whether a list or an object with names for its elements holds more than one object.
    fn holds_several(&self, value: &'v Value) -> bool {
        // Charged: several references may lead to one list, which is examined for each of them.
        let Scope { links, budget, .. } = self.scope;
        let afforded = |value: &&'v Value| budget.charge_steps(VALUE_STEPS + links.follow_steps(value));
        let is_object = |value: &&'v Value| links.follow(value).is_object();
        match value {
            Value::Array(values) => {
                values.iter().take(MAX_DRAFTS).take_while(afforded).filter(is_object).nth(1).is_some()
            }
            Value::Object(object) => {
                let named = |value: &&'v Value| {
                    links
                        .follow(value)
                        .as_object()
                        .is_some_and(|held| has_own_key(held) || held.contains_key("price"))
                };
                object.values().take(MAX_DRAFTS).take_while(afforded).filter(named).nth(1).is_some()
            }
            _ => false,
        }
    }

    fn visit_later(&mut self, value: &'v Value, context: Context) {
        if self.scope.budget.charge_bytes(TASK_BYTES + self.path.len() as u64) {
            self.lists.push_back(Task { value, path: self.path.clone(), context });
        }
    }

    fn visit_last(&mut self, value: &'v Value, context: Context) {
        if self.scope.budget.charge_bytes(TASK_BYTES + self.path.len() as u64) {
            self.last.push_back(Task { value, path: self.path.clone(), context });
        }
    }

    fn keep(&mut self, mut draft: Draft, context: Context) {
        let key = draft.property.listing_key.as_ref();
        let is_other = context
            .inside
            .is_some_and(|at| key.is_some() && key != self.found.homes[at].property.listing_key.as_ref());
        draft.in_list = context.in_list || is_other;
        self.found.homes.push(draft);
    }

    /// Reads what is told to analytics: plain values, without the key, which is often another one.
    fn visit_told(&mut self, entries: &[Entry<'v>], depth: usize, below: Context) {
        let mut home = Home::new(self.scope, &self.path);
        home.gather(entries, Role::Tracking, 0);
        if is_whole(&home.draft) && !self.scope.budget.is_spent() {
            if self.found.told.len() < MAX_DRAFTS {
                home.draft.in_list = below.in_list;
                drop_estimate(&mut home.draft);
                self.found.told.push(home.draft);
            }
            return;
        }
        if depth >= MAX_TRACKING_DEPTH {
            return;
        }
        for entry in entries.iter().filter(|entry| entry.meaning.class != Some(KeyClass::Ignored)) {
            if entry.value.is_object() || entry.value.is_array() {
                self.visit(entry.value, Context { tracking: Some(depth + 1), ..below });
            }
        }
    }

    /// Caches keep whole answers as text.
    fn visit_text(&mut self, text: &str, context: Context) {
        let is_data = text.len() > LEAST_STRING && text.starts_with(['{', '[']) && text.ends_with(['}', ']']);
        if !is_data || context.strings >= MAX_STRINGS {
            return;
        }
        if let Some(value) = json::parse(text, self.scope.budget) {
            let scope = Scope { base: self.scope.base, budget: self.scope.budget, links: Links::None };
            let mut search = Search::new(scope, self.found, &self.path);
            search.run([&value], Context { strings: context.strings + 1, ..context });
        }
    }

    /// The home that an object with these entries is.
    fn home(&self, entries: &[Entry<'v>], context: Context) -> Option<ReadHome> {
        let is_side =
            |entry: &&Entry<'v>| entry.meaning.class == Some(KeyClass::Home) && entry.value.is_object();
        let sides: Vec<_> = entries.iter().filter(is_side).take(MAX_SIDES).collect();
        let says_something = entries.iter().any(|entry| self.is_evidence(entry));
        if !says_something && sides.len() < 2 {
            return None;
        }
        let has_key = entries
            .iter()
            .any(|entry| keys::is_own_key(entry.meaning.field) && self.scope.plain(entry.value).is_some());
        let is_named = context.is_named || has_key || entries.iter().any(is_home_type);
        let mut home = Home::new(self.scope, &self.path);
        home.gather(entries, if is_named { Role::Named } else { Role::Whole }, 0);
        self.with_sides(home.draft, &sides)
    }

    /// `{listing: {price}, property: {bedrooms}}`: neither is a home by itself, together they are. A side that is a
    /// home by itself is read for itself, unless it is the same one.
    fn with_sides(&self, mut draft: Draft, sides: &[&Entry<'v>]) -> Option<ReadHome> {
        let held: Vec<_> = sides.iter().map(|side| (self.side(side), address_of(side.value))).collect();
        let is_home = is_whole(&draft);
        if !is_home && held.iter().any(|(side, _)| is_whole(side)) {
            return None;
        }
        let mut read = Vec::new();
        for (mut side, address) in held {
            let key = side.property.listing_key.as_ref();
            let is_same = key.is_none() || key == draft.property.listing_key.as_ref();
            if is_whole(&side) && !is_same {
                continue;
            }
            if !is_same && draft.property.listing_key.is_some() {
                // The key of a building or of a contract is not that of the listing.
                side.property.listing_key = None;
                side.key_rank = None;
                side.ids.clear();
            }
            draft.merge_from(side);
            read.push(address);
        }
        is_whole(&draft).then_some(ReadHome { draft, sides: read })
    }

    fn side(&self, entry: &Entry<'v>) -> Draft {
        let mut path = self.path.clone();
        push_key(&mut path, entry.key);
        let mut side = Home::new(self.scope, &path);
        side.gather_object(entry.value, Role::Named, 0);
        side.draft
    }

    /// Whether an entry says something of a home, or may: without one the object is not looked at further.
    fn is_evidence(&self, entry: &Entry<'v>) -> bool {
        let is_fact = |field: Field| !keys::is_name(field) && self.scope.plain(entry.value).is_some();
        let is_part = matches!(
            entry.meaning.class,
            Some(KeyClass::Address | KeyClass::Geo | KeyClass::Price | KeyClass::Facts)
        );
        is_part || entry.meaning.field.is_some_and(is_fact)
    }
}

/// A home, and the addresses of its sides that are in it.
struct ReadHome {
    draft: Draft,
    sides: Vec<usize>,
}

/// Whether it is a complete home. Without a price it needs a street: saved searches have beds and a type as well.
fn is_whole(draft: &Draft) -> bool {
    draft.is_listing() && (draft.has_price() || draft.has_street())
}

/// The price that analytics are told of a home off the market is an estimate.
fn drop_estimate(told: &mut Draft) {
    let property = &mut told.property;
    if property.standard_status == Some(StandardStatus::Withdrawn) {
        (property.list_price, property.list_price_low, property.list_price_high) = (None, None, None);
    }
}

/// Whether a type's name says that the object is a home: `"__typename": "Listing"`.
fn is_home_type(entry: &Entry<'_>) -> bool {
    let Value::String(name) = entry.value else { return false };
    if !matches!(entry.key, "__typename" | "@type") || name.len() > LEAST_STRING {
        return false;
    }
    let name = name.to_ascii_lowercase();
    name == "ad" || HOME_TYPES.iter().any(|word| name.contains(word))
}
