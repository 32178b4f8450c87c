//! The stored visits of the pages that a crawl has loaded from its frontier. Pure.

use std::collections::HashMap;

use crate::crawler::fetch::Validators;
use crate::domain::visits::{StoredVisit, Visit};

#[derive(Default)]
pub(super) struct VisitMemory {
    /// By the page's id in the frontier; `None` for a page without a visit.
    pages: HashMap<i64, Option<StoredVisit>>,
}

impl VisitMemory {
    /// Whether the store was not asked yet for the visit of this page.
    pub(super) fn is_unknown(&self, page_id: i64) -> bool {
        !self.pages.contains_key(&page_id)
    }

    pub(super) fn set(&mut self, page_id: i64, visit: Option<StoredVisit>) {
        self.pages.insert(page_id, visit);
    }

    /// The visit after which the page may be requested conditionally.
    pub(super) fn current(&self, page_id: i64) -> Option<&Visit> {
        match self.pages.get(&page_id)?.as_ref()? {
            StoredVisit::Current(visit) => Some(visit),
            StoredVisit::Outdated => None,
        }
    }

    /// What is sent with the request for the page, so that an unchanged page is not sent back.
    pub(super) fn validators(&self, page_id: i64) -> Option<Validators> {
        let Visit { etag, last_modified, .. } = self.current(page_id)?;
        Some(Validators { etag: etag.clone(), last_modified: last_modified.clone() })
    }

    /// Whether a visit of the page is stored, be it a current one or not.
    pub(super) fn is_stored(&self, page_id: i64) -> bool {
        matches!(self.pages.get(&page_id), Some(Some(_)))
    }

    /// The page's outcome is recorded in the frontier.
    pub(super) fn remove(&mut self, page_id: i64) {
        self.pages.remove(&page_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::properties::known::KnownHomes;
    use crate::protocol::property::PropertyInput;

    #[test]
    fn validators_are_sent_for_a_current_visit_only() {
        let mut memory = VisitMemory::default();
        let home = KnownHomes::sample(1, "A-1", "https://homes.example/h/1", &PropertyInput::default());
        let visit = Visit { etag: Some("W/\"1\"".to_owned()), last_modified: None, home };
        assert!(memory.is_unknown(1));

        memory.set(1, Some(StoredVisit::Current(Box::new(visit))));
        memory.set(2, Some(StoredVisit::Outdated));
        memory.set(3, None);

        let sent = memory.validators(1).unwrap();
        assert_eq!((sent.etag.as_deref(), sent.last_modified), (Some("W/\"1\""), None));
        assert_eq!((memory.validators(2), memory.validators(3)), (None, None));
        assert_eq!([1, 2, 3, 4].map(|page| memory.is_stored(page)), [true, true, false, false]);
        memory.remove(1);
        assert!(memory.is_unknown(1) && !memory.is_unknown(3));
    }
}
