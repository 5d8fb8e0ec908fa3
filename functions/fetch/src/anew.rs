//! Cursors that start anew, because another filter may want what an earlier one left out.
//!
//! Guarantees: nothing that is archived is read again for it, but its header. The new filter goes on
//! record only with a write that follows the last cursor, so that a crash in between repeats this and
//! skips nothing. A maildrop's cursor starts anew when the maildrop is opened.

use crate::{Fetch, visit::Visit};
use postroom_model::{FolderCursor, MailboxId};
use postroom_registry::Counted;

impl Fetch {
    /// Lets the cursors of a mailbox's folders start anew. `false`: another run is at work.
    pub(crate) async fn start_anew(
        &self,
        id: &MailboxId,
        visit: &mut Visit,
    ) -> Result<bool, postroom_registry::Error> {
        for (folder, from) in visit.state.folders.clone() {
            let to = anew(from);
            if from == to {
                continue;
            }
            if !self.registry.advance(id, &folder, Some(from), to, &Counted::default()).await? {
                return Ok(false);
            }
            visit.state.folders.insert(folder, to);
        }
        Ok(true)
    }
}

/// The cursor at the folder's beginning. The archive may hold what was done, and what was to be looked
/// at already.
fn anew(cursor: FolderCursor) -> FolderCursor {
    let done = cursor.last_uid.saturating_add(1);
    let known_below = cursor.known_below.map_or(done, |below| below.max(done));
    FolderCursor { last_uid: 0, known_below: Some(known_below).filter(|below| *below > 1), ..cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_may_be_known() {
        let start = FolderCursor::start(7, 1);
        assert_eq!(anew(start), start, "nothing was done");
        let done = start.advance(9);
        assert_eq!(anew(done), FolderCursor { known_below: Some(10), ..start });
        assert_eq!(anew(anew(done)), anew(done), "a repetition changes nothing");
        let renumbered = FolderCursor::renumbered(7, 1, 100).advance(9);
        assert_eq!(anew(renumbered), FolderCursor { known_below: Some(100), ..start });
        assert!(anew(start.advance(u32::MAX)).may_be_known(u32::MAX - 1));
    }
}
