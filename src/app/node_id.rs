//! The id of this node: created at the first start and kept in the data folder, so that a node that was killed and
//! restarted is recognised as the one that lost its jobs.

use std::io;
use std::path::Path;

use super::file_modes::write_privately;
use crate::base::clock::Clock;
use crate::base::ids::NodeId;

/// The file in the data folder.
const FILE: &str = "node-id";

/// The node's id. If it cannot be saved, the node uses one that ends with the process.
pub(super) fn load(data_dir: &Path, clock: &Clock) -> NodeId {
    let path = data_dir.join(FILE);
    if let Some(kept) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
        return kept;
    }
    let new = NodeId::new(clock);
    if let Err(error) = save(&path, new) {
        tracing::warn!(%error, path = %path.display(), "the node's id cannot be saved and changes with the next start");
    }
    new
}

fn save(path: &Path, id: NodeId) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_privately(path, &format!("{id}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_id_and_another_folder_is_another_node() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::manual(chrono::DateTime::UNIX_EPOCH);

        let first = load(here.path(), &clock);

        assert_eq!(load(here.path(), &clock), first);
        assert_ne!(load(there.path(), &clock), first);
    }

    #[test]
    fn a_data_folder_that_is_not_writable_yields_a_new_id_each_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let clock = Clock::manual(chrono::DateTime::UNIX_EPOCH);

        assert_ne!(load(&file, &clock), load(&file, &clock));
    }
}
