//! Feeds the tokenizer, one stretch of markup at a time. A tag is measured before the tokenizer sees it; between tags
//! the two stay in sync, because the tokenizer reports which tokens it read.

use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{TokenSink, Tokenizer, TokenizerOpts};
use html5ever::{TokenizerResult, tree_builder};
use scraper::Html;

use super::tags::{self, TagEnd};
use super::tree::{BudgetedTokenSink, RawText};
use crate::base::text;
use crate::crawler::budget::{PageBudget, Truncation};

/// Bytes given to the tokenizer at once, unless one tag is longer: between two stretches the budget is looked at.
const STRETCH_BYTES: usize = 16 * 1024;
/// The tokenizer compares an attribute with those before it; this many comparisons are one step.
const COMPARISONS_PER_STEP: usize = 8;

/// Elements with content that may be text without tags.
const RAW_TEXT: [&[u8]; 10] = [
    b"title",
    b"textarea",
    b"style",
    b"xmp",
    b"iframe",
    b"noembed",
    b"noframes",
    b"noscript",
    b"script",
    b"plaintext",
];

/// The tree of `html`, up to where the budget was spent. Attributes that are named in `kept` are kept.
pub(super) fn parse(html: &str, budget: &PageBudget, kept: &[String]) -> Html {
    Feeder::run(html, budget, kept).tokenizer.sink.finish()
}

/// Errors in the markup of `html`.
#[cfg(test)]
pub(super) fn errors(html: &str) -> u64 {
    Feeder::run(html, &PageBudget::for_page(html.len()), &[]).tokenizer.sink.errors()
}

struct Feeder<'a> {
    html: &'a str,
    shared: StrTendril,
    tokenizer: Tokenizer<BudgetedTokenSink<'a>>,
    queue: BufferQueue,
    budget: &'a PageBudget,
    /// How much of the page the tokenizer has.
    fed: usize,
}

struct MeasuredTag {
    end: usize,
    /// Whether the page holds its end.
    is_whole: bool,
}

impl<'a> Feeder<'a> {
    fn run(html: &'a str, budget: &'a PageBudget, kept: &'a [String]) -> Self {
        let gate = BudgetedTokenSink::new(budget, tree_builder::TreeBuilderOpts::default(), kept);
        let mut feeder = Self {
            html,
            // One copy for the whole page: what the tree keeps of it is shared.
            shared: StrTendril::from_slice(html),
            tokenizer: Tokenizer::new(gate, TokenizerOpts::default()),
            queue: BufferQueue::default(),
            budget,
            fed: 0,
        };
        budget.charge_bytes(html.len() as u64);
        feeder.feed_all();
        feeder.tokenizer.end();
        feeder
    }

    fn feed_all(&mut self) {
        while self.fed < self.html.len() && !self.budget.is_spent() {
            match self.tokenizer.sink.raw_text() {
                None => self.feed_markup(),
                Some(RawText::UntilEnd) => self.feed_up_to(self.html.len()),
                Some(RawText::UntilTag(name)) => self.feed_raw_text(&name),
            }
        }
    }

    /// Feeds text and tags, up to a tag after which the text may be raw.
    fn feed_markup(&mut self) {
        let bytes = self.html.as_bytes();
        let mut at = self.fed;
        let mut tags = 0;
        while let Some(open) = self.find(at, "<") {
            let next = bytes.get(open + 1).copied().unwrap_or_default();
            let closing = next == b'/';
            let name = open + 1 + usize::from(closing);
            if bytes.get(name).is_some_and(u8::is_ascii_alphabetic) {
                let tag = match self.measure_tag(name, open) {
                    Ok(tag) => tag,
                    Err(reason) => {
                        self.feed_tags(open, tags);
                        return self.budget.stop(reason);
                    }
                };
                (at, tags) = (tag.end, tags + u64::from(tag.is_whole));
                if !closing && is_raw_text(&bytes[name..at]) {
                    return self.feed_tags(at, tags);
                }
            } else if closing || matches!(next, b'!' | b'?') {
                self.feed_tags(open, tags);
                return self.feed_declaration(open);
            } else {
                at = open + 1;
            }
            if at - self.fed >= STRETCH_BYTES {
                return self.feed_tags(at, tags);
            }
        }
        self.feed_tags(bytes.len(), tags);
    }

    /// The tag with its name at `name`, or why it is not to be read.
    fn measure_tag(&self, name: usize, open: usize) -> Result<MeasuredTag, Truncation> {
        let (end, attributes, is_whole) = match tags::tag_end(self.html.as_bytes(), name) {
            TagEnd::At { end, attributes } => (end, attributes, true),
            TagEnd::Open { attributes } => (self.html.len(), attributes, false),
            TagEnd::TooManyAttributes => return Err(Truncation::Attributes),
        };
        self.budget.charge_scan(end - open);
        let comparisons = attributes * attributes / 2;
        self.budget.charge_steps((attributes + comparisons / COMPARISONS_PER_STEP) as u64);
        Ok(MeasuredTag { end, is_whole })
    }

    /// Feeds up to `end`. The tokenizer must find as many tags as the scan did.
    fn feed_tags(&mut self, end: usize, tags: u64) {
        let before = self.tokenizer.sink.tags();
        self.feed_up_to(end);
        if self.tokenizer.sink.tags() - before != tags && !self.budget.is_spent() {
            self.budget.stop(Truncation::Markup);
        }
    }

    /// Feeds what begins with `<!`, `<?` or `</` and is no tag.
    fn feed_declaration(&mut self, open: usize) {
        let rest = &self.html[open..];
        if rest.starts_with("<!--") {
            return self.feed_comment(open);
        }
        let foreign = rest.starts_with("<![CDATA[")
            && self.tokenizer.sink.adjusted_current_node_present_but_not_in_html_namespace();
        let ending = if foreign { "]]>" } else { ">" };
        let end = self.find(open, ending).map_or(self.html.len(), |at| at + ending.len());
        self.feed_up_to(end);
    }

    fn feed_comment(&mut self, open: usize) {
        let before = self.tokenizer.sink.comments();
        let bytes = self.html.as_bytes();
        let mut from = open + 4;
        while let Some(at) = self.find(from, ">") {
            from = at + 1;
            // `<!-->` and `<!--->` are whole comments.
            if bytes[open + 2..at].ends_with(b"--") || bytes[open + 4..at].ends_with(b"--!") {
                self.feed_up_to(from);
                if self.tokenizer.sink.comments() > before || self.budget.is_spent() {
                    return;
                }
            }
        }
        self.feed_up_to(bytes.len());
    }

    /// Feeds text that ends with `</name>`.
    fn feed_raw_text(&mut self, name: &str) {
        let bytes = self.html.as_bytes();
        let mut at = self.fed;
        while let Some(open) = self.find(at, "</") {
            let end = open + 2 + name.len();
            at = open + 2;
            let named = bytes.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
            let Some(next) = bytes.get(end).copied().filter(|_| named) else { continue };
            if next == b'>' || next == b'/' || tags::is_blank(next) {
                return self.feed_end_tag(open, end, next);
            }
        }
        self.feed_up_to(bytes.len());
    }

    /// Feeds what looks like the end tag of raw text. In a script it may be text: `<!-- <script> </script> -->`.
    fn feed_end_tag(&mut self, open: usize, name_end: usize, next: u8) {
        self.feed_up_to(open + 1);
        let (tokens, tags) = (self.tokenizer.sink.tokens(), self.tokenizer.sink.tags());
        if next == b'>' {
            return self.feed_up_to(name_end + 1);
        }
        self.feed_up_to(name_end + 1);
        // Text would have been read as such by now; a tag is read when it ends.
        let is_tag = self.tokenizer.sink.tokens() == tokens;
        if !is_tag {
            return;
        }
        match self.measure_tag(name_end, open) {
            Ok(tag) => {
                self.feed_up_to(tag.end);
                let found = self.tokenizer.sink.tags() > tags;
                if found != tag.is_whole && !self.budget.is_spent() {
                    self.budget.stop(Truncation::Markup);
                }
            }
            Err(reason) => self.budget.stop(reason),
        }
    }

    fn feed_up_to(&mut self, end: usize) {
        while self.fed < end && !self.budget.is_spent() {
            let piece = text::truncate(&self.html[self.fed..end], STRETCH_BYTES).len();
            self.queue.push_back(self.shared.subtendril(self.fed as u32, piece as u32));
            self.fed += piece;
            // A script or a charset pauses the tokenizer; neither matters here.
            while !matches!(self.tokenizer.feed(&self.queue), TokenizerResult::Done) {}
        }
    }

    fn find(&self, from: usize, what: &str) -> Option<usize> {
        Some(from + self.html.get(from..)?.find(what)?)
    }
}

fn is_raw_text(tag: &[u8]) -> bool {
    let end = tag.iter().position(|byte| tags::is_blank(*byte) || matches!(byte, b'/' | b'>'));
    let name = &tag[..end.unwrap_or(tag.len())];
    RAW_TEXT.iter().any(|raw| raw.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use scraper::ElementRef;

    use super::*;

    /// Elements with the attributes that are read, and all text.
    fn outline(html: &Html) -> (Vec<String>, String) {
        let elements = html.tree.root().descendants().filter_map(ElementRef::wrap);
        let element = |element: ElementRef<'_>| {
            let read = ["id", "href", "itemprop"].map(|name| element.attr(name).unwrap_or("-").to_owned());
            format!("{} {}", element.value().name(), read.join(" "))
        };
        let text =
            html.tree.root().descendants().filter_map(|node| Some(node.value().as_text()?.to_string()));
        (elements.map(element).collect(), text.collect())
    }

    fn is_read_as_by_scraper(html: &str) {
        let budget = PageBudget::for_page(html.len());

        let ours = parse(html, &budget, &[]);

        assert_eq!(budget.truncation(), None, "{html}");
        assert_eq!(outline(&ours), outline(&Html::parse_document(html)), "{html}");
    }

    #[test]
    fn odd_markup_is_read_as_the_parser_alone_reads_it() {
        for html in [
            "<p id=a href='>'>x</p id='>'>y",
            "<script><!--<script></script>--></script><p>x",
            "<script><!--<script></script a='>'--></script><p>x",
            "<script><!--</script a='>'><p>x",
            "<script>a</scrip></script\n><p>x",
            "<SCRIPT></ScRiPt/><p id='</script>'>x",
            "<title>&am</title>&lt<p>a</titl><title>b</title>",
            "<textarea></textarea ><p>x<textarea>",
            "<style></style/><p>x<xmp><p></xmp><iframe><p></iframe><noscript><p></noscript><p>",
            "<svg><script><p></p></script><![CDATA[<a>]] >x]]></svg><p>",
            "<svg><style><a id=x></style></svg><![CDATA[a>b]]><p>",
            "<svg><font color=x>y</font></svg><svg><font id=x>y",
            "<math><annotation-xml encoding=text/html><p><title></p></title>",
            "<!-->x<!--->y<!--a--!>z<!--b--!-->-<!---!>-->w<!--<!-->v<p>",
            "<!doctype html public '>'><p></><p></ a><p><?x ?><!x>",
            "<select><textarea></textarea><option><style></style></select><p>",
            "<frameset><style></style><frame></frameset>",
            "<table>x<b id=y>y<tr>z<td>w</table>v",
            "<b id=a><p>x</b>y<i><div>z</i>w",
            "<template><p>x</template><table><template><tr></template></table>",
            "\u{feff}<p>a\r\nb<p\r\nid=x>\rc\0<\0p></p\0>",
            "<plaintext><p></plaintext>",
            "<p id='x",
            "<p",
            "x<",
            "</p",
            "<script",
            "<script></scrip",
            "<script></script id='",
            "<!--",
            "&am",
            "",
        ] {
            is_read_as_by_scraper(html);
        }
    }

    #[test]
    fn whole_pages_are_read_as_the_parser_alone_reads_them() {
        for page in [
            include_str!("../../../tests/fixtures/pages/json_ld_detail.html"),
            include_str!("../../../tests/fixtures/pages/json_ld_list.html"),
            include_str!("../../../tests/fixtures/pages/next_data_list.html"),
            include_str!("../../../tests/fixtures/pages/initial_state_detail.html"),
            include_str!("../../../tests/fixtures/pages/microdata_list.html"),
            include_str!("../../../tests/fixtures/pages/agency.html"),
        ] {
            is_read_as_by_scraper(page);
            is_read_as_by_scraper(&page.repeat(30));
        }
    }

    #[test]
    fn a_tag_of_many_attributes_is_cut_off_and_the_text_before_it_is_read() {
        let attributes: String = (0..100_000).map(|at| format!(" a{at}")).collect();
        let budget = PageBudget::for_page(attributes.len());

        let html = parse(&format!("<p id=x>text<a{attributes}><b>"), &budget, &[]);

        assert_eq!(budget.truncation(), Some(Truncation::Attributes));
        let (elements, text) = outline(&html);
        assert_eq!((elements.last().map(String::as_str), &*text), (Some("p x - -"), "text"));
    }
}
