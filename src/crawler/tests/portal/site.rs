//! The portal as a site: its homes, and what it answers to each request.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::content::{Detail, List};
use super::detours;
use super::home::{FIRST_ID, Home, Language, Presence};
use super::page::soft_page;
use super::style::{Look, Style};
use crate::crawler::fetch::test_site::{html_page, http_response};

/// Homes on a page of the index, and in a carousel.
const PER_LIST: usize = 6;
const NEIGHBOURS: usize = 3;

#[derive(Clone)]
pub(super) struct Portal {
    state: Arc<Mutex<PortalState>>,
}

struct PortalState {
    homes: BTreeMap<u32, Home>,
    look: Look,
    requests: usize,
}

impl Portal {
    pub(super) fn new(style: Style, homes: u32) -> Self {
        let homes = (0..homes).map(Home::sample).map(|home| (home.id, home)).collect();
        Self { state: Arc::new(Mutex::new(PortalState { homes, look: Look::of(style), requests: 0 })) }
    }

    /// From now on the portal looks like this.
    pub(super) fn restyle(&self, change: impl FnOnce(&mut Look)) {
        change(&mut self.state.lock().look);
    }

    pub(super) fn change(&self, id: u32, change: impl FnOnce(&mut Home)) {
        change(self.state.lock().homes.get_mut(&id).unwrap());
    }

    /// The first homes get this presence.
    pub(super) fn set_first(&self, homes: u32, presence: Presence) {
        for id in FIRST_ID..FIRST_ID + homes {
            self.change(id, |home| home.presence = presence);
        }
    }

    pub(super) fn add(&self, number: u32) {
        let home = Home::sample(number);
        self.state.lock().homes.insert(home.id, home);
    }

    pub(super) fn home(&self, id: u32) -> Option<Home> {
        self.state.lock().homes.get(&id).cloned()
    }

    /// The homes that are on the portal.
    pub(super) fn listed(&self) -> Vec<Home> {
        self.state.lock().listed()
    }

    pub(super) fn answer(&self, head: &str) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        state.requests += 1;
        let path = head.split(' ').nth(1).unwrap_or_default();
        if state.look.has_detours {
            let detour = detours::answer(path, head, &state.listed());
            return detour.unwrap_or_else(|| state.answer(detours::plain(path)));
        }
        if path == "/robots.txt" {
            return http_response(404, &[], b"");
        }
        match state.look.wall {
            Some(wall) => wall.answer(),
            None => state.answer(path),
        }
    }
}

impl PortalState {
    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        if path.starts_with("/expose/") {
            return http_response(404, &[], b"");
        }
        let list =
            if path == "/" { Some(0) } else { path.strip_prefix("/list/").and_then(|at| at.parse().ok()) };
        if let Some(page) = list.and_then(|number| self.list(number)) {
            return self.page(&page, path);
        }
        let Some((home, language)) = self.home_at(path) else { return soft_page(self.look.soft_page) };
        match home.presence {
            Presence::Listed => self.page(&self.detail(home, language), path),
            Presence::NotFound => http_response(404, &[], b""),
            Presence::SoftGone => soft_page(self.look.soft_page),
            Presence::Redirected => http_response(302, &["Location: /"], b""),
        }
    }

    fn page(&self, html: &str, path: &str) -> Option<Vec<u8>> {
        if self.look.has_detours {
            return html_page(&detours::add_to(html, path, self.requests));
        }
        html_page(html)
    }

    fn home_at(&self, path: &str) -> Option<(&Home, Language)> {
        let id = path.rsplit('-').next()?.parse().ok()?;
        let home = self.homes.get(&id)?;
        let english = Some(Language::English).filter(|_| self.look.has_english);
        let mut languages = [Some(Language::German), english].into_iter().flatten();
        Some((home, languages.find(|language| home.path(*language) == path)?))
    }

    fn listed(&self) -> Vec<Home> {
        self.homes.values().filter(|home| home.presence == Presence::Listed).cloned().collect()
    }

    /// The homes as a carousel tells them.
    fn teasers(&self) -> Vec<Home> {
        let mut teasers = self.listed();
        teasers.iter_mut().for_each(|home| home.price -= self.look.stale_by);
        teasers
    }

    fn list(&self, number: usize) -> Option<String> {
        let listed = self.listed();
        let homes = listed.chunks(PER_LIST).nth(number)?;
        let has_next = listed.len() > (number + 1) * PER_LIST;
        Some(List { homes, number, has_next, look: self.look }.html())
    }

    fn detail(&self, home: &Home, language: Language) -> String {
        let teasers = self.teasers();
        let own = teasers.iter().position(|teaser| teaser.id == home.id).unwrap_or(0);
        let others = (1..teasers.len()).map(|step| &teasers[(own + step) % teasers.len()]);
        let mut others: Vec<Home> = others.cloned().collect();
        let shift = self.look.carousel_shift % others.len().max(1);
        others.rotate_left(shift);
        let neighbours = &others[..NEIGHBOURS.min(others.len())];
        let foreign = others.last().unwrap_or(home);
        Detail { home, neighbours, foreign, language, look: self.look }.html()
    }
}
