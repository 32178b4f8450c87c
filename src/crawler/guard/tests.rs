//! A corpus of hostile URLs and addresses, and the public ones beside them that must still pass.

use std::net::IpAddr;

use url::Url;

use super::*;

fn guard() -> Guard {
    Guard::new(parse_allowed_private_hosts("127.0.0.1:8080, db.internal:9000, [::1]:7000").unwrap())
}

fn check(text: &str) -> Result<Reach, Refusal> {
    // What the parser refuses never reaches the guard, and never the network.
    let url = Url::parse(text).map_err(|_| Refusal::Host("it cannot be parsed"))?;
    guard().check(&url)
}

#[test]
fn hostile_urls_are_refused() {
    let corpus = [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/html,hello",
        "javascript:alert(1)",
        "ws://example.com/",
        "http://ann@example.com/",
        "http://ann:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://:secret@example.com/",
        "http://127.0.0.1/",
        "http://127.0.0.1:8081/",
        "https://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://10.0.0.8/",
        "http://10.255.255.255/",
        "http://100.64.0.1/",
        "http://100.100.100.200/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://168.63.129.16/",
        "http://172.16.0.1/",
        "http://172.31.255.254/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://192.88.99.1/",
        "http://192.168.0.1/",
        "http://198.18.0.1/",
        "http://198.51.100.1/",
        "http://203.0.113.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::1]:7001/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::127.0.0.1]/",
        "http://[::8.8.8.8]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::8.8.8.8]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:c0a8:1::1]/",
        "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "http://[2a00:1450:4001:81b:0:5efe:10.0.0.1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[5f00::1]/",
        "http://[100::1]/",
        "http://[4000::1]/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://api.localhost/",
        "http://intranet/",
        "http://metadata.google.internal/",
        "http://db.internal:9001/",
        "http://printer.local/",
        "http://router.home.arpa/",
        "http://hidden.onion/",
        "http://example.com./",
        "http://a..example.com/",
        "http://example.com:22/",
        "http://example.com:25/",
        "http://example.com:0/",
        "https://example.com:6667/",
        "http://example.com:10080/",
    ];

    let passed: Vec<_> = corpus.iter().filter(|url| check(url).is_ok()).collect();

    assert!(passed.is_empty(), "these came through: {passed:?}");
    assert!(corpus.len() >= 60);
}

#[test]
fn public_urls_pass() {
    let corpus = [
        "http://example.com/",
        "https://homes.example.com:8443/listing/1",
        "http://8.8.8.8/",
        "http://9.255.255.255/",
        "http://11.0.0.1/",
        "http://100.63.255.255/",
        "http://100.128.0.1/",
        "http://172.15.0.1/",
        "http://172.32.0.1/",
        "http://192.167.255.255/",
        "http://198.17.255.255/",
        "http://198.20.0.1/",
        "http://223.255.255.255/",
        "http://[2a00:1450:4001:81b::200e]/",
        "http://[::ffff:8.8.8.8]/",
        "http://[64:ff9b::8.8.8.8]/",
        "http://[2002:808:808::1]/",
        "http://xn--hser-0qa.de/",
    ];

    for url in corpus {
        assert_eq!(check(url), Ok(Reach::Public), "{url}");
    }
}

#[test]
fn an_allowed_private_host_passes_at_its_port_only() {
    assert_eq!(check("http://127.0.0.1:8080/"), Ok(Reach::AllowedPrivate));
    assert_eq!(check("http://DB.internal:9000/x"), Ok(Reach::AllowedPrivate));
    assert_eq!(check("http://[::1]:7000/"), Ok(Reach::AllowedPrivate));
    assert_eq!(check("http://0x7f.1:8080/"), Ok(Reach::AllowedPrivate));
    assert!(check("http://ann@127.0.0.1:8080/").is_err());
    assert!(check("ftp://127.0.0.1:8080/").is_err());
    assert!(check("http://127.0.0.2:8080/").is_err());
}

#[test]
fn a_url_without_bounds_is_refused() {
    let long = format!("http://example.com/{}", "a".repeat(3_000));

    assert!(matches!(check(&long), Err(Refusal::TooLong(_))));
}

#[test]
fn the_refusal_names_the_range_and_its_document() {
    let refusal = check("http://[::ffff:10.1.2.3]/").unwrap_err();

    assert_eq!(refusal.to_string(), "the address ::ffff:10.1.2.3 is not public: private use (RFC 1918)");
}

#[test]
fn every_special_range_is_refused_from_its_first_address() {
    for address in ["0.0.0.1", "127.255.255.254", "239.1.1.1", "fdff::", "febf::1", "2001:1ff::1"] {
        let address: IpAddr = address.parse().unwrap();
        assert!(matches!(classify(address), Verdict::Refused(_)), "{address}");
    }
    for address in ["2001:200::1", "2606:4700::1111", "1.1.1.1", "2620:4f:8001::1"] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(classify(address), Verdict::Allowed, "{address}");
    }
}

#[test]
fn an_invalid_allowed_private_host_is_named_in_the_error() {
    assert!(parse_allowed_private_hosts("").unwrap().is_empty());
    for wrong in ["localhost", "localhost:", "localhost:70000", "http://localhost:80", "a/b:80", "u@h:80"] {
        let list = format!("127.0.0.1:80,{wrong}");
        assert_eq!(parse_allowed_private_hosts(&list), Err(InvalidPrivateHost(wrong.to_owned())));
    }
}
