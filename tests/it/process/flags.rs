//! Flags and arguments that people try: each is refused with what to use instead.

use std::net::TcpListener;

use crate::support::binary::{lotline, run};

#[test]
fn a_flag_or_argument_that_does_not_exist_is_refused_with_the_one_that_does() {
    let cases: [(&[&str], &str); 4] = [
        (&["serve", "--port", "18020"], "LOTLINE__SERVER__BIND"),
        (&["serve", "--bind", "127.0.0.1:18020"], "server.bind"),
        (&["config", "check", "a.toml"], "--config a.toml"),
        (&["config", "print", "a.toml"], "--config a.toml"),
    ];
    for (arguments, words) in cases {
        let ended = run(&mut lotline(arguments));

        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{words} in {ended:?}");
    }
}

#[test]
fn an_address_without_a_scheme_is_refused_in_the_same_words_everywhere() {
    let follow = ["follow", "--token", "t", "--url", "localhost:8001"];
    for arguments in [&["healthcheck", "--url", "localhost:8001"][..], &follow] {
        let ended = run(&mut lotline(arguments));

        assert_eq!(ended.status, Some(1), "{ended:?}");
        let words = "lotline: --url must be an address such as http://localhost:8001, not localhost:8001\n";
        assert_eq!(ended.stderr, words);
    }
}

#[test]
fn a_port_that_the_sample_site_cannot_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let ended = run(&mut lotline(&["sample-site", "--port", &address.port().to_string()]));

    let words = format!("cannot listen on {address}: the port is in use by another process");
    assert_eq!((ended.status, ended.stderr.contains(&words)), (Some(1), true), "{ended:?}");
    assert!(ended.stderr.contains("--port"), "{ended:?}");
}
