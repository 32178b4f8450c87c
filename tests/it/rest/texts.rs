//! Texts that a store may not keep: NUL in every text of every operation, and in the fields of a sign-in.

use serde_json::{Map, Value, json};

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::factories;
use crate::isolation::world::World;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const MANY_SIGN_INS: &[Setting] =
    &[("LOTLINE__LIMITS__SESSIONS_PER_USER", "100000"), ("LOTLINE__AUTH__REGISTRATION", "true")];

on_both_databases! {
    a_sign_in_with_nul_is_a_sign_in_that_fails,
    no_text_of_any_operation_breaks_the_server with super::MANY_SIGN_INS,
    a_name_has_one_spelling_and_one_script,
    a_file_keeps_the_given_name_exactly,
}

async fn form(app: &TestApp, pairs: &[(&str, &str)]) -> Response {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = app.http.post(app.url("/api/v1/auth/token"));
    Response::send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
}

async fn a_sign_in_with_nul_is_a_sign_in_that_fails(app: &TestApp) {
    app.member("bob").await;
    let right = "correct horse battery staple";

    for pairs in [
        [("username", "acme/b\0ob"), ("password", right), ("scope", "")],
        [("username", "acme/bob\0"), ("password", right), ("scope", "")],
        [("username", "ac\0me/bob"), ("password", right), ("scope", "")],
        [("username", "bob"), ("password", right), ("scope", "tenant:ac\0me")],
        [("username", "acme/bob"), ("password", "x\0"), ("scope", "")],
        [("grant_type", "refresh_token"), ("refresh_token", "llr_\0"), ("scope", "\0")],
    ] {
        let answer = form(app, &pairs).await;

        answer.expect_problem(401, "unauthenticated");
    }
    // The given names are written into the audit log, on both stores.
    let ann = app.admin("ann").await;
    assert_eq!(ann.get("/api/v1/audit-log").await.status, 200);
}

/// The value with each of its texts replaced by `text`, one at a time, with the location of each.
fn variants(value: &Value, location: &str, text: &str) -> Vec<(String, Value)> {
    match value {
        Value::String(_) => vec![(location.to_owned(), json!(text))],
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, item)| {
                variants(item, &format!("{location}/{at}"), text).into_iter().map(move |(location, other)| {
                    let mut items = items.clone();
                    items[at] = other;
                    (location, Value::Array(items))
                })
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| {
                variants(field, &format!("{location}/{name}"), text).into_iter().map(
                    move |(location, other)| {
                        let mut fields: Map<String, Value> = fields.clone();
                        fields.insert(name.clone(), other);
                        (location, Value::Object(fields))
                    },
                )
            })
            .collect(),
        _ => Vec::new(),
    }
}

async fn no_text_of_any_operation_breaks_the_server(app: &TestApp) {
    let world = World::new(app).await;
    let document = app.anonymous().get("/openapi.json").await.json();
    let (mut tried, mut faults) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let Some(cases) = factories::cases(&world, id).await else { continue };
            let Some(case) = cases.into_iter().next() else { continue };
            for call in calls(&document, &case, (path, method), operation) {
                let credential = case.credential(&world).await;
                let answer = app.while_time_passes(call.send(app, credential.as_deref())).await;
                tried += 1;
                if answer.status >= 500 {
                    faults.push(format!("{id}: {call}: {answer:?}"));
                }
            }
        }
    }

    assert_eq!(faults, Vec::<String>::new());
    assert!(tried > 80, "only {tried} requests");
}

/// Requests with a NUL in each text of the path, the query and the body.
fn calls(document: &Value, case: &Case, (path, method): (&str, &str), operation: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    let base = document["servers"][0]["url"].as_str().unwrap_or_default();
    let base = base.find("/api").map_or(base, |at| &base[at..]);
    let filled = |other: &str| {
        let part = |part: &str| if part.starts_with('{') { other.to_owned() } else { part.to_owned() };
        format!("{base}{}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
    };
    if path.contains('{') {
        calls.push(case.own().at(Some(&filled("a%00b"))));
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    for parameter in parameters.filter(|one| one["in"] == "query") {
        let name: &'static str = Box::leak(parameter["name"].as_str().unwrap().to_owned().into_boxed_str());
        calls.push(case.own().query(name, "a\0b"));
    }
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let schema = &content["schema"];
        let schema = match schema["$ref"].as_str() {
            Some(reference) => &document["components"]["schemas"][reference.rsplit('/').next().unwrap()],
            None => schema,
        };
        for (_, body) in variants(&schema["example"], "", "a\0b") {
            match (media.as_str(), &body) {
                ("application/json", _) => calls.push(case.own().json(body)),
                ("application/x-www-form-urlencoded", Value::Object(fields)) => {
                    let texts = fields.iter().filter(|(_, value)| value.is_string());
                    let texts = texts.map(|(name, value)| (name.clone(), value.clone())).collect();
                    calls.push(case.own().form_of(&texts));
                }
                _ => {}
            }
        }
    }
    let _ = method;
    calls
}

async fn a_name_has_one_spelling_and_one_script(app: &TestApp) {
    let ann = app.admin("ann").await;
    let add = async |username: &str, email: &str| {
        let body = json!({"username": username, "email": email, "role": "member"});
        ann.post("/api/v1/users", &body).await
    };

    for (username, email) in [
        ("Straße", "Stra\u{df}e@x.example"),
        ("zoe\u{308}", "zo\u{e9}@x.example"),
        ("coco", "coco@x.example"),
        ("नमस्ते", "namaste@x.example"),
        ("rn", "rn@x.example"),
        ("m", "m@x.example"),
    ] {
        assert_eq!(add(username, email).await.status, 201, "{username}");
    }
    for (username, email, pointers) in [
        ("STRASSE", "new1@x.example", &["/username"][..]),
        ("straße", "STRASSE@X.example", &["/username", "/email"]),
        (" zoë ", "new2@x.example", &["/username"]),
        ("new3", " zoe\u{301}@x.example ", &["/email"]),
        ("сосо", "new4@x.example", &["/username"]),
        ("pаypal", "new5@x.example", &["/username"]),
    ] {
        let problem = add(username, email).await.expect_problem(409, "conflict");
        let named: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(named, pointers, "{username} {email}: {problem}");
    }
    for username in [".", ".."] {
        add(username, "dots@x.example").await.expect_problem(422, "validation_failed");
    }
}

async fn a_file_keeps_the_given_name_exactly(app: &TestApp) {
    let bob = app.member("bob").await;
    for (said, kept) in [
        ("filename=\"Grundri_.pdf\"; filename*=UTF-8''Grundri%C3%9F.pdf", Some("Grundriß.pdf")),
        ("filename*=UTF-8''%e2%82%ac.txt; filename=\"euro.txt\"", Some("€.txt")),
        ("filename=\"=?UTF-8?B?R3J1bmRyacOfLnBkZg==?=\"", Some("Grundriß.pdf")),
        ("filename=\"=?UTF-8?Q?broken\"", None),
    ] {
        let body = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"file\"; {said}\r\n\r\ncontent\r\n--edge--\r\n"
        );
        let request = app.http.post(app.url("/api/v1/uploads")).bearer_auth(bob.token());
        let request = request.header("content-type", "multipart/form-data; boundary=edge").body(body);
        let answer = Response::send(request).await;

        match kept {
            Some(kept) => {
                assert_eq!((answer.status, &answer.json()["filename"]), (201, &json!(kept)), "{said}");
            }
            None => assert_eq!(answer.status, 422, "{said}: {answer:?}"),
        }
    }
}
