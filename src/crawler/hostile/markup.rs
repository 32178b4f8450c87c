//! Pages that are hostile in their markup.

use super::shape::{Shape, fill, repeat};

pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "attributes_of_one_tag", make: |n| fill(n, "<a ", ">", |at| format!("a{at} ")) },
    Shape { name: "attributes_of_an_open_tag", make: |n| fill(n, "<p><a ", "", |at| format!("a{at}='' ")) },
    Shape {
        name: "attributes_that_repeat",
        make: |n| fill(n, "<a ", ">", |at| format!("a{} ", at.min(900))),
    },
    Shape { name: "attributes_of_an_end_tag", make: |n| fill(n, "<p></p ", ">", |at| format!("a{at} ")) },
    Shape {
        name: "attributes_of_a_script_end",
        make: |n| fill(n, "<script></script ", ">", |at| format!("a{at}/")),
    },
    Shape { name: "attributes_up_to_the_bound", make: |n| fill(n, "", "", |_| tag_with(990)) },
    Shape { name: "attributes_of_formatting", make: formatting_with_attributes },
    Shape {
        name: "attributes_of_the_body",
        make: |n| fill(n, "", "", |at| format!("<body id{at} href={at} rel={at}>")),
    },
    Shape { name: "one_attribute", make: |n| repeat(n, "<a href='", "'>", "ab ") },
    Shape { name: "one_name", make: |n| repeat(n, "<a", ">", "a") },
    Shape { name: "less_than", make: |n| repeat(n, "", "", "<") },
    Shape { name: "less_than_name", make: |n| repeat(n, "", "", "<a") },
    Shape { name: "end_tags", make: |n| repeat(n, "<div><p>", "", "</b></p></br></x>") },
    Shape { name: "ampersands", make: |n| repeat(n, "", "", "&") },
    Shape { name: "entities", make: |n| repeat(n, "", "", "&amp;&notin;&#x41;&#9999999999;&no") },
    Shape { name: "one_entity", make: |n| repeat(n, "&#", ";", "0") },
    Shape { name: "deep", make: |n| repeat(n, "", "", "<div>") },
    Shape {
        name: "deep_and_back",
        make: |n| repeat(n, "", "", &format!("{}{}", "<div>".repeat(500), "</div>".repeat(500))),
    },
    Shape { name: "wide", make: |n| repeat(n, "", "", "<i></i>") },
    Shape { name: "unknown_elements", make: |n| fill(n, "", "", |at| format!("<x{at}></x{at}>")) },
    Shape { name: "formatting", make: |n| fill(n, "", "", |at| format!("<font size={at}><p>")) },
    Shape { name: "formatting_opened_again", make: |n| repeat(n, &fonts(400), "", "<p>x</p>") },
    Shape { name: "formatting_pairs", make: |n| repeat(n, &bold(400), "", "<b></b>") },
    Shape { name: "misnested", make: |n| repeat(n, "", "", "<b><i><div></b></i></div>") },
    Shape { name: "misnested_deep", make: |n| repeat(n, &"<b><div>".repeat(200), "", "</b><b>") },
    Shape {
        name: "misnested_wide",
        make: |n| repeat(n, &format!("{}<div>", "<b>".repeat(8)), &"</b>".repeat(8), "<br>"),
    },
    Shape { name: "anchors", make: |n| repeat(n, "", "", "<a href=x><div>") },
    Shape { name: "tables", make: |n| repeat(n, "", "", "<table><tr><td>") },
    Shape { name: "table_text", make: |n| repeat(n, &format!("{}<table>", "<div>".repeat(300)), "", "x<") },
    Shape { name: "table_elements", make: |n| repeat(n, "<table>", "", "<b><i>x</i></b><div></div>") },
    Shape { name: "table_formatting", make: |n| fill(n, "<table>", "", |at| format!("<b id={at}><td>")) },
    Shape { name: "templates", make: |n| repeat(n, "", "", "<template>") },
    Shape { name: "template_contents", make: |n| repeat(n, "", "", "<template><tr></template>") },
    Shape { name: "selects", make: |n| repeat(n, "", "", "<select><option><optgroup>") },
    Shape { name: "options", make: |n| repeat(n, "<select>", "</select>", "<option>") },
    Shape { name: "drawings", make: |n| repeat(n, "", "", "<svg><g>") },
    Shape { name: "drawings_left", make: |n| repeat(n, "", "", "<svg><foreignObject><math><mi><p>") },
    Shape { name: "cdata", make: |n| repeat(n, "<svg>", "", "<![CDATA[>]]>") },
    Shape { name: "cdata_without_end", make: |n| repeat(n, "<svg><![CDATA[", "", "]] ><a b='") },
    Shape { name: "cdata_outside", make: |n| repeat(n, "", "", "<![CDATA[") },
    Shape { name: "comments", make: |n| repeat(n, "", "", "<!--a--!>") },
    Shape { name: "comment_without_end", make: |n| repeat(n, "<!--", "", "> --! -> <!-- ") },
    Shape { name: "doctypes", make: |n| repeat(n, "<!doctype html>", "", "<!doctype a public '>") },
    Shape { name: "one_doctype", make: |n| repeat(n, "<!doctype html public '", "'>", "a") },
    Shape { name: "instructions", make: |n| repeat(n, "", "", "<?a>") },
    Shape { name: "lists", make: |n| repeat(n, "", "", "<ul><li><dl><dd>") },
    Shape { name: "list_items", make: |n| repeat(n, &"<div>".repeat(400), "", "<li><dd>") },
    Shape { name: "paragraphs", make: |n| repeat(n, &"<span>".repeat(400), "", "<p>") },
    Shape { name: "headings", make: |n| repeat(n, "", "", "<h1><button><form><input>") },
    Shape {
        name: "form_fields",
        make: |n| repeat(n, &format!("<form>{}", "<div>".repeat(400)), "", "<input>"),
    },
    Shape { name: "frames", make: |n| repeat(n, "<frameset>", "", "a b <frame>") },
    Shape { name: "zeros", make: |n| repeat(n, "", "", "\0") },
    Shape { name: "zeros_in_tags", make: |n| repeat(n, "", "", "<a\0 \0=\0>") },
    Shape { name: "newlines", make: |n| repeat(n, "", "", "\r\n\n\r") },
    Shape { name: "one_line", make: |n| repeat(n, "", "", "a ") },
    Shape { name: "undecodable", make: |n| repeat(n, "", "", "\u{fffd}") },
    Shape {
        name: "wide_characters",
        make: |n| encoding_rs::UTF_16LE.decode(&vec![0xd8; n * 2 / 3]).0.into_owned(),
    },
    Shape { name: "titles", make: |n| repeat(n, "<title>", "", "</titl </title\0>&amp") },
    Shape {
        name: "texts_of_every_kind",
        make: |n| repeat(n, "", "", "<textarea></textarea><style></style><xmp></xmp>"),
    },
    Shape { name: "plain_text", make: |n| repeat(n, "<plaintext>", "", "<a></a>") },
    Shape { name: "scripts", make: |n| repeat(n, "", "", "<script></script>") },
    Shape {
        name: "script_in_script",
        make: |n| repeat(n, "<script><!--<script>", "", "</script a='<script>"),
    },
    Shape { name: "script_without_end", make: |n| repeat(n, "<script>", "", "</scrip </script") },
    Shape {
        name: "base_and_links",
        make: |n| repeat(n, &format!("<base href='/{}'>", "b/".repeat(n / 4)), "", "<a href=x>"),
    },
    Shape {
        name: "longest_base_and_links",
        make: |n| repeat(n, &format!("<base href='/{}'>", "b/".repeat(950)), "", "<a href=x>"),
    },
    Shape { name: "links", make: |n| fill(n, "", "", |at| format!("<a href={at}>")) },
    Shape {
        name: "links_elsewhere",
        make: |n| fill(n, "", "", |at| format!("<a href=//h{at}.example.com>")),
    },
    Shape {
        name: "long_links",
        make: |n| fill(n, "", "", |at| format!("<a href='/{at}/{}'>", "%c3../".repeat(300))),
    },
    Shape {
        name: "link_words",
        make: |n| repeat(n, "", "", &format!("<a href=x rel='{}'>", "nofollo ".repeat(1_000))),
    },
    Shape {
        name: "canonicals",
        make: |n| fill(n, "", "", |at| format!("<link rel=canonical href='//x{at}'>")),
    },
    Shape {
        name: "directives",
        make: |n| repeat(n, "", "", &format!("<meta name=robots content='{}'>", "index,".repeat(1_000))),
    },
    Shape {
        name: "section_headings",
        make: |n| repeat(n, "<h1>Home</h1>", "", "<p class=title>Similar homes<p>x"),
    },
    Shape {
        name: "label_cells",
        make: |n| fill(n, "<table>", "", |at| format!("<tr><th>Price:<td><b>£</b>{at}<td>Bedrooms (m²)")),
    },
    Shape {
        name: "labels_without_value",
        make: |n| repeat(n, "", "", "<div title=Price><b><i>Price</i></b></div>"),
    },
    Shape { name: "cards", make: |n| fill(n, "<ul>", "", |at| card(at, "card")) },
    Shape { name: "cards_of_many_classes", make: |n| fill(n, "", "", |at| card(at, &letters(at))) },
    Shape {
        name: "long_classes",
        make: |n| repeat(n, "", "", &format!("<p class='{}'>£1", "price-old similarCard ".repeat(200))),
    },
    Shape { name: "data_attributes", make: |n| repeat(n, "<h1>Home</h1>", "", &data_attributes(900)) },
    Shape { name: "amounts_in_one_text", make: |n| repeat(n, "<p>", "", "1 £ 2 £ 3 £ ") },
    Shape {
        name: "amounts_in_many_texts",
        make: |n| repeat(n, "", "", &format!("<p>£{}<p>€{}", "1元".repeat(300), "1 234 ".repeat(300))),
    },
    Shape {
        name: "formatting_of_prices",
        make: |n| repeat(n, "", "", "<p><span><span><span><b>£</b></span><i>1</i></span><u>.</u></span>"),
    },
    Shape {
        name: "former_prices", make: |n| fill(n, "", "", |at| format!("<del>£{at}</del><ins>£2</ins>"))
    },
    Shape {
        name: "meta_images",
        make: |n| fill(n, "", "", |at| format!("<meta property=og:image content=/{at}.jpg>")),
    },
    Shape {
        name: "map_links",
        make: |n| {
            repeat(n, "", "", &format!("<a href='//maps.example.com/?q={}'>x</a>", "1.5,".repeat(1_000)))
        },
    },
];

fn tag_with(attributes: usize) -> String {
    let attributes: String = (0..attributes).map(|at| format!("a{at} ")).collect();
    format!("<p {attributes}>")
}

/// Formatting elements that all stay open, each another one to the parser.
fn bold(count: usize) -> String {
    (0..count).map(|at| format!("<b id={at} name={at} href={at} rel={at} type={at} content={at}>")).collect()
}

fn fonts(count: usize) -> String {
    let fonts: String = (0..count).map(|at| format!("<font size={at}>")).collect();
    format!("<p>{fonts}</p>")
}

fn formatting_with_attributes(bytes: usize) -> String {
    fill(bytes, "", "", |at| {
        format!("<font id={at} {}><p>x", "a b c d e f g h i j k l m n o p q r s t ".repeat(5))
    })
}

fn card(at: usize, class: &str) -> String {
    format!("<li class={class}><a href=/home/{at}><img></a><b>£{at}00,000</b></li>")
}

/// The number in letters: digits are not told apart in classes.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

fn data_attributes(count: usize) -> String {
    let attributes: String = (0..count).map(|at| format!("data-{at} ")).collect();
    format!("<p data-price=1 data-status=2 {attributes}>x")
}
