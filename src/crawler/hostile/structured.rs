//! Pages that are hostile in the data that they hold.

use super::shape::{Shape, fill, repeat};

pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "names_and_depth", make: |n| repeat(n, "", "", &names_and_depth()) },
    Shape { name: "names_and_items", make: names_and_items },
    Shape {
        name: "items_in_items",
        make: |n| repeat(n, "", "", "<div itemscope itemprop=about itemtype=http://schema.org/House>"),
    },
    Shape { name: "item_references", make: |n| fill(n, &referred(), "", |_| referring()) },
    Shape { name: "item_reference_loops", make: item_reference_loops },
    Shape { name: "item_types", make: |n| repeat(n, "<div itemscope itemtype='", "'>", "a ") },
    Shape { name: "item_texts", make: item_texts },
    Shape {
        name: "item_contents",
        make: |n| fill(n, &content(n / 2), "", |_| "<p itemscope itemref=c>".to_owned()),
    },
    Shape { name: "item_references_nowhere", make: |n| shared_attribute(n, "itemref", "q ") },
    Shape { name: "item_names_of_space", make: |n| shared_attribute(n, "itemprop", " ") },
    Shape { name: "references_and_keys", make: references_and_keys },
    Shape { name: "references_to_prices", make: references_to_prices },
    Shape { name: "references_to_lists", make: references_to_lists },
    Shape { name: "reference_cycles", make: |n| json_ld(&fill(n, "[", "{}]", thing)) },
    Shape { name: "place_cycles", make: |n| json_ld(&fill(n, "[", "{}]", place)) },
    Shape {
        name: "homes",
        make: |n| {
            json_ld(&fill(n, "[", "{}]", |at| {
                format!(r#"{{"@type":"House","@id":"{at}","offers":{{"price":1}}}},"#)
            }))
        },
    },
    Shape {
        name: "long_ids",
        make: |n| {
            json_ld(&fill(n, "[", "{}]", |at| {
                format!(r#"{{"@type":"House","@id":"/{}{at}"}},"#, "../a".repeat(400))
            }))
        },
    },
    Shape {
        name: "long_types",
        make: |n| json_ld(&fill(n, "[", "{}]", |_| format!(r#"{{"@type":"{}"}},"#, "House/".repeat(1_000)))),
    },
    Shape { name: "blocks", make: |n| repeat(n, "", "", "<script type=application/ld+json>{}</script>") },
    Shape {
        name: "escaped_blocks",
        make: |n| repeat(n, "<script type=application/ld+json>", "</script>", "{&quot;a&quot;:"),
    },
    Shape { name: "json_deep", make: |n| json_ld(&repeat(n, "", "", "[")) },
    Shape { name: "json_deep_objects", make: |n| json(&repeat(n, "", "", "{\"a\":")) },
    Shape { name: "json_wide", make: |n| json(&repeat(n, "[", "0]", "[],")) },
    Shape { name: "json_small_objects", make: |n| json(&repeat(n, "[", "0]", "{\"\":0},")) },
    Shape { name: "json_one_text", make: |n| json(&repeat(n, "\"", "\"", "\\u00e9\\n ")) },
    Shape { name: "json_repeated_keys", make: |n| json(&repeat(n, "{", "\"b\":0}", "\"a\":{\"c\":[0]},")) },
    Shape {
        name: "json_many_keys",
        make: |n| json(&fill(n, "{", "\"b\":0}", |at| format!("\"price{at}\":1,"))),
    },
    Shape { name: "json_one_key", make: |n| json(&repeat(n, "{\"", "\":1}", "price-")) },
    Shape {
        name: "json_large_numbers",
        make: |n| json(&repeat(n, "[", "0]", "1e400,18446744073709551616,-0.0e-9,")),
    },
    Shape {
        name: "json_one_number",
        make: |n| json_ld(&repeat(n, "{\"@type\":\"House\",\"price\":", "}", "9")),
    },
    Shape { name: "json_price_text", make: |n| json(&repeat(n, "{\"beds\":1,\"price\":\"", "\"}", "1,")) },
    Shape { name: "json_in_json", make: json_in_json },
    Shape { name: "values_for_one_field", make: values_for_one_field },
    Shape { name: "parts_of_parts", make: |n| json(&repeat(n, "[", "0]", &parts(60))) },
    Shape {
        name: "holders",
        make: |n| json(&repeat(n, "[", "0]", r#"{"listing":{"price":1},"home":{"beds":1}},"#)),
    },
    Shape { name: "assignments", make: |n| script(&repeat(n, "", "", "a={\"")) },
    Shape { name: "assignments_of_lists", make: |n| script(&repeat(n, "", "", "a=[[")) },
    Shape { name: "assignments_of_literals", make: |n| script(&repeat(n, "", "", "a=JSON.parse('\\x")) },
    Shape { name: "assignments_in_scripts", make: |n| fill(n, "", "", |_| script(&"a={\"".repeat(100))) },
    Shape { name: "one_assigned_name", make: |n| script(&repeat(n, "", "={\"", "x")) },
    Shape { name: "signs", make: |n| script(&repeat(n, "", "", "= ( ")) },
    Shape {
        name: "pushed_rows",
        make: |n| script(&repeat(n, "", "", r#"__next_f.push([1,"5:[{\"price\":1}]\n"])"#)),
    },
    Shape { name: "pushed_text", make: |n| script(&repeat(n, "__next_f.push([1,\"", "\"])", "a:{\\n")) },
    Shape {
        name: "rdfa_in_rdfa",
        make: |n| repeat(n, "", "", "<div vocab=http://schema.org/ typeof=House property=about>"),
    },
    Shape { name: "rdfa_prefixes", make: |n| repeat(n, "", "", &with_prefixes()) },
    Shape { name: "rdfa_reference_loops", make: rdfa_reference_loops },
    Shape { name: "rdfa_texts", make: rdfa_texts },
    Shape { name: "literal_quotes", make: |n| json(&repeat(n, "{'a':[", "0]}", r"'it\'s\x41',")) },
    Shape { name: "literal_comments", make: |n| json(&repeat(n, "{", "a:1}", "// {'a':\n/* */")) },
    Shape { name: "literal_deep", make: |n| json(&repeat(n, "", "", "{a:[")) },
    Shape { name: "literal_sign", make: |n| json(&repeat(n, "[-0x-8", "]", "0")) },
    Shape { name: "literals_without_end", make: |n| script(&repeat(n, "", "", "a={b:['it\\'s',{'c':")) },
    Shape { name: "call_arguments", make: call_arguments },
    Shape { name: "devalue_references", make: devalue_references },
    Shape { name: "devalue_fan_out", make: devalue_fan_out },
    Shape { name: "devalue_keys", make: devalue_keys },
    Shape { name: "cache_cycles", make: cache_cycles },
    Shape { name: "cache_fan_out", make: cache_fan_out },
    Shape { name: "row_references", make: row_references },
    Shape { name: "row_paths", make: row_paths },
    Shape { name: "map_links_in_data", make: map_links_in_data },
];

fn json_ld(data: &str) -> String {
    format!("<script type=application/ld+json>{data}</script>")
}

fn json(data: &str) -> String {
    format!("<script type=application/json>{data}</script>")
}

fn script(code: &str) -> String {
    format!("<script>{code}</script>")
}

/// Each level is an item under eight names: 8^16 values where each name gets a copy of its own.
fn names_and_depth() -> String {
    let levels = "<div itemscope itemprop='a b c d e f g h'>".repeat(16);
    let ends = "</div>".repeat(17);
    format!("<div itemscope itemtype=https://schema.org/House>{levels}<i itemprop=x>y</i>{ends}")
}

fn names_and_items(bytes: usize) -> String {
    repeat(
        bytes,
        "<div itemscope itemtype=https://schema.org/House>",
        "",
        "<p itemscope itemprop='about item offers object mainEntity address geo location'><i itemprop='name price'>1</i></p>",
    )
}

fn referred() -> String {
    (0..100).map(|at| format!("<p id=r{at} itemprop=name>{}</p>", "text ".repeat(20))).collect()
}

fn referring() -> String {
    let ids: String = (0..100).map(|at| format!("r{at} ")).collect();
    format!("<p itemscope itemtype=https://schema.org/House itemref='{ids}'>")
}

fn item_reference_loops(bytes: usize) -> String {
    fill(bytes, "<p itemscope itemref='i0 i1 i2'>", "", |at| {
        format!("<p id=i{at} itemprop='about item' itemscope itemref='i{} i{} i0 i1'>", at + 1, at / 2)
    })
}

fn item_texts(bytes: usize) -> String {
    let nested = format!("{}{}", "<p itemprop=name>a<span>", "<b itemprop=name>a".repeat(400));
    repeat(bytes, "<div itemscope itemtype=https://schema.org/House>", "", &nested)
}

fn content(bytes: usize) -> String {
    format!("<p id=c itemprop='a b c d e f g h' content='{}'></p>", "a".repeat(bytes))
}

/// Many references to one object of many keys.
/// One element with a long attribute, and many items that refer to it: each reads the attribute again.
fn shared_attribute(bytes: usize, name: &str, text: &str) -> String {
    let value = text.repeat(bytes / 2 / text.len());
    let other = if name == "itemprop" { "" } else { "itemprop=p" };
    let element = format!("<div id=x itemscope {other} {name}='{value}'></div>");
    fill(bytes, &element, "", |_| {
        "<div itemscope itemtype=http://schema.org/House itemref=x></div>".to_owned()
    })
}

fn references_and_keys(bytes: usize) -> String {
    let large = fill(bytes / 2, r##"{"@id":"#a","##, r#""z":1}"#, |at| format!(r#""k{at}":1,"#));
    let references =
        fill(bytes / 2, r#"{"@type":"House","offers":["#, "{}]}", |_| r##"{"@id":"#a"},"##.to_owned());
    json_ld(&format!("[{large},{references}]"))
}

fn references_to_prices(bytes: usize) -> String {
    let large = fill(bytes / 2, r##"{"@id":"#p","priceSpecification":{"price":"","##, r#""z":1}}"#, |at| {
        format!(r#""k{at}":1,"#)
    });
    let references =
        fill(bytes / 2, "[", "{}]", |_| r##"{"@type":"Offer","offers":{"@id":"#p"}},"##.to_owned());
    json_ld(&format!("[{large},{references}]"))
}

/// Lists in lists in the place of a name.
fn references_to_lists(bytes: usize) -> String {
    let list = (0..5).fold("\"\"".to_owned(), |inner, _| format!("[{}]", [inner.as_str(); 8].join(",")));
    let large = format!(r##"{{"@id":"#l","name":{list},"description":{list},"identifier":{list}}}"##);
    let references = fill(bytes, "[", "{}]", |_| r##"{"@type":"House","about":{"@id":"#l"}},"##.to_owned());
    json_ld(&format!("[{large},{references}]"))
}

fn thing(at: usize) -> String {
    let reference = |to: usize| format!(r##"{{"@id":"#{to}"}}"##);
    let (next, other) = (reference(at + 1), reference(at / 2));
    format!(
        r##"{{"@id":"#{at}","@type":"House","about":{next},"mainEntity":{other},"offers":[{next},{other}],"item":{next}}},"##
    )
}

fn place(at: usize) -> String {
    let reference = |to: usize| format!(r##"{{"@id":"#{to}"}}"##);
    let all = [reference(at + 1), reference(at / 2), reference(at), reference(0)].join(",");
    format!(r##"{{"@id":"#{at}","@type":"House","address":[{all}],"geo":[{all}],"location":[{all}]}},"##)
}

fn json_in_json(bytes: usize) -> String {
    let inner = fill(bytes / 3, "[", "0]", |_| r#"{"price":1,"beds":2},"#.to_owned());
    let once = serde_json::Value::from(inner).to_string();
    let twice = serde_json::Value::from(format!("[{once}]")).to_string();
    json(&format!("{{\"cache\":{twice}}}"))
}

/// Keys that all mean one field, each with a text that says nothing.
fn values_for_one_field(bytes: usize) -> String {
    let blank = " ".repeat(2_000);
    json(&fill(bytes, "{\"beds\":1,", "\"z\":0}", |at| {
        format!("\"descrip{}tion\":\"{blank}\",", "-".repeat(at + 1))
    }))
}

fn parts(keys: usize) -> String {
    let facts: String = (0..keys).map(|at| format!("\"k{at}\":1,")).collect();
    let nested = (0..4).fold("{}".to_owned(), |inner, _| format!("{{{facts}\"details\":{inner}}}"));
    format!("{nested},")
}

fn with_prefixes() -> String {
    let list: String = (0..64).map(|at| format!("p{at}: http://schema.org/ ")).collect();
    format!("<div prefix='{list}' typeof='p0:House p63:House'><i property='p0:name p63:name'>x</i></div>")
}

fn rdfa_reference_loops(bytes: usize) -> String {
    fill(bytes, "<div vocab=http://schema.org/>", "</div>", |at| {
        format!(
            "<p typeof=House resource=r{at}><a property=about href=r{}></a><a rel='item offers' href=r{}></a></p>",
            at + 1,
            at / 2
        )
    })
}

fn rdfa_texts(bytes: usize) -> String {
    let nested = format!("{}{}", "<p property=name>a<span>", "<b property='name description'>a".repeat(400));
    repeat(bytes, "<div vocab=http://schema.org/ typeof=House>", "", &nested)
}

/// The function of Nuxt 2 with thousands of parameters and arguments.
fn call_arguments(bytes: usize) -> String {
    let part = bytes / 3;
    let names = fill(part, "", "z", |at| format!("p{at:06},"));
    let values = fill(part, "", "z", |at| format!("{{price:p{at:06}}},"));
    let arguments = repeat(part, "", "0", "'(',");
    script(&format!("window.__NUXT__=(function({names}){{return {{data:[{values}]}}}}({arguments}));"))
}

fn devalue_references(bytes: usize) -> String {
    json(&fill(bytes, r#"[["Reactive",1],"#, "0]", |at| {
        let (own, next, other) = (at + 1, at + 2, at / 2);
        format!(r#"{{"price":{own},"details":{next},"address":{other},"listing":{next},"images":{other}}},"#)
    }))
}

/// Many objects that all refer to one long list.
fn devalue_fan_out(bytes: usize) -> String {
    let part = bytes / 3;
    let root = fill(part, "[", "3]", |at| format!("{},", at + 3));
    let list = repeat(part, "[", "0]", "0,");
    let objects = repeat(part, "", "0", r#"{"listings":2},"#);
    json(&format!(r#"[["Reactive",1],{root},{list},{objects}]"#))
}

/// Many maps whose key is one long text.
fn devalue_keys(bytes: usize) -> String {
    let maps = repeat(bytes / 2, "", "0", r#"["Map",2,1],"#);
    json(&format!(r#"[["Reactive",1],[3,4,5,6],"{}",{maps}]"#, "k".repeat(bytes / 2)))
}

fn cache_cycles(bytes: usize) -> String {
    let end = r#""ROOT_QUERY":{"listings":[{"__ref":"Listing:0"}]}}"#;
    let entries = fill(bytes, "{", end, |at| {
        let to = |at: usize| format!(r#"{{"__ref":"Listing:{at}"}}"#);
        let (own, next, other) = (to(at), to(at + 1), to(at / 2));
        format!(
            r#""Listing:{at}":{{"id":{at},"price":{next},"address":{own},"details":[{other},{next}],"images":{other}}},"#
        )
    });
    script(&format!("window.__APOLLO_STATE__={entries}"))
}

/// Many homes with one address of many keys.
fn cache_fan_out(bytes: usize) -> String {
    let place = fill(bytes / 2, r#""Place:0":{"#, r#""z":1}"#, |at| format!(r#""k{at}":1,"#));
    let homes = fill(bytes / 2, "", r#""ROOT_QUERY":{}"#, |at| {
        format!(r#""Listing:{at}":{{"price":1,"address":{{"__ref":"Place:0"}}}},"#)
    });
    script(&format!("window.__APOLLO_STATE__={{{place},{homes}}}"))
}

fn row_references(bytes: usize) -> String {
    pushed(&fill(bytes, "", "", |at| {
        let (next, other) = (at + 1, at / 2);
        format!(
            "{at:x}:{{\"price\":\"${next:x}\",\"listing\":\"$L{next:x}\",\"details\":[\"${other:x}\",\"${next:x}\"]}}\n"
        )
    }))
}

/// References with a path to a value that is a reference with a path itself.
fn row_paths(bytes: usize) -> String {
    let path = ":a".repeat(15);
    let deep = (0..15).fold("\"$2\"".to_owned(), |inner, _| format!("{{\"a\":{inner}}}"));
    let first = format!("1:{deep}\n2:\"$1{path}\"\n3:[");
    pushed(&repeat(bytes, &first, "0]\n", &format!("\"$1{path}\",")))
}

fn pushed(rows: &str) -> String {
    script(&format!("self.__next_f.push([1,{}])", serde_json::Value::from(rows)))
}

fn map_links_in_data(bytes: usize) -> String {
    let link = format!("https://maps.example.com/?q={}", "1.5,loc:".repeat(480));
    json_ld(&repeat(bytes, "[", "{}]", &format!(r#"{{"@type":"House","hasMap":"{link}"}},"#)))
}
