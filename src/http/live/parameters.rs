//! The query of a live connection. Each address accepts only its own parameters: a misspelt or misplaced one would
//! silently have no effect. Each may occur only once: readers would disagree on which one counts.

use std::borrow::Cow;
use std::collections::HashMap;

use poem::Request;

use crate::base::text::truncate;
use crate::protocol::problem::{Code, Problem};
use crate::telemetry::secret_patterns::mask_secrets;

/// The parameters that one address accepts.
pub(super) type AllowedParameters = &'static [&'static str];

/// A parameter that circumvents caches; it is ignored.
const CACHE_BUSTER: &str = "_";
/// Unknown names that a refusal repeats, and bytes of each.
const SHOWN: usize = 5;
const SHOWN_BYTES: usize = 60;

#[derive(Debug, Default)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Parses the query; a refusal names every parameter that is not among `allowed`.
    pub(super) fn read(request: &Request, allowed: AllowedParameters) -> Result<Self, Problem> {
        let query = request.uri().query().unwrap_or_default();
        let (mut found, mut unknown) = (HashMap::new(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name == CACHE_BUSTER {
                continue;
            }
            if !allowed.contains(&name.as_ref()) {
                if !unknown.contains(&name) {
                    unknown.push(name);
                }
                continue;
            }
            if found.insert(Cow::into_owned(name.clone()), value.into_owned()).is_some() {
                let words = format!("The query parameter {name} stands there twice; give it once.");
                return Err(Problem::new(Code::BadRequest, words));
            }
        }
        if unknown.is_empty() { Ok(Self(found)) } else { Err(refusal(&unknown, allowed)) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn refusal(unknown: &[Cow<'_, str>], allowed: AllowedParameters) -> Problem {
    // A credential without a parameter name would be read as a name.
    let shown: Vec<String> = unknown
        .iter()
        .take(SHOWN)
        .map(|name| truncate(&mask_secrets(name), SHOWN_BYTES).to_owned())
        .collect();
    let (parameters, are) = if unknown.len() == 1 { ("parameter", "is") } else { ("parameters", "are") };
    let words = format!(
        "The query {parameters} {} {are} not known here; this address takes {}.",
        shown.join(", "),
        allowed.join(", ")
    );
    Problem::new(Code::BadRequest, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Parameters, String> {
        let uri = format!("/ws?{query}").parse().unwrap();
        let request = Request::builder().uri(uri).finish();
        Parameters::read(&request, &["token", "since"]).map_err(|problem| problem.detail.into_owned())
    }

    #[test]
    fn every_unknown_name_is_named_with_what_is_known() {
        let refused = read("sinse=1&token=t&sub=a&sinse=2").unwrap_err();

        let words = "The query parameters sinse, sub are not known here; this address takes token, since.";
        assert_eq!(refused, words);
    }

    #[test]
    fn a_cache_buster_is_ignored_and_an_encoded_name_is_decoded() {
        let read = read("_=1764000000&_=2&%74oken=t&&").unwrap();

        assert_eq!((read.get("token"), read.get("_")), (Some("t"), None));
    }

    #[test]
    fn a_long_name_does_not_come_back_whole() {
        let refused = read(&format!("{}=1", "x".repeat(4_000))).unwrap_err();

        assert!(refused.len() < 200, "{refused}");
    }
}
