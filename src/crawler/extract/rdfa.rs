//! The fourth layer: RDFa Lite (W3C, RDFa 1.1 Lite, with `rel`, `about` and `content` of RDFa Core) in the vocabularies
//! schema.org and GoodRelations, turned into the same objects that JSON-LD gives. Other vocabularies are not read, so
//! `<meta property="og:…">` is no RDFa here.

use std::collections::HashMap;

use scraper::ElementRef;
use serde_json::{Map, Value};

use super::bounds::MAX_URL;
use super::extraction::{Layer, LayerResult};
use super::items::{
    ELEMENT_STEPS, ElementValues, MAX_ITEM_DEPTH, MAX_ITEMS, MAX_LIST_BYTES, MAX_NAMES, MAX_TYPES,
    NAME_STEPS, OBJECT_BYTES, VALUE_BYTES, add, name_of,
};
use super::rdfa_terms::{Prefixes, Vocabulary};
use super::schema_org;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Stands for every type of a vocabulary that is not read.
const OTHER_TYPE: &str = "Other";
/// Lists of prefixes, and `rel` attributes whose objects are elements below, of one page.
const MAX_DECLARATIONS: usize = 200;

pub(super) fn read(page: &Page) -> LayerResult {
    let mut drafts = Vec::new();
    if page.has_rdfa() {
        let mut reader = Reader::new(page);
        if let Some(root) = page.elements().next() {
            reader.read_below(root);
        }
        let roots = reader.into_objects();
        drafts = schema_org::drafts(&roots, page.base(), page.budget(), Layer::Rdfa);
    }
    LayerResult { kind: Layer::Rdfa, drafts, skipped_blocks: 0 }
}

/// A subject: an element with `typeof`, or what `about` and `resource` name.
#[derive(Default)]
struct Item<'a> {
    id: Option<&'a str>,
    types: Vec<String>,
    properties: Vec<(String, Entry<'a>)>,
    /// How deep it is nested in other items.
    depth: usize,
    is_nested: bool,
}

enum Entry<'a> {
    Value(Value),
    /// An item that is nested here and nowhere else: the items form trees.
    Nested(usize),
    /// What may be an item of the page, and else is a URL.
    Reference {
        id: &'a str,
        url: Option<String>,
    },
}

/// What an element inherits.
#[derive(Clone, Copy, Default)]
struct Context {
    vocabulary: Option<Vocabulary>,
    /// Places in the lists of the reader.
    prefixes: Option<usize>,
    item: Option<usize>,
    relation: Option<usize>,
}

struct Reader<'a> {
    values: ElementValues<'a>,
    budget: &'a PageBudget,
    items: Vec<Item<'a>>,
    by_id: HashMap<&'a str, usize>,
    prefixes: Vec<Prefixes>,
    /// Item and name of each `rel` without an object of its own.
    relations: Vec<(usize, String)>,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page) -> Self {
        Self {
            values: ElementValues::new(page),
            budget: page.budget(),
            items: Vec::new(),
            by_id: HashMap::new(),
            prefixes: Vec::new(),
            relations: Vec::new(),
        }
    }

    fn read_below(&mut self, root: ElementRef<'a>) {
        let mut pending = vec![(root, Context::default())];
        while let Some((element, context)) = pending.pop() {
            if !self.budget.charge_steps(ELEMENT_STEPS) {
                return;
            }
            let context = self.enter(element, context);
            let children = element.children().rev().filter_map(ElementRef::wrap);
            pending.extend(children.map(|child| (child, context)));
        }
    }

    /// Reads the attributes of `element`, and gives what holds for the elements in it.
    fn enter(&mut self, element: ElementRef<'a>, mut context: Context) -> Context {
        if let Some(vocabulary) = element.attr("vocab") {
            context.vocabulary = Vocabulary::of(truncate(vocabulary.trim(), MAX_URL));
        }
        if let Some(list) = element.attr("prefix") {
            context.prefixes = self.declare(list, context).or(context.prefixes);
        }
        let property = element.attr("property");
        let names = self.names(property.or_else(|| element.attr("rel")), context);
        if let Some(types) = element.attr("typeof") {
            return self.enter_item(element, types, &names, context);
        }
        if property.is_some() {
            self.add_property(element, &names, context);
            return context;
        }
        if !names.is_empty() {
            context.relation = self.add_relation(element, &names, context);
            return context;
        }
        if let Some(id) = id_of(element) {
            context.item = self.item(id, 0);
            context.relation = None;
        }
        context
    }

    /// The place of the prefixes that `list` adds to those of `context`.
    fn declare(&mut self, list: &str, context: Context) -> Option<usize> {
        let list = truncate(list, MAX_LIST_BYTES);
        let known = context.prefixes.and_then(|at| self.prefixes.get(at));
        let bytes = list.len() as u64 + known.map_or(0, Prefixes::bytes);
        if self.prefixes.len() >= MAX_DECLARATIONS || !self.budget.charge_bytes(bytes) {
            return None;
        }
        let mut prefixes = known.cloned().unwrap_or_default();
        prefixes.add(list);
        self.prefixes.push(prefixes);
        Some(self.prefixes.len() - 1)
    }

    /// The names of schema.org that a list of terms means.
    fn names(&self, list: Option<&str>, context: Context) -> Vec<String> {
        let list = truncate(list.unwrap_or_default(), MAX_LIST_BYTES);
        if list.is_empty() || !self.budget.charge_scan(list.len()) {
            return Vec::new();
        }
        let terms = list.split_ascii_whitespace().take(MAX_NAMES);
        let charged = terms.take_while(|_| self.budget.charge_steps(NAME_STEPS));
        charged.filter_map(|term| self.resolve(term, context)).map(str::to_owned).collect()
    }

    fn resolve<'t>(&self, term: &'t str, context: Context) -> Option<&'t str> {
        let prefixes = context.prefixes.and_then(|at| self.prefixes.get(at));
        Vocabulary::resolve(term, context.vocabulary, prefixes)
    }

    fn enter_item(
        &mut self,
        element: ElementRef<'a>,
        types: &str,
        names: &[String],
        mut context: Context,
    ) -> Context {
        let owner = match (context.item, names.first()) {
            (Some(owner), Some(name)) => Some((owner, name.clone())),
            // A name without a subject, or an object of the `rel` above.
            (None, Some(_)) => None,
            (_, None) => context.relation.and_then(|at| self.relations.get(at).cloned()),
        };
        let depth = owner.as_ref().map_or(0, |(owner, _)| self.items[*owner].depth + 1);
        let id = id_of(element);
        let known = id.and_then(|id| self.by_id.get(id).copied());
        let item = known.or_else(|| self.new_item(id, depth));
        context.item = item;
        context.relation = None;
        let Some(item) = item else { return context };
        self.add_types(item, types, context);
        if let Some((owner, name)) = owner.filter(|(owner, _)| *owner != item) {
            let entry = match id {
                Some(id) if known.is_some() => Entry::Reference { id, url: None },
                _ => Entry::Nested(item),
            };
            self.items[item].is_nested |= known.is_none();
            self.add(owner, name, entry);
        }
        context
    }

    fn add_types(&mut self, item: usize, types: &str, context: Context) {
        let types = truncate(types, MAX_LIST_BYTES);
        if !self.budget.charge_bytes(VALUE_BYTES * MAX_TYPES as u64 + types.len() as u64) {
            return;
        }
        for term in types.split_ascii_whitespace().take(MAX_TYPES) {
            // What another vocabulary has a type for is something else, and not something without a type.
            let name = self.resolve(term, context).unwrap_or(OTHER_TYPE).to_owned();
            let known = &mut self.items[item].types;
            if known.len() < MAX_TYPES {
                known.push(name);
            }
        }
    }

    fn item(&mut self, id: &'a str, depth: usize) -> Option<usize> {
        self.by_id.get(id).copied().or_else(|| self.new_item(Some(id), depth))
    }

    fn new_item(&mut self, id: Option<&'a str>, depth: usize) -> Option<usize> {
        let fits = self.items.len() < MAX_ITEMS && depth <= MAX_ITEM_DEPTH;
        if !fits || !self.budget.charge_bytes(OBJECT_BYTES + id.map_or(0, str::len) as u64) {
            return None;
        }
        let at = self.items.len();
        self.items.push(Item { id, depth, ..Item::default() });
        if let Some(id) = id {
            self.by_id.insert(id, at);
        }
        Some(at)
    }

    fn add_property(&mut self, element: ElementRef<'a>, names: &[String], context: Context) {
        let Some(owner) = self.subject(element, context) else { return };
        for name in names {
            let name = name_of(element, name);
            let entry = match self.reference(element) {
                Some(reference) if name != "url" && element.attr("content").is_none() => reference,
                _ => Entry::Value(self.value(element)),
            };
            self.add(owner, name.to_owned(), entry);
        }
    }

    /// Adds what `rel` points at; without a target, gives the place of the relation for the items below.
    fn add_relation(&mut self, element: ElementRef<'a>, names: &[String], context: Context) -> Option<usize> {
        let owner = self.subject(element, context)?;
        if self.reference(element).is_none() {
            let name = names.first().filter(|_| self.relations.len() < MAX_DECLARATIONS)?;
            self.relations.push((owner, name.clone()));
            return Some(self.relations.len() - 1);
        }
        for name in names {
            if let Some(reference) = self.reference(element) {
                self.add(owner, name.clone(), reference);
            }
        }
        context.relation
    }

    fn subject(&mut self, element: ElementRef<'a>, context: Context) -> Option<usize> {
        match element.attr("about").and_then(id) {
            Some(about) => self.item(about, 0),
            None => context.item,
        }
    }

    /// What `resource`, `href` or `src` name.
    fn reference(&self, element: ElementRef<'a>) -> Option<Entry<'a>> {
        let attribute = ["resource", "href", "src"].into_iter().find(|name| element.attr(name).is_some())?;
        let id = id(element.attr(attribute)?)?;
        Some(Entry::Reference { id, url: self.values.url(element, attribute) })
    }

    /// The value of an element without an object: `content` and `datetime` first, whichever element it is.
    fn value(&self, element: ElementRef<'a>) -> Value {
        match element.attr("datetime").filter(|_| element.attr("content").is_none()) {
            Some(time) => self.values.text_value(truncate(time, MAX_LIST_BYTES)),
            None => self.values.value(element),
        }
    }

    fn add(&mut self, owner: usize, name: String, entry: Entry<'a>) {
        let bytes = VALUE_BYTES + name.len() as u64;
        if self.budget.charge_bytes(bytes) && self.budget.charge_steps(NAME_STEPS) {
            self.items[owner].properties.push((name, entry));
        }
    }

    fn into_objects(mut self) -> Vec<Value> {
        let is_root =
            |item: &Item<'_>| !(item.is_nested || item.types.is_empty() && item.properties.is_empty());
        let roots: Vec<_> = (0..self.items.len()).filter(|at| is_root(&self.items[*at])).collect();
        roots.into_iter().map(|root| self.object(root)).collect()
    }

    /// The object of an item and of those nested in it, at most `MAX_ITEM_DEPTH` deep.
    fn object(&mut self, at: usize) -> Value {
        let item = std::mem::take(&mut self.items[at]);
        let mut object = Map::new();
        if !item.types.is_empty() {
            object.insert("@type".to_owned(), Value::from(item.types));
        }
        if let Some(id) = item.id {
            object.insert("@id".to_owned(), Value::from(id));
        }
        for (name, entry) in item.properties {
            if !self.budget.charge_steps(NAME_STEPS) {
                break;
            }
            let value = match entry {
                Entry::Value(value) => value,
                Entry::Nested(nested) => self.object(nested),
                Entry::Reference { id, url } => self.referred(id, url),
            };
            add(&mut object, &name, value);
        }
        Value::Object(object)
    }

    fn referred(&self, id: &str, url: Option<String>) -> Value {
        if !self.by_id.contains_key(id) {
            return url.map_or(Value::Null, |url| self.values.text_value(&url));
        }
        if !self.budget.charge_bytes(OBJECT_BYTES + id.len() as u64) {
            return Value::Null;
        }
        Value::Object(Map::from_iter([("@id".to_owned(), Value::from(id))]))
    }
}

fn id_of(element: ElementRef<'_>) -> Option<&str> {
    element.attr("resource").or_else(|| element.attr("about")).and_then(id)
}

fn id(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|id| !id.is_empty() && id.len() <= MAX_URL)
}

#[cfg(test)]
mod tests {
    use super::super::draft::Draft;
    use super::*;

    fn read_page(html: &str) -> Vec<Draft> {
        let url = "https://homes.example.com/page/1".parse().unwrap();
        read(&Page::parse(html, &url, PageBudget::for_page(html.len()))).drafts
    }

    fn one(html: &str) -> Draft {
        let mut drafts = read_page(html);
        assert_eq!(drafts.len(), 1, "{drafts:#?}");
        drafts.remove(0)
    }

    #[test]
    fn a_home_with_its_offer_and_address_is_one_draft() {
        let draft = one(
            r#"<div vocab="https://schema.org/" typeof="House"><meta property="identifier" content="K1">
            <a property="url" href="/h/1"><span property="name">Home</span></a>
            <img property="image" src="/1.jpg"><span property="numberOfBedrooms">3</span>
            <div property="address" typeof="PostalAddress"><b property="streetAddress">12 Oak St</b>
            <b property="addressLocality">Town</b></div><time property="datePosted" datetime="2026-03-01">March</time>
            <div property="offers" typeof="Offer"><span property="price" content="425000">€425.000</span>
            <meta property="priceCurrency" content="EUR">
            <link property="availability" href="http://schema.org/InStock"></div></div>"#,
        );

        let property = &draft.property;
        assert_eq!(draft.layer, Layer::Rdfa);
        assert_eq!(property.listing_key.as_deref(), Some("K1"));
        assert_eq!(property.source_url.as_deref(), Some("https://homes.example.com/h/1"));
        assert_eq!((property.list_price, draft.currency.code()), (Some(425_000.0), Some("EUR")));
        assert_eq!(property.bedrooms_total, Some(3));
        assert_eq!(property.address.as_ref().unwrap().street.as_deref(), Some("12 Oak St"));
        assert!(property.standard_status.is_some() && property.listed_at.is_some());
        assert_eq!(property.media.as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn prefixes_are_declared_or_known() {
        for html in [
            "<p typeof=schema:House><b property=schema:numberOfBedrooms>2</b>",
            "<p prefix='s: http://schema.org/' typeof=s:house><b property=s:numberOfBedrooms>2</b>",
            "<p typeof='http://schema.org/House'><b property='https://schema.org/numberOfBedrooms'>2</b>",
        ] {
            let draft = one(html);
            assert!(draft.residence && draft.property.bedrooms_total == Some(2), "{html}");
        }
    }

    #[test]
    fn items_are_joined_by_resource_and_by_rel() {
        let draft = one("<div vocab='http://schema.org/'><div typeof=Offer><b property=price>500000</b>
            <link property=itemOffered href='#home'></div><div typeof=Place resource='#home'></div>
            <p about='#home' property=numberOfBedrooms>2</p></div>");
        let related = one("<div vocab='http://schema.org/' typeof=House><div rel=offers><div typeof=Offer>\
             <b property=price>700000</b></div></div></div>");

        assert_eq!((draft.property.list_price, draft.property.bedrooms_total), (Some(500_000.0), Some(2)));
        assert_eq!(related.property.list_price, Some(700_000.0));
    }

    #[test]
    fn good_relations_are_understood() {
        let draft = one(
            "<div typeof=gr:Offering><div rel=gr:hasPriceSpecification><div typeof=gr:UnitPriceSpecification>
            <b property=gr:hasCurrencyValue content=1250>x</b><b property=gr:hasCurrency content=GBP>x</b></div></div>
            <a rel=gr:hasBusinessFunction href='http://purl.org/goodrelations/v1#LeaseOut'></a></div>",
        );

        assert_eq!((draft.property.list_price, draft.currency.code()), (Some(1_250.0), Some("GBP")));
        assert_eq!(draft.property.listing_type, Some(crate::protocol::property::ListingType::Lease));
    }

    #[test]
    fn other_vocabularies_are_not_read() {
        for html in [
            "<meta property=og:title content=x><meta property=product:price:amount content=5>",
            "<p typeof=House><b property=numberOfBedrooms>2</b>",
            "<p vocab='http://xmlns.com/foaf/0.1/' typeof=House><b property=price>2</b>",
            "<p vocab='http://schema.org/' typeof=RealEstateAgent><b property=address>1 Rd</b>",
        ] {
            assert!(read_page(html).is_empty(), "{html}");
        }
    }

    #[test]
    fn loops_and_depth_are_bounded() {
        let loops = "<p vocab='http://schema.org/' typeof=House resource=a><b property=about resource=b></b></p>\
                     <p vocab='http://schema.org/' typeof=House resource=b><b property=about resource=a></b></p>";
        let deep = "<div vocab='http://schema.org/' property=about typeof=House>".repeat(400);

        assert_eq!(read_page(loops).len(), 2);
        assert!(!read_page(&deep).is_empty());
    }
}
