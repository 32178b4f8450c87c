//! The visible listing alone, without structured data.

use std::fmt::Write;

use super::super::facts::Facts;
use super::super::html::Escaped;

pub(super) fn article(facts: &Facts) -> String {
    let mut html =
        format!("<article>\n<h1>{}</h1>\n<p>{}</p>\n<dl>\n", Escaped(&facts.name), headline(facts));
    for (label, shown) in rows(facts) {
        let _ = writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", Escaped(label), Escaped(&shown));
    }
    html.push_str("</dl>\n</article>\n");
    html
}

fn headline(facts: &Facts) -> String {
    let price = facts.price;
    match facts.closed_on {
        None => format!("<span class=\"price\">{price}</span> for sale"),
        Some(day) => format!("<span class=\"price\">{price}</span> sold on {day}"),
    }
}

fn rows(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("Listing", facts.listing_key.clone()),
        ("Type", facts.property_type.to_owned()),
        ("Bedrooms", facts.bedrooms.to_string()),
        ("Bathrooms", facts.bathrooms.to_string()),
        ("Living area", Facts::area(facts.living_area_sqft)),
    ];
    rows.extend(facts.lot_size_sqft.map(|feet| ("Lot", Facts::area(feet))));
    rows.extend(facts.year_built.map(|year| ("Built", year.to_string())));
    rows.extend(facts.stories.map(|count| ("Stories", count.to_string())));
    rows.extend(facts.city.clone().map(|city| ("City", city)));
    rows.push(("State", facts.state.to_owned()));
    rows.extend(facts.zip.clone().map(|zip| ("Zip code", zip)));
    rows.push(("Position", format!("{}, {}", facts.latitude, facts.longitude)));
    rows.extend(facts.listed_on.map(|day| ("Listed", day.to_string())));
    rows.extend(facts.extras.iter().map(|extra| (extra.label, extra.shown.clone())));
    rows
}
