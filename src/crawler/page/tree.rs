//! The tree builder behind a budget: each token, and each access of the builder to its stacks, counts against it.
//! Only what the readers look at is kept of a page.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilder, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, LocalName, QualName, local_name};
use scraper::{Html, HtmlTreeSink};

use crate::crawler::budget::{PageBudget, Truncation};

type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// Browsers stop nesting at 512 as well.
const MAX_DEPTH: usize = 512;
/// Nodes of a tree: a page of 5 MiB with a tag every 16 bytes.
const MAX_NODES: usize = 300_000;
/// One of this many new nodes is measured for its depth.
const SAMPLE: usize = 8;

/// Steps of a token, of a new node, and of one attribute of it.
const TOKEN_STEPS: u64 = 12;
const NODE_STEPS: u64 = 16;
const ATTRIBUTE_STEPS: u64 = 4;
/// Bytes of a node and of an attribute, with the room that a growing tree takes while it moves.
const NODE_BYTES: u64 = 320;
const ATTRIBUTE_BYTES: u64 = 48;
/// Bytes of a piece of text that waits for its place in a table.
const TEXT_BYTES: u64 = 48;

/// What the text is after the last tag.
#[derive(Clone, Debug)]
pub(super) enum RawText {
    /// Text up to this end tag.
    UntilTag(LocalName),
    /// Text to the end of the page.
    UntilEnd,
}

/// Between the tokenizer and the tree builder.
pub(super) struct BudgetedTokenSink<'a> {
    builder: TreeBuilder<NodeId, BudgetedTreeSink<'a>>,
    budget: &'a PageBudget,
    tokens: Cell<u64>,
    tags: Cell<u64>,
    comments: Cell<u64>,
    raw_text: RefCell<Option<RawText>>,
    /// Attributes that are kept beside those that the readers look at, by name.
    kept: &'a [String],
}

impl<'a> BudgetedTokenSink<'a> {
    pub(super) fn new(budget: &'a PageBudget, options: TreeBuilderOpts, kept: &'a [String]) -> Self {
        let sink = BudgetedTreeSink {
            tree: HtmlTreeSink::new(Html::new_document()),
            budget,
            nodes: Cell::new(0),
            errors: Cell::new(0),
            widest_formatting: Cell::new(0),
        };
        Self {
            builder: TreeBuilder::new(sink, options),
            budget,
            tokens: Cell::default(),
            tags: Cell::default(),
            comments: Cell::default(),
            raw_text: RefCell::default(),
            kept,
        }
    }

    /// Tokens so far, of any kind.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens.get()
    }

    pub(super) fn tags(&self) -> u64 {
        self.tags.get()
    }

    pub(super) fn comments(&self) -> u64 {
        self.comments.get()
    }

    pub(super) fn raw_text(&self) -> Option<RawText> {
        self.raw_text.borrow().clone()
    }

    /// Errors in the markup so far: none of them matters to a crawl.
    #[cfg(test)]
    pub(super) fn errors(&self) -> u64 {
        self.builder.sink.errors.get()
    }

    pub(super) fn finish(self) -> Html {
        self.builder.sink.finish()
    }

    fn forward(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        self.tokens.set(self.tokens.get() + 1);
        if !self.budget.charge_steps(TOKEN_STEPS) {
            return TokenSinkResult::Continue;
        }
        self.builder.process_token(token, line)
    }

    fn forward_tag(&self, mut tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        self.tags.set(self.tags.get() + 1);
        *self.raw_text.borrow_mut() = None;
        if tag.kind == TagKind::EndTag {
            tag.attrs.clear();
            return self.forward(Token::TagToken(tag), line);
        }
        self.budget.charge_steps(tag.attrs.len() as u64 * ATTRIBUTE_STEPS);
        tag.attrs.retain(|attribute| {
            is_relevant_attribute(attribute, &tag.name) || is_kept_attribute(attribute, self.kept)
        });
        if is_formatting(&tag.name) {
            let widest = &self.builder.sink.widest_formatting;
            widest.set(widest.get().max(tag.attrs.len() as u64));
        }
        let name = tag.name.clone();
        let result = self.forward(Token::TagToken(tag), line);
        *self.raw_text.borrow_mut() = match result {
            TokenSinkResult::RawData(_) => Some(RawText::UntilTag(name)),
            TokenSinkResult::Plaintext => Some(RawText::UntilEnd),
            _ => None,
        };
        result
    }
}

impl TokenSink for BudgetedTokenSink<'_> {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        match token {
            Token::TagToken(tag) => self.forward_tag(tag, line),
            Token::CharacterTokens(text) => {
                self.budget.charge_bytes(TEXT_BYTES);
                self.budget.charge_scan(text.len());
                self.forward(Token::CharacterTokens(text), line)
            }
            // Nothing reads comments.
            Token::CommentToken(_) => {
                self.comments.set(self.comments.get() + 1);
                self.tokens.set(self.tokens.get() + 1);
                self.budget.charge_steps(TOKEN_STEPS);
                TokenSinkResult::Continue
            }
            Token::ParseError(message) => {
                self.budget.charge_steps(TOKEN_STEPS);
                self.builder.sink.parse_error(message);
                TokenSinkResult::Continue
            }
            Token::DoctypeToken(_) | Token::NullCharacterToken | Token::EOFToken => self.forward(token, line),
        }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Bytes of an attribute that is read as words or as a short text.
const MAX_WORDS_BYTES: usize = 2_000;
/// Bytes of an attribute that a spider's rules look at.
const MAX_KEPT_BYTES: usize = 8 * 1024;
/// Bytes of a style that is looked at: it matters only whether it hides the element or strikes its text out.
const MAX_STYLE_BYTES: usize = 400;

/// The attributes that the readers of a page and the tree builder look at.
fn is_relevant_attribute(attribute: &Attribute, tag: &LocalName) -> bool {
    let bytes = attribute.value.len();
    match attribute.name.local {
        local_name!("href")
        | local_name!("rel")
        | local_name!("id")
        | local_name!("content")
        | local_name!("name")
        | local_name!("type")
        | local_name!("itemid")
        | local_name!("itemprop")
        | local_name!("itemref")
        | local_name!("itemscope")
        | local_name!("itemtype")
        | local_name!("src")
        | local_name!("data")
        | local_name!("value")
        | local_name!("datetime")
        | local_name!("download")
        | local_name!("hidden")
        | local_name!("http-equiv")
        | local_name!("encoding") => true,
        local_name!("class")
        | local_name!("property")
        | local_name!("title")
        | local_name!("alt")
        | local_name!("role")
        | local_name!("aria-label")
        | local_name!("aria-hidden") => bytes <= MAX_WORDS_BYTES,
        local_name!("style") => bytes <= MAX_STYLE_BYTES && is_relevant_style(&attribute.value),
        // They decide whether a `font` tag ends a drawing.
        local_name!("color") | local_name!("face") | local_name!("size") => *tag == local_name!("font"),
        _ => bytes <= MAX_WORDS_BYTES && is_data_name(&attribute.name.local),
    }
}

/// Whether the rules of a spider look at an attribute.
fn is_kept_attribute(attribute: &Attribute, kept: &[String]) -> bool {
    let name = &*attribute.name.local;
    attribute.value.len() <= MAX_KEPT_BYTES && kept.iter().any(|known| known == name)
}

fn is_relevant_style(style: &str) -> bool {
    style.contains("none") || style.contains("hidden") || style.contains("line-through")
}

/// Attributes of RDFa, those in which sites put facts of a home for their own scripts, and those that name elements for
/// their own tests.
fn is_data_name(name: &str) -> bool {
    match name.strip_prefix("data-") {
        None => matches!(name, "vocab" | "typeof" | "resource" | "prefix" | "about"),
        Some(name) => matches!(
            name,
            "price"
                | "currency"
                | "id"
                | "listing-id"
                | "property-id"
                | "lat"
                | "lng"
                | "lon"
                | "latitude"
                | "longitude"
                | "beds"
                | "bedrooms"
                | "rooms"
                | "baths"
                | "bathrooms"
                | "area"
                | "sqft"
                | "address"
                | "city"
                | "cy"
                | "name"
                | "qa"
                | "role"
                | "test"
                | "testid"
                | "postcode"
                | "zip"
                | "status"
        ),
    }
}

/// Elements that the builder opens again where markup is nested wrongly.
fn is_formatting(tag: &LocalName) -> bool {
    matches!(
        *tag,
        local_name!("a")
            | local_name!("b")
            | local_name!("big")
            | local_name!("code")
            | local_name!("em")
            | local_name!("font")
            | local_name!("i")
            | local_name!("nobr")
            | local_name!("s")
            | local_name!("small")
            | local_name!("strike")
            | local_name!("strong")
            | local_name!("tt")
            | local_name!("u")
    )
}

/// Scraper's tree, with every call of the builder counted: it walks its stacks of open and of formatting elements
/// through these.
struct BudgetedTreeSink<'a> {
    tree: HtmlTreeSink,
    budget: &'a PageBudget,
    nodes: Cell<usize>,
    errors: Cell<u64>,
    /// The most attributes that a formatting element had. The builder compares such elements, attributes and all,
    /// once for each time that it compares their handles.
    widest_formatting: Cell<u64>,
}

impl BudgetedTreeSink<'_> {
    fn count_node(&self, attributes: usize) {
        let attributes = attributes as u64;
        self.budget.charge_steps(NODE_STEPS + attributes * ATTRIBUTE_STEPS);
        self.budget.charge_bytes(NODE_BYTES + attributes * ATTRIBUTE_BYTES);
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            self.budget.stop(Truncation::Nodes);
        }
    }

    fn measure_depth(&self, parent: NodeId) {
        if !self.nodes.get().is_multiple_of(SAMPLE) {
            return;
        }
        let html = self.tree.0.borrow();
        let Some(parent) = html.tree.get(parent) else { return };
        let depth = parent.ancestors().take(MAX_DEPTH).count();
        self.budget.charge_steps(depth as u64);
        if depth >= MAX_DEPTH {
            self.budget.stop(Truncation::Depth);
        }
    }

    /// Whether text that is added to `parent` joins the text before it.
    fn ends_with_text(&self, parent: NodeId) -> bool {
        let html = self.tree.0.borrow();
        html.tree
            .get(parent)
            .and_then(|parent| parent.last_child())
            .is_some_and(|last| last.value().is_text())
    }

    /// Whether `child` is to be added. What comes after the end of the budget stays without a place in the tree.
    fn accepts(&self, child: &NodeOrText<NodeId>) -> bool {
        match child {
            NodeOrText::AppendText(text) => {
                self.budget.charge_scan(text.len()) && self.budget.charge_steps(NODE_STEPS)
            }
            NodeOrText::AppendNode(_) => {
                self.budget.charge_steps(NODE_STEPS);
                true
            }
        }
    }
}

impl TreeSink for BudgetedTreeSink<'_> {
    type Output = Html;
    type Handle = NodeId;
    type ElemName<'b>
        = Ref<'b, QualName>
    where
        Self: 'b;

    fn finish(self) -> Html {
        self.tree.finish()
    }

    fn parse_error(&self, _message: Cow<'static, str>) {
        self.budget.charge_steps(2);
        self.errors.set(self.errors.get() + 1);
    }

    fn get_document(&self) -> NodeId {
        self.tree.get_document()
    }

    fn elem_name<'b>(&'b self, target: &'b NodeId) -> Ref<'b, QualName> {
        self.budget.charge_steps(1);
        self.tree.elem_name(target)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.count_node(attributes.len());
        self.tree.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count_node(0);
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count_node(0);
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        if self.accepts(&child) {
            if matches!(child, NodeOrText::AppendText(_)) && !self.ends_with_text(*parent) {
                self.count_node(0);
            }
            self.measure_depth(*parent);
            self.tree.append(parent, child);
        }
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        if self.accepts(&child) {
            self.count_node(0);
            self.measure_depth(*element);
            self.tree.append_based_on_parent_node(element, previous, child);
        }
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        if self.accepts(&child) {
            self.count_node(0);
            self.measure_depth(*sibling);
            self.tree.append_before_sibling(sibling, child);
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.count_node(0);
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        self.budget.charge_steps(2 + 4 * self.widest_formatting.get());
        x == y
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.budget.charge_steps(attributes.len() as u64 * NODE_STEPS);
        self.tree.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.budget.charge_steps(NODE_STEPS);
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.budget.charge_steps(NODE_STEPS);
        self.tree.reparent_children(node, new_parent);
    }
}
