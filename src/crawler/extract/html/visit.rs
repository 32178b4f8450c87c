//! Walks over a page once and makes its outline. What people do not see is left out: hidden elements, templates, what
//! is shown without scripts only.

use scraper::node::Element;

use super::super::values;
use super::class_words::{hides, marks_of};
use super::marks::Marks;
use super::outline::{Block, Outline, Piece};
use super::targets::{OwnPage, Target, Targets, hash};
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::{Page, Visitor};

/// Elements and texts of a page that are looked at. Real pages have some thousands.
const MAX_BLOCKS: usize = 40_000;
const MAX_PIECES: usize = 40_000;
const MAX_METAS: usize = 200;
const MAX_HINTS: usize = 1_000;
/// Bytes of a hint that may be a label.
const MAX_HINT_BYTES: usize = 50;
const MAX_META_BYTES: usize = 9_000;
/// Bytes of a text in which a word for a currency is looked for: beside an amount, and alone.
const MAX_AMOUNT_TEXT: usize = 400;
const MAX_CURRENCY_TEXT: usize = 80;

/// Steps of an element beside those for its attributes, and the bytes of its entry and of its group of like
/// elements.
const BLOCK_STEPS: u64 = 12;
/// An attribute costs as much as so many bytes of its value.
const ATTRIBUTE_BYTES: usize = 12;
const BLOCK_BYTES: u64 = 320;
const PIECE_BYTES: u64 = 48;

/// The outline of `page`, without the regions that are found by comparing its parts.
pub(super) fn outline(page: &Page) -> Outline<'_> {
    let mut builder = Builder {
        outline: Outline::default(),
        open: Vec::new(),
        own: OwnPage::new(page.url()),
        budget: page.budget(),
        in_title: false,
    };
    page.walk(&mut builder);
    while !builder.open.is_empty() {
        builder.close_block();
    }
    builder.outline
}

struct Builder<'a> {
    outline: Outline<'a>,
    /// Places of the open elements. The title and its like are none.
    open: Vec<usize>,
    own: OwnPage,
    budget: &'a PageBudget,
    in_title: bool,
}

impl<'a> Visitor<'a> for Builder<'a> {
    fn open(&mut self, element: &'a Element) -> bool {
        match element.name() {
            "meta" => self.meta(element),
            "script" => self.script(element),
            "title" => {
                self.in_title = self.outline.title.is_empty();
                return self.in_title;
            }
            "style" | "template" | "noscript" | "svg" | "math" | "select" | "datalist" | "textarea"
            | "link" | "base" | "object" | "embed" | "canvas" | "noembed" | "noframes" => {}
            _ => return self.open_block(element),
        }
        false
    }

    fn text(&mut self, text: &'a str) {
        if self.in_title {
            if self.outline.title.is_empty() {
                self.outline.title = truncate(text.trim(), MAX_META_BYTES);
            }
            return;
        }
        let text = text.trim();
        let Some(block) = self.open.last().copied().filter(|_| !text.is_empty()) else { return };
        if self.outline.pieces.len() >= MAX_PIECES
            || !self.budget.charge_bytes(PIECE_BYTES)
            || !self.budget.charge_scan(2 * text.len())
        {
            return;
        }
        let (has_digit, has_currency) = looks_of(text);
        if let Some(block) = self.outline.blocks.get_mut(block) {
            block.text_bytes += text.len();
            block.prices += usize::from(has_digit && has_currency);
        }
        self.outline.pieces.push(Piece { text, block, has_digit, has_currency });
    }

    fn close(&mut self) {
        if self.in_title {
            self.in_title = false;
        } else {
            self.close_block();
        }
    }
}

impl<'a> Builder<'a> {
    fn open_block(&mut self, element: &'a Element) -> bool {
        let place = self.outline.blocks.len();
        if place >= MAX_BLOCKS || !self.budget.charge_bytes(BLOCK_BYTES) {
            return false;
        }
        let seen = self.attributes(element, place);
        let is_root = matches!(element.name(), "html" | "body");
        if seen.marks.has(Marks::HIDDEN) && !is_root {
            return false;
        }
        // The classes of the whole page say what is somewhere in it.
        let marks = if is_root { Marks::NONE } else { seen.marks.with(marks_of_tag(element.name())) };
        let parent = self.open.last().copied().unwrap_or(place);
        let kind = hash(seen.class.as_bytes(), hash(element.name().as_bytes(), 0));
        let around = self.outline.blocks.get(parent).map_or(0, |parent| parent.signature);
        let first_text = self.outline.pieces.len();
        self.outline.blocks.push(Block {
            element,
            parent,
            end: place + 1,
            first_text,
            end_text: first_text,
            marks,
            level: heading_level(element.name()),
            // Two levels around the element stay in the upper bits; what is further up is shifted out.
            signature: (around << 22) | (kind & 0x003f_ffff),
            targets: Targets { first: seen.target, many: false },
            has_image: matches!(element.name(), "img" | "picture" | "video"),
            text_bytes: 0,
            prices: 0,
        });
        self.open.push(place);
        true
    }

    fn close_block(&mut self) {
        let Some(place) = self.open.pop() else { return };
        let (end, end_text) = (self.outline.blocks.len(), self.outline.pieces.len());
        let Some(block) = self.outline.blocks.get_mut(place) else { return };
        (block.end, block.end_text) = (end, end_text);
        let (parent, targets) = (block.parent, block.targets);
        let (has_image, text_bytes, prices) = (block.has_image, block.text_bytes, block.prices);
        if parent == place {
            return;
        }
        if let Some(parent) = self.outline.blocks.get_mut(parent) {
            parent.targets.add(targets);
            parent.has_image |= has_image;
            parent.text_bytes += text_bytes;
            parent.prices += prices;
        }
    }

    fn attributes(&mut self, element: &'a Element, place: usize) -> Seen<'a> {
        let mut seen = Seen::default();
        let mut bytes = 0;
        for (name, value) in element.attrs() {
            bytes += ATTRIBUTE_BYTES + value.len().min(300);
            match name {
                "class" => {
                    seen.class = first_class(value);
                    seen.marks.add(marks_of(value));
                    if hides(truncate(value, 400)) {
                        seen.marks.add(Marks::HIDDEN);
                    }
                }
                "id" | "role" => {
                    seen.marks.add(marks_of(value));
                    self.outline.has_challenge |= name == "id" && is_challenge_id(value);
                }
                "itemprop" if value.eq_ignore_ascii_case("price") => seen.marks.add(Marks::PRICE),
                "hidden" => seen.marks.add(Marks::HIDDEN),
                "style" => seen.marks.add(marks_of_style(value)),
                "href" if element.name() == "a" => seen.target = self.own.target(value, place),
                "title" | "aria-label" | "alt" => self.hint(place, value),
                "type" if value.eq_ignore_ascii_case("password") => self.outline.has_password_field = true,
                "src" if element.name() == "iframe" => {
                    self.outline.has_challenge |= is_challenge_source(value);
                }
                _ if name.starts_with("data-") && self.outline.with_data.last() != Some(&place) => {
                    self.outline.with_data.push(place);
                }
                _ => {}
            }
        }
        if seen.target.is_some() {
            seen.marks.add(Marks::LINK);
        }
        self.budget.charge_steps(BLOCK_STEPS + bytes as u64 / 4);
        seen
    }

    fn hint(&mut self, place: usize, value: &'a str) {
        let value = value.trim();
        if !value.is_empty() && value.len() <= MAX_HINT_BYTES && self.outline.with_hint.len() < MAX_HINTS {
            self.outline.with_hint.push((place, value));
        }
    }

    fn meta(&mut self, meta: &'a Element) {
        let name = meta.attr("property").or_else(|| meta.attr("name"));
        if let (Some(name), Some(content)) = (name, meta.attr("content"))
            && self.outline.metas.len() < MAX_METAS
            && name.len() <= 60
        {
            self.budget.charge_steps(BLOCK_STEPS);
            self.outline.metas.push((name.trim(), truncate(content.trim(), MAX_META_BYTES)));
        }
    }

    fn script(&mut self, script: &'a Element) {
        let kind = script.attr("type").unwrap_or_default();
        self.outline.has_data_script |=
            kind.eq_ignore_ascii_case("application/ld+json") || kind.eq_ignore_ascii_case("application/json");
        self.outline.has_challenge |= script.attr("src").is_some_and(is_challenge_source);
    }
}

/// What the attributes of an element say.
#[derive(Default)]
struct Seen<'a> {
    class: &'a str,
    marks: Marks,
    target: Option<Target>,
}

/// The first class up to its first digit: `card-17` and `card-18` are alike.
fn first_class(class: &str) -> &str {
    let first = class.split_ascii_whitespace().next().unwrap_or_default();
    first.split(|one: char| one.is_ascii_digit()).next().unwrap_or_default()
}

fn marks_of_tag(name: &str) -> Marks {
    match name {
        "nav" => Marks::NAV,
        "footer" => Marks::FOOTER,
        "aside" => Marks::ASIDE,
        "form" | "dialog" | "button" => Marks::FORM,
        "del" | "s" | "strike" => Marks::STRUCK,
        "h1" | "h2" | "h3" => Marks::HEADING.with(Marks::LARGE),
        "h4" | "h5" | "h6" => Marks::HEADING,
        _ => Marks::NONE,
    }
}

fn marks_of_style(style: &str) -> Marks {
    let declares = |property: &str, value: &str| {
        style.split(';').filter_map(|one| one.split_once(':')).any(|(name, rest)| {
            name.trim().eq_ignore_ascii_case(property) && rest.trim_start().starts_with(value)
        })
    };
    let hidden = declares("display", "none") || declares("visibility", "hidden");
    match (hidden, style.contains("line-through")) {
        (true, _) => Marks::HIDDEN,
        (false, true) => Marks::STRUCK,
        (false, false) => Marks::NONE,
    }
}

fn heading_level(name: &str) -> u8 {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => level - b'0',
        _ => 0,
    }
}

/// Elements of the pages that Cloudflare, PerimeterX, Distil and Akamai show instead of a page.
fn is_challenge_id(id: &str) -> bool {
    matches!(
        id,
        "challenge-form"
            | "challenge-running"
            | "challenge-error-text"
            | "cf-wrapper"
            | "px-captcha"
            | "captcha-container"
            | "captcha-box"
            | "distilCaptchaForm"
            | "sec-if-container"
    )
}

/// The same of DataDome, Imperva and Arkose.
fn is_challenge_source(source: &str) -> bool {
    let source = truncate(source, 300);
    ["captcha-delivery.com", "_Incapsula_Resource?", "arkoselabs.com/fc/"]
        .iter()
        .any(|part| source.contains(part))
}

/// Whether a text has a digit, and a sign or a word of a currency.
fn looks_of(text: &str) -> (bool, bool) {
    let (mut has_digit, mut has_sign) = (false, false);
    for one in text.chars() {
        match one {
            // ASCII, Arabic, Persian, Hindi, Bengali, Thai and full width.
            '0'..='9' | '٠'..='٩' | '۰'..='۹' | '०'..='९' | '০'..='৯' | '๐'..='๙' | '０'..='９' =>
            {
                has_digit = true;
            }
            '$'
            | '£'
            | '¥'
            | '\u{20a0}'..='\u{20bf}'
            | '฿'
            | '円'
            | '元'
            | '圓'
            | '万'
            | '萬'
            | '億'
            | '亿'
            | '억'
            | '￥'
            | '￡'
            | '￦'
            | '원' => has_sign = true,
            _ => {}
        }
    }
    // Without a digit only the text of the currency alone matters.
    let most = if has_digit { MAX_AMOUNT_TEXT } else { MAX_CURRENCY_TEXT };
    let has_currency = has_sign || (text.len() <= most && values::shows_currency(text));
    (has_digit, has_currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_noticed_by_signs_codes_and_words() {
        for text in [
            "425.000 €",
            "£1m",
            "1 450 000 Kč",
            "CHF 1'250'000.–",
            "3億5,000万円",
            "R 1 395 000",
            "2,520,000 د.إ",
            "KSh 12,500,000",
            "S/ 450,000",
            "Gs. 950.000.000",
            "৳ 12,500,000",
            "KD 350.500",
            "Php 4,500,000",
            "SFr. 1'250'000",
            "1,250,000 DH",
            "1,250,000 Dhs",
            "LE 3,000,000",
            "٤٢٥٬٠٠٠ ر.س",
        ] {
            assert_eq!(looks_of(text), (true, true), "{text}");
        }
        for text in ["3 bedrooms", "4 BD 3 BA", "T4", "P 1,200,000"] {
            assert_eq!(looks_of(text), (true, false), "{text}");
        }
        assert_eq!(looks_of("KSh"), (false, true));
        assert_eq!(looks_of("Kaufpreis"), (false, false));
        assert_eq!(looks_of("€"), (false, true));
    }

    #[test]
    fn a_style_hides_or_strikes_out() {
        assert_eq!(marks_of_style("color:red; display: none"), Marks::HIDDEN);
        assert_eq!(marks_of_style("text-decoration:line-through"), Marks::STRUCK);
        assert_eq!(marks_of_style("border:none;overflow:hidden"), Marks::NONE);
    }

    #[test]
    fn the_outline_has_what_people_see() {
        let html = "<html lang=de><title> T </title><body style='display:none'><h1>A</h1><div hidden>x</div>\
                    <p class='d-none'>x<p>B <b>C</b></p><script>y</script><noscript>z</noscript>\
                    <template><i>w</i></template><select><option>v</select><svg><title>u</title></svg>";
        let url = "https://homes.example.com/1".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));

        let outline = outline(&page);

        assert_eq!(outline.title, "T");
        let texts: Vec<_> = outline.pieces.iter().map(|piece| piece.text).collect();
        assert_eq!(texts, ["A", "B", "C"]);
        let body = &outline.blocks[outline.blocks.iter().position(|block| block.name() == "body").unwrap()];
        assert_eq!((body.text_bytes, body.end, body.end_text), (3, outline.blocks.len(), 3));
    }
}
