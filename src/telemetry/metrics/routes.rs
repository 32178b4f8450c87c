//! Requests by route. The routes are the router's own patterns, set once at the start; all other requests count as
//! one route, `unmatched`.

use std::sync::OnceLock;

use super::cells::{Counter, Histogram};
use super::labels::{Cell, Label, Method};
use super::samples::Samples;

/// Classes of status: 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A metric for each route, in the order that the router gave them.
#[derive(Debug, Default)]
pub struct Routes<C> {
    routes: OnceLock<Box<[Route<C>]>>,
    unmatched: C,
}

#[derive(Debug)]
struct Route<C> {
    pattern: String,
    cell: C,
}

impl<C: Cell> Routes<C> {
    /// Sets the routes; later calls have no effect.
    pub fn set_patterns(&self, patterns: impl Iterator<Item = String>) {
        let routes = patterns.map(|pattern| Route { pattern, cell: C::default() });
        self.routes.get_or_init(|| routes.collect());
    }

    /// The metric of the route with this number; `None`: unmatched.
    pub fn of(&self, route: Option<usize>) -> &C {
        let found = route.and_then(|route| self.routes.get()?.get(route));
        found.map_or(&self.unmatched, |route| &route.cell)
    }
}

impl<C: Cell> Cell for Routes<C> {
    const KIND: &'static str = C::KIND;

    fn label_names() -> Vec<&'static str> {
        std::iter::once("route").chain(C::label_names()).collect()
    }

    fn read(&self, samples: &mut Samples<'_>) {
        for route in self.routes.get().into_iter().flatten() {
            samples.within("route", &route.pattern, |samples| route.cell.read(samples));
        }
        samples.within("route", "unmatched", |samples| self.unmatched.read(samples));
    }
}

/// Responses by method and class of status.
#[derive(Debug, Default)]
pub struct ResponseCounters([[Counter; CLASSES.len()]; Method::ALL.len()]);

impl ResponseCounters {
    pub fn of(&self, method: Method, status: u16) -> &Counter {
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        &self.0[method.index()][class]
    }
}

impl Cell for ResponseCounters {
    const KIND: &'static str = "counter";

    fn label_names() -> Vec<&'static str> {
        vec![Method::NAME, "status"]
    }

    fn read(&self, samples: &mut Samples<'_>) {
        for (method, classes) in Method::ALL.iter().zip(&self.0) {
            samples.within(Method::NAME, method.word(), |samples| {
                for (class, counter) in CLASSES.iter().zip(classes) {
                    samples.within("status", class, |samples| counter.read(samples));
                }
            });
        }
    }
}

/// Durations by route, all methods together.
pub type Durations = Routes<Histogram>;
