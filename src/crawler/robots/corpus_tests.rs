//! Cases of matching that other crawlers agree on: the examples of RFC 9309 and those that Google's documentation and
//! tests made common.

use super::parse_rules;

/// Whether `lotline` may fetch `path` by `file`.
fn allows(file: &str, path: &str) -> bool {
    parse_rules(file.as_bytes()).allows(path)
}

fn check(rule: &str, matched: &[&str], others: &[&str]) {
    let disallow = format!("User-agent: lotline\nDisallow: {rule}\n");
    let allow = format!("User-agent: lotline\nDisallow: /\nAllow: {rule}\n");
    for path in matched {
        assert!(!allows(&disallow, path), "{rule} matches {path}");
        assert!(allows(&allow, path), "{rule} matches {path}");
    }
    for path in others {
        assert!(allows(&disallow, path), "{rule} does not match {path}");
        assert!(!allows(&allow, path), "{rule} does not match {path}");
    }
}

#[test]
fn paths_match_by_their_beginning() {
    check(
        "/fish",
        &[
            "/fish",
            "/fish.html",
            "/fish/salmon.html",
            "/fishheads",
            "/fishheads/yummy.html",
            "/fish.php?id=anything",
        ],
        &["/Fish.asp", "/catfish", "/?id=fish", "/desert/fish"],
    );
    check(
        "/fish/",
        &["/fish/", "/fish/?id=anything", "/fish/salmon.htm"],
        &["/fish", "/fish.html", "/animals/fish/"],
    );
    check("/", &["/", "/anything?at=all"], &[]);
}

#[test]
fn a_star_is_any_octets_and_a_dollar_the_end() {
    check("/fish*", &["/fish", "/fishheads/yummy.html", "/fish.php?id=anything"], &["/Fish.asp", "/catfish"]);
    check(
        "/*.php",
        &[
            "/index.php",
            "/filename.php",
            "/folder/filename.php?parameters",
            "/folder/any.php.file.html",
            "/filename.php/",
        ],
        &["/", "/windows.PHP"],
    );
    check(
        "/*.php$",
        &["/filename.php", "/folder/filename.php", "/a.php.php"],
        &["/filename.php?parameters", "/filename.php/", "/filename.php5", "/windows.PHP"],
    );
    check("/fish*.php", &["/fish.php", "/fishheads/catfish.php?parameters"], &["/Fish.PHP"]);
    check("/$", &["/"], &["/a", "/?a"]);
    check("/*$", &["/", "/a/b?c"], &[]);
    check("*a*b$", &["/ab", "/xaxbxb"], &["/ba", "/abc"]);
    check("/**a**", &["/a", "/xxa"], &["/b"]);
    check("/a$b", &["/a$b", "/a%24bc"], &["/a", "/ab"]);
}

#[test]
fn an_escaped_star_or_dollar_stands_for_itself() {
    check(
        "/path/file-with-a-%2A.html",
        &["/path/file-with-a-*.html", "/path/file-with-a-%2a.html"],
        &["/path/file-with-a-b.html"],
    );
    check("/path/foo-%24", &["/path/foo-$", "/path/foo-%24bar"], &["/path/foo-", "/path/foo-b"]);
    check("/a%24$", &["/a$", "/a%24"], &["/a", "/a$b"]);
    check("/%2A*%2a", &["/**", "/*x*"], &["/*", "/x*"]);
}

#[test]
fn escapes_are_compared_by_what_they_stand_for() {
    check("/foo/bar?baz=quz", &["/foo/bar?baz=quz"], &["/foo/bar?baz=Quz", "/foo/bar"]);
    check(
        "/foo/bar?baz=https://foo.bar",
        &["/foo/bar?baz=https%3A%2F%2Ffoo.bar", "/foo/bar?baz=https://foo.bar"],
        &[],
    );
    check(
        "/foo/bar?baz=https%3A%2F%2Ffoo.bar",
        &["/foo/bar?baz=https://foo.bar"],
        &["/foo/bar?baz=http://foo.bar"],
    );
    check("/*=https%3A%2F%2Ffoo", &["/foo/bar?baz=https%3A%2F%2Ffoo"], &["/https"]);
    check("/*=https://foo", &["/foo/bar?baz=https%3A%2F%2Ffoo", "/a?b=https://foo"], &["/https"]);
    check("/foo/bar/ツ", &["/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84"], &["/foo/bar/%E3%83%85"]);
    check("/foo/bar/%E3%83%84", &["/foo/bar/%E3%83%84"], &["/foo/bar/"]);
    check("/foo/bar/%62%61%7A", &["/foo/bar/baz", "/foo/bar/%62a%7a"], &["/foo/bar/Baz"]);
    check("/a%2Fb", &["/a%2fb"], &["/a/b"]);
    check("/a/b", &["/a/b"], &["/a%2Fb"]);
    check("/a%3cd", &["/a%3Cd", "/a<d"], &["/a%3d"]);
    check("/%7Ejoe", &["/~joe/index.html", "/%7ejoe"], &["/joe"]);
    check("/100%", &["/100%", "/100%25", "/100%zz"], &["/100"]);
    check("/a b", &["/a%20b"], &["/a+b"]);
}

#[test]
fn the_most_octets_win_and_allow_wins_a_tie() {
    for (rules, path, allowed) in [
        ("Allow: /p\nDisallow: /", "/page", true),
        ("Allow: /folder\nDisallow: /folder", "/folder/page", true),
        ("Disallow: /folder\nAllow: /folder", "/folder/page", true),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", false),
        ("Allow: /page\nDisallow: /*.ph", "/page.php5", true),
        ("Allow: /$\nDisallow: /", "/", true),
        ("Allow: /$\nDisallow: /", "/page.htm", false),
        ("Disallow: /x/page.html\nAllow: /x/", "/x/page.html", false),
        ("Disallow: /x/page.html\nAllow: /x/", "/x/", true),
        ("Disallow: \nAllow: ", "/a", true),
        ("Disallow: /\nAllow: ", "/a", false),
        ("Disallow: /%7Eann\nAllow: /~ann", "/~ann", true),
        (
            "Disallow: /example/page/disallowed.gif\nAllow: /example/page/\n",
            "/example/page/disallowed.gif",
            false,
        ),
        ("Disallow: a\n", "/a", true),
    ] {
        assert_eq!(allows(&format!("User-agent: *\n{rules}"), path), allowed, "{rules} {path}");
    }
}

#[test]
fn groups_are_found_by_the_product_token() {
    for (file, allowed) in [
        ("User-agent: LOTLINE\nDisallow: /", false),
        ("user-AGENT: lotline/2.1\ndisallow: /", false),
        ("User-agent: lotline bot\nDisallow: /", false),
        ("User-agent: Lotline*\nDisallow: /", false),
        ("User-agent: lotlinebot\nDisallow: /", true),
        ("User-agent: lot\nDisallow: /", true),
        ("User-agent: *\nDisallow: /", false),
        ("User-agent: * crawlers\nDisallow: /", false),
        ("User-agent: *bot\nDisallow: /", true),
        ("User-agent: a\nUser-agent: lotline\nDisallow: /", false),
        ("User-agent: lotline\nUser-agent: a\nDisallow: /", false),
        ("User-agent: a\nSitemap: /x\n\nUser-agent: lotline\nDisallow: /", false),
        ("User-agent: a\nDisallow: /\nUser-agent: lotline\nAllow: /", true),
        ("User-agent: lotline\n\nUser-agent: *\nDisallow: /", false),
        ("User-agent: *\nDisallow: /\nUser-agent: lotline\n", true),
        ("User-agent: *\nDisallow: /\nUser-agent: lotline\nDisallow:", true),
        ("User-agent: lotline\nAllow: /x\nUser-agent: a\nAllow: /\nUser-agent: lotline\nDisallow: /", false),
        ("Disallow: /", true),
        ("", true),
    ] {
        assert_eq!(allows(file, "/page"), allowed, "{file}");
    }
}

#[test]
fn lines_are_read_as_people_write_them() {
    for file in [
        "User-agent: *\r\nDisallow: /\r\n",
        "User-agent: *\rDisallow: /\r",
        "\u{feff}User-agent: *\nDisallow: /",
        "  USER-agent  :  *  \n\tdisallow\t: /  # all of it",
        "User-agent: * # all\nDisallow:/",
        "User-agent *\nDisallow /",
        "useragent: *\ndissallow: /",
        "<html>\nUser-agent: *\n:\n::\nDisallow: /\n\0",
        "User-agent: *\nNoindex: /a\nDisallow: /",
    ] {
        assert!(!allows(file, "/page") && allows(file, "/robots.txt"), "{file:?}");
    }
    assert!(allows("User-agent: *\nDisallow: / everything\n", "/page"));
    assert!(allows("User-agent: *\nDisallow this please\n", "/this"));
    assert!(!parse_rules(b"User-agent: *\nDisallow: /caf\xe9\n").allows("/caf%E9"));
}

#[test]
fn a_file_with_more_rules_than_are_kept_forbids_rather_more() {
    let rules = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let full = format!("User-agent: *\n{}", rules(1_000, &|rule| format!("Disallow: /kept/{rule}/\n")));
    let some = format!("{full}Disallow: /late/1\nAllow: /kept/1/open\nDisallow: /lone*x\n");
    let many = format!("{full}{}Allow: /kept/", rules(600, &|rule| format!("Disallow: /late{rule}/x\n")));

    assert!(allows(&full, "/late/1") && allows(&full, "/kept/") && !allows(&full, "/kept/7/"));
    assert!(!allows(&some, "/late/2") && !allows(&some, "/lone/") && allows(&some, "/other"));
    assert!(!allows(&some, "/kept/1/open"));
    assert!(!allows(&many, "/other"));
    let longest = parse_rules(format!("User-agent: *\nDisallow: /{}\n", "é".repeat(3_000)).as_bytes());
    assert!(!longest.allows(&format!("/{}x", "%C3%A9".repeat(400))) && longest.are_within_bounds());
}

#[test]
fn matching_costs_time_in_the_length_only() {
    let stars = format!("User-agent: *\nDisallow: /{}b$\n", "*a".repeat(900)).repeat(250);
    let rules = parse_rules(stars.as_bytes());
    let path = format!("/{}c", "a".repeat(1_900));

    // With backtracking this would not end.
    assert!((0..20).all(|_| rules.allows(&path)));
    assert!(!rules.allows(&format!("/{}b", "a".repeat(1_900))));
}
