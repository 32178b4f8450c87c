//! What a page of the portal is about, before it is rendered.

use super::home::{Home, Language};
use super::style::Look;

/// The page of one home.
pub(super) struct Detail<'a> {
    pub(super) home: &'a Home,
    /// The homes of the carousel, as the carousel tells them.
    pub(super) neighbours: &'a [Home],
    /// The home whose price the analytics tell.
    pub(super) foreign: &'a Home,
    pub(super) language: Language,
    pub(super) look: Look,
}

/// A page of the index.
pub(super) struct List<'a> {
    pub(super) homes: &'a [Home],
    pub(super) number: usize,
    pub(super) has_next: bool,
    pub(super) look: Look,
}
