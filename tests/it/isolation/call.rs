//! A request with placeholders such as `{job}`, so that the same request can be made with other ids.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::answer::Response;
use crate::support::app::TestApp;

#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Body,
    user_agent: Option<String>,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Json(Value),
    Form(Vec<(&'static str, String)>),
    /// A form with one file: its name and its contents.
    File(String, String),
    /// A body of another media type: the type and the text.
    Other(String, String),
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), query: Vec::new(), body: Body::None, user_agent: None }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub fn put(path: &str) -> Self {
        Self::new(Method::PUT, path)
    }

    pub fn patch(path: &str) -> Self {
        Self::new(Method::PATCH, path)
    }

    pub fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub fn form(mut self, fields: &[(&'static str, &str)]) -> Self {
        self.body = Body::Form(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
        self
    }

    pub fn file(mut self, filename: &str, content: &str) -> Self {
        self.body = Body::File(filename.to_owned(), content.to_owned());
        self
    }

    pub fn text(mut self, content_type: &str, text: &str) -> Self {
        self.body = Body::Other(content_type.to_owned(), text.to_owned());
        self
    }

    /// A form of these texts.
    pub fn form_of(self, fields: &serde_json::Map<String, Value>) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        fields.iter().for_each(|(name, value)| {
            form.append_pair(name, value.as_str().unwrap());
        });
        self.text("application/x-www-form-urlencoded", &form.finish())
    }

    /// Replaces the path, if there is another one.
    pub fn at(mut self, path: Option<&str>) -> Self {
        self.path = path.map_or(self.path, str::to_owned);
        self
    }

    /// The path without the prefix of REST.
    pub fn at_root(mut self) -> Self {
        self.path = self.path.trim_start_matches("/api/v1").to_owned();
        self
    }

    /// Sets a field of the body.
    pub fn field(&self, name: &str) -> Option<Value> {
        match &self.body {
            Body::None | Body::File(..) | Body::Other(..) => None,
            Body::Json(value) => value.get(name).cloned(),
            Body::Form(fields) => {
                fields.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str().into())
            }
        }
    }

    pub fn user_agent(mut self, text: &str) -> Self {
        self.user_agent = Some(text.to_owned());
        self
    }

    /// The same request with every placeholder filled in.
    pub fn with<'n>(&self, names: impl Iterator<Item = (&'n str, &'n str)> + Clone) -> Self {
        let fill = |text: &str| {
            names.clone().fold(text.to_owned(), |text, (location, name)| {
                text.replace(&format!("{{{location}}}"), name)
            })
        };
        let fill_all = |pairs: &[(&'static str, String)]| {
            pairs.iter().map(|(name, value)| (*name, fill(value))).collect::<Vec<_>>()
        };
        // In a body `"#{job}"` is the placeholder of a number.
        let fill_json = |value: &Value| {
            let text = names.clone().fold(value.to_string(), |text, (location, name)| {
                text.replace(&format!("\"#{{{location}}}\""), name)
            });
            serde_json::from_str(&fill(&text)).unwrap()
        };
        let body = match &self.body {
            Body::None => Body::None,
            Body::Json(value) => Body::Json(fill_json(value)),
            Body::Form(fields) => Body::Form(fill_all(fields)),
            Body::File(filename, content) => Body::File(fill(filename), fill(content)),
            Body::Other(kind, text) => Body::Other(kind.clone(), fill(text)),
        };
        Self { path: fill(&self.path), query: fill_all(&self.query), body, ..self.clone() }
    }

    /// The names of parameters and fields that hold a placeholder; those of the path by the document's template.
    pub fn varied(&self, template: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (ours, theirs) in self.path.split('/').zip(template.split('/')) {
            if ours.contains('{') {
                found.insert(theirs.trim_matches(['{', '}']).to_owned());
            }
        }
        let mut note = |fields: &[(&'static str, String)]| {
            let named = fields.iter().filter(|(_, value)| value.contains('{'));
            found.extend(named.map(|(name, _)| (*name).to_owned()));
        };
        note(&self.query);
        match &self.body {
            Body::None | Body::File(..) | Body::Other(..) => {}
            Body::Form(fields) => note(fields),
            Body::Json(value) => names_with_placeholders(value, "", &mut found),
        }
        found
    }

    pub async fn send(&self, app: &TestApp, credential: Option<&str>) -> Response {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", encoded(&self.query)) };
        let request = app.http.request(self.method.clone(), app.url(&format!("{}{query}", self.path)));
        let request = match &self.body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Other(kind, text) => request.header("content-type", kind).body(text.clone()),
            Body::Form(fields) => {
                request.header("content-type", "application/x-www-form-urlencoded").body(encoded(fields))
            }
            Body::File(filename, content) => {
                request.header("content-type", "multipart/form-data; boundary=edge").body(format!(
                    "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\r\n\
                     {content}\r\n--edge--\r\n"
                ))
            }
        };
        let request = credential.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        Response::send(
            self.user_agent.iter().fold(request, |request, text| request.header("user-agent", text)),
        )
        .await
    }

    /// Everything that the caller has sent, and that the answer may repeat.
    pub fn submitted_text(&self) -> String {
        format!("{self:?}")
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method, self.path, self.query, self.body)
    }
}

fn encoded(fields: &[(&'static str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn names_with_placeholders(value: &Value, name: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| names_with_placeholders(value, name, found));
        }
        Value::Array(values) => values.iter().for_each(|value| names_with_placeholders(value, name, found)),
        Value::String(text) if text.contains('{') => {
            found.insert(name.to_owned());
        }
        _ => {}
    }
}
