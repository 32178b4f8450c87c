//! The table of operations: the methods of each path, and the parameters of each operation.

use std::collections::BTreeSet;

use poem::Request;
use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaOperationParam, MetaSchemaRef, Registry};

use crate::protocol::problem::FieldError;

/// Every route of the server, with its operations.
#[derive(Default)]
pub struct OperationTable {
    pub(super) registry: Registry,
    routes: Vec<Route>,
}

struct Route {
    segments: Vec<Segment>,
    operations: Vec<Operation>,
}

enum Segment {
    Fixed(String),
    Param(String),
}

pub(super) struct Operation {
    method: Method,
    pub(super) params: Vec<MetaOperationParam>,
    /// Whether the caller must be authenticated; then the permission is checked before the parameters.
    pub(super) secured: bool,
    /// Whether it takes a body.
    pub(super) has_body: bool,
    /// Whether the parameters are known: those of routes outside the API document are not.
    pub(super) documented: bool,
}

/// An operation, with the values of its path parameters.
pub(super) struct MatchedOperation<'a> {
    pub(super) operation: &'a Operation,
    pub(super) path_values: Vec<(&'a str, String)>,
}

impl OperationTable {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the operations of an API that is served under `prefix` (empty for the root).
    #[must_use]
    pub fn with_api<T: OpenApi>(mut self, prefix: &str) -> Self {
        T::register(&mut self.registry);
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let operations = path.operations.into_iter().map(|operation| Operation {
                method: operation.method,
                has_body: operation.request.is_some(),
                params: operation.params,
                // An empty requirement among others means that a caller may be anonymous.
                secured: !operation.security.is_empty()
                    && operation.security.iter().all(|one| !one.is_empty()),
                documented: true,
            });
            let operations: Vec<Operation> = operations.collect();
            self.add(&format!("{prefix}{}", path.path), operations);
        }
        self
    }

    /// Adds a route outside of the API document, so that other methods are refused with the right `Allow`.
    #[must_use]
    pub fn with_route(mut self, path: &str, methods: &[Method]) -> Self {
        let operations = methods.iter().map(|method| Operation {
            method: method.clone(),
            params: Vec::new(),
            has_body: false,
            secured: false,
            documented: false,
        });
        self.add(path, operations.collect());
        self
    }

    /// The methods of `path`, in the form of the header `Allow`.
    pub fn allowed_methods(&self, path: &str) -> Option<String> {
        let route = self.route(path)?;
        let mut methods: Vec<&str> =
            route.operations.iter().map(|operation| operation.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        methods.dedup();
        Some(methods.join(", "))
    }

    /// The methods of every route, in the same form: what `OPTIONS *` asks for (RFC 9110 section 9.3.7).
    pub fn all_methods(&self) -> String {
        let operations = self.routes.iter().flat_map(|route| &route.operations);
        let methods: BTreeSet<&str> =
            operations.map(|operation| operation.method.as_str()).chain(["HEAD", "OPTIONS"]).collect();
        methods.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// Every route as a pattern, in the order of [`OperationTable::route_index`].
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.routes.iter().map(Route::pattern)
    }

    /// The index of the route that matches `path`.
    pub fn route_index(&self, path: &str) -> Option<usize> {
        let found = self.route(path)?;
        self.routes.iter().position(|route| std::ptr::eq(route, found))
    }

    /// The path with a value of the right type for each parameter that `errors` names.
    pub(in crate::http) fn readable_path(&self, request: &Request, errors: &[FieldError]) -> String {
        let path = request.uri().path();
        let Some(route) = self.route(path) else { return path.to_owned() };
        let Some(matched) = self.find(request.method(), path) else { return path.to_owned() };
        let is_bad = |name: &str| errors.iter().any(|error| error.is_of_parameter("path", name));
        let parts = route.segments.iter().zip(segments_of(path)).map(|(segment, part)| match segment {
            Segment::Param(name) if is_bad(name) => matched.operation.sample_value(name),
            Segment::Param(_) | Segment::Fixed(_) => part,
        });
        parts.fold(String::new(), |path, part| path + "/" + part)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<MatchedOperation<'_>> {
        let route = self.route(path)?;
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let operation = route.operations.iter().find(|operation| operation.method == *method)?;
        Some(MatchedOperation { operation, path_values: route.values(path) })
    }

    fn add(&mut self, path: &str, operations: Vec<Operation>) {
        let segments: Vec<Segment> = segments_of(path).map(Segment::parse).collect();
        match self.routes.iter_mut().find(|route| route.is_same_as(&segments)) {
            Some(route) => route.operations.extend(operations),
            None => self.routes.push(Route { segments, operations }),
        }
    }

    /// Of the matching routes, the one with fixed parts earliest in the path, as the router chooses.
    fn route(&self, path: &str) -> Option<&Route> {
        let parts: Vec<&str> = segments_of(path).collect();
        self.routes.iter().filter(|route| route.matches(&parts)).max_by_key(|route| {
            route.segments.iter().map(|segment| matches!(segment, Segment::Fixed(_))).collect::<Vec<bool>>()
        })
    }
}

impl Operation {
    /// A valid text for the path parameter `name`: an id is a number or a UUID.
    fn sample_value(&self, name: &str) -> &'static str {
        let is_number = |param: &MetaOperationParam| match &param.schema {
            MetaSchemaRef::Inline(schema) => schema.ty == "integer",
            MetaSchemaRef::Reference(_) => false,
        };
        let param = self.params.iter().find(|param| param.name == name);
        if param.is_some_and(is_number) { "1" } else { "00000000-0000-0000-0000-000000000000" }
    }
}

impl Route {
    fn pattern(&self) -> String {
        self.segments.iter().fold(String::new(), |pattern, segment| match segment {
            Segment::Fixed(text) => pattern + "/" + text,
            Segment::Param(name) => pattern + "/{" + name + "}",
        })
    }

    fn matches(&self, parts: &[&str]) -> bool {
        self.segments.len() == parts.len()
            && self.segments.iter().zip(parts).all(|(segment, part)| segment.matches(part))
    }

    fn is_same_as(&self, segments: &[Segment]) -> bool {
        self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).all(|pair| match pair {
                (Segment::Fixed(own), Segment::Fixed(other)) => own == other,
                (Segment::Param(_), Segment::Param(_)) => true,
                _ => false,
            })
    }

    fn values(&self, path: &str) -> Vec<(&str, String)> {
        let params = self.segments.iter().zip(segments_of(path));
        params
            .filter_map(|(segment, part)| match segment {
                Segment::Param(name) => {
                    let value = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
                    Some((name.as_str(), value.into_owned()))
                }
                Segment::Fixed(_) => None,
            })
            .collect()
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        // The document writes `{name}`, the router `:name`.
        let braced = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        match braced.or_else(|| text.strip_prefix(':')) {
            Some(name) => Self::Param(name.to_owned()),
            None => Self::Fixed(text.to_owned()),
        }
    }

    fn matches(&self, part: &str) -> bool {
        match self {
            Self::Fixed(own) => own == part,
            Self::Param(_) => !part.is_empty(),
        }
    }
}

fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}
