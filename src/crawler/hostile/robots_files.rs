//! robots.txt files that are hostile.

use super::shape::{Shape, fill, repeat};

/// All hostile robots.txt files.
pub const ROBOTS_FILES: &[Shape] = &[
    Shape { name: "stars", make: |n| repeat(n, ALL, "", "Disallow: /*b7*c*d*e*f*g*h$\n") },
    Shape { name: "one_rule_of_stars", make: |n| repeat(n, "User-agent: *\nDisallow: /", "b$", "*a") },
    Shape {
        name: "longest_rules_of_stars",
        make: |n| fill(n, ALL, "", |_| format!("Disallow: /{}b$\n", "*a".repeat(990))),
    },
    Shape { name: "short_rules", make: |n| repeat(n, ALL, "", "Allow:/\n") },
    Shape { name: "different_rules", make: |n| fill(n, ALL, "", |at| format!("Disallow: /{at}/x*\n")) },
    Shape { name: "escapes", make: |n| repeat(n, ALL, "", "Disallow: /%2a%24%%%zz%7e%ff?%3a\n") },
    Shape { name: "one_rule_of_escapes", make: |n| repeat(n, "User-agent: *\nDisallow: /", "", "%") },
    Shape { name: "undecodable", make: |n| repeat(n, "User-agent: *\nDisallow: /", "", "\u{fffd}") },
    Shape { name: "agents", make: |n| repeat(n, "", "", "User-agent: lotline\n") },
    Shape {
        name: "groups",
        make: |n| repeat(n, "", "", "User-agent: lotline\nDisallow: /a\nUser-agent: *\nAllow: /b\n"),
    },
    Shape { name: "blanks", make: |n| repeat(n, ALL, "", " \t\r\n") },
    Shape { name: "colons", make: |n| repeat(n, ALL, "", ":") },
    Shape { name: "comments", make: |n| repeat(n, ALL, "", "#") },
    Shape { name: "delays", make: |n| repeat(n, ALL, "", "Crawl-delay: 1e39\nCrawl-delay: -nan\n") },
];

const ALL: &str = "User-agent: *\n";
