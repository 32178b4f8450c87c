//! What an explicit `null` does in the listings of a caller: it empties the field, unless the caller is an API key that
//! is older than this rule and was not changed since.

use crate::auth::principal::Principal;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::api_key::NullSemantics;
use crate::protocol::null_fields::NullFields;
use crate::protocol::property::PropertyInput;
use crate::storage::api_keys;

/// The caller's. Read from the store each time, so that a change counts from the next request.
pub(super) async fn null_semantics(op: &Op) -> Result<NullSemantics> {
    let Some(key_id) = op.principal().and_then(Principal::key_id) else { return Ok(NullSemantics::Empty) };
    let stored = api_keys::null_semantics(&op.read().await?, key_id).await?;
    Ok(stored.as_deref().and_then(NullSemantics::parse).unwrap_or(NullSemantics::Empty))
}

/// Forgets the fields that are `null` where they are to be ignored; returns their number.
pub(super) fn ignore_nulls(input: &mut PropertyInput, semantics: NullSemantics) -> usize {
    match semantics {
        NullSemantics::Empty => 0,
        NullSemantics::Ignore => std::mem::take::<NullFields>(&mut input.nulls).len(),
    }
}
