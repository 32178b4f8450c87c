//! The list of presets, which is the same in every tenant.

use crate::auth::permission::Permission;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::preview::Preset;
use crate::protocol::spider_rules::{preset_description, preset_names, preset_rules};

/// The presets in the order of their names.
pub fn list(op: &Op, page: PageRequest<String>) -> Result<Page<Preset, String>> {
    op.require(Permission::ReadSpiders)?;
    let is_left = |name: &&str| page.after.as_deref().is_none_or(|after| *name > after);
    let most = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
    let rows: Vec<Preset> = preset_names().filter(is_left).take(most).filter_map(preset).collect();
    Ok(Page::from_rows(rows, page.limit, |preset| preset.name.clone()))
}

fn preset(name: &str) -> Option<Preset> {
    Some(Preset { name: name.to_owned(), description: preset_description(name)?, rules: preset_rules(name)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::Role;
    use crate::domain::testing::World;

    #[tokio::test]
    async fn presets_are_listed_in_pages_in_the_order_of_their_names() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;

        let first = list(&admin, PageRequest { limit: 3, after: None }).unwrap();
        let rest = list(&admin, PageRequest { limit: 200, after: first.next.clone() }).unwrap();

        let names: Vec<String> =
            first.rows.iter().chain(&rest.rows).map(|preset| preset.name.clone()).collect();
        assert_eq!(names, preset_names().collect::<Vec<_>>());
        assert_eq!((first.rows.len(), rest.next), (3, None));
    }
}
