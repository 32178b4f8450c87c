//! For each operation the requests that test it, with everything they need already created in the first tenant. An
//! operation without requests here fails the walk.

mod account;
mod jobs;
mod messages;
mod notices;
mod people;
mod platform;
mod previews;
mod properties;
mod rooms;
mod spiders;
mod uploads;
mod workers;

use super::case::Case;
use super::world::World;

/// Operations that another tenant cannot attempt with any request, with the reason. This list may only shrink.
pub const EXCEPTIONS: [(&str, &str); 2] = [
    ("list_close_codes", "the same page for everybody, without a credential"),
    ("register", "makes a tenant; that a slug is taken is public, and registration is off unless configured"),
];

/// The requests of an operation. `None`: this file has none.
pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    // The aliases at the root are tested by the same requests at the alias.
    if let Some(original) = operation.strip_suffix("_at_root") {
        let cases = Box::pin(cases(world, original)).await?;
        return Some(cases.into_iter().map(Case::at_root).collect());
    }
    let found = account::cases(world, operation).await;
    let found = if found.is_none() { people::cases(world, operation).await } else { found };
    let found = if found.is_none() { spiders::cases(world, operation).await } else { found };
    let found = if found.is_none() { previews::cases(world, operation).await } else { found };
    let found = if found.is_none() { jobs::cases(world, operation).await } else { found };
    let found = if found.is_none() { workers::cases(world, operation).await } else { found };
    let found = if found.is_none() { properties::cases(world, operation).await } else { found };
    let found = if found.is_none() { notices::cases(world, operation).await } else { found };
    let found = if found.is_none() { uploads::cases(world, operation).await } else { found };
    let found = if found.is_none() { rooms::cases(world, operation).await } else { found };
    let found = if found.is_none() { messages::cases(world, operation).await } else { found };
    if found.is_none() { platform::cases(world, operation).await } else { found }
}
