//! Headers of responses: those that every response has, and the usual spelling of the others.

use serde_json::{Map, Value, json};

/// Headers that are defined once and referenced.
pub(super) fn shared() -> Value {
    json!({
        "X-Request-Id": {
            "description": "The request's id: the client's own when it sent one in this header, of at most 128 visible characters.",
            "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        },
        "RateLimit-Policy": {
            "description": "The limits that the request was counted against (draft-ietf-httpapi-ratelimit-headers): name, requests `q` \
                            in a window of `w` seconds. Absent while nothing is limited.",
            "schema": { "type": "string" },
            "example": "\"user\";q=50;w=1",
        },
        "RateLimit": {
            "description": "What is left of each limit: `r` requests now, `t` seconds until all of it is there again. Absent while \
                            nothing is limited.",
            "schema": { "type": "string" },
            "example": "\"user\";r=49;t=1",
        },
    })
}

/// Headers of every response.
const ALWAYS: [&str; 1] = ["X-Request-Id"];
/// Headers of every response of a rate-limited operation.
const COUNTED: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// Completes the headers of a response.
pub(super) fn complete(response: &mut Value, is_counted: bool) {
    if response.get("$ref").is_some() {
        // It is completed where it is defined.
        return;
    }
    let own = response["headers"].as_object().cloned().unwrap_or_default();
    let mut headers: Map<String, Value> = own
        .into_iter()
        .map(|(name, mut header)| {
            let name = canonical(&name);
            if header.get("description").is_none() {
                header["description"] = meaning(&name).into();
            }
            (name, header)
        })
        .collect();
    let counted = COUNTED.iter().filter(|_| is_counted);
    for name in ALWAYS.iter().chain(counted) {
        headers.insert((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    }
    response["headers"] = Value::Object(headers);
}

/// poem-openapi writes some names in capitals.
fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case("etag") {
        return "ETag".to_owned();
    }
    if name.chars().any(|one| one.is_ascii_lowercase()) {
        return name.to_owned();
    }
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn meaning(name: &str) -> &'static str {
    match name {
        "ETag" => "Identifies this state of the resource.",
        "Location" => "The address of the new resource.",
        "Cache-Control" => "`no-store`: no cache may store the answer.",
        "Link" => "The next page: `<…>; rel=\"next\"`.",
        _ => "As defined by HTTP.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_written_as_people_write_them() {
        let names = ["ETAG", "LOCATION", "CACHE-CONTROL", "X-Own"].map(canonical);

        assert_eq!(names, ["ETag", "Location", "Cache-Control", "X-Own"]);
    }
}
