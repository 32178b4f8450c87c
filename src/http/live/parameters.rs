//! The query of a live connection. A parameter that speaks of authority or of a place may stand once only: of two, each
//! reader would believe another.

use std::borrow::Cow;
use std::collections::HashMap;

use poem::Request;

use crate::protocol::problem::{Code, Problem};

#[derive(Debug, Default)]
pub(super) struct Parameters(HashMap<String, String>);

const KNOWN: [&str; 8] =
    ["token", "ticket", "since", "subscriptions", "reject", "names", "level", "min_level"];

impl Parameters {
    /// Reads the query; names that the doors do not know are ignored, as the seeds' clients may send their own.
    pub(super) fn read(request: &Request) -> Result<Self, Problem> {
        let query = request.uri().query().unwrap_or_default();
        let mut found = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if KNOWN.contains(&name.as_ref())
                && found.insert(Cow::into_owned(name.clone()), value.into_owned()).is_some()
            {
                let words = format!("The query parameter {name} stands there twice; give it once.");
                return Err(Problem::new(Code::BadRequest, words));
            }
        }
        Ok(Self(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
