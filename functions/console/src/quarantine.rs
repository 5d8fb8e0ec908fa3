//! Messages in quarantine, as a mailbox's page shows them.

use crate::{
    calendar::{Clock, When},
    condition::Explained,
    language::{Language, Speak},
    texts::Fill,
};
use postroom_language::visible;
use postroom_registry::QuarantineRecord;

/// The most that a page shows.
const SHOWN: usize = 20;

/// A message that the archive lacks.
pub(crate) struct Quarantined {
    /// Where it is: its folder and UID; in a maildrop the number that it had. Its Message-ID, if known.
    pub(crate) message: String,
    /// When it was put on record.
    pub(crate) at: When,
    /// What happened.
    pub(crate) fault: Explained,
}

impl Quarantined {
    /// The first of them.
    pub(crate) fn first(records: &[QuarantineRecord], clock: Clock<'_>) -> Vec<Self> {
        records.iter().take(SHOWN).map(|record| Self::new(record, clock)).collect()
    }

    /// That there are more; none where there are not.
    pub(crate) fn more(records: &[QuarantineRecord], language: Language) -> Option<String> {
        let t = &language.texts().mailbox;
        (records.len() > SHOWN).then(|| t.quarantine_more.with("n", SHOWN))
    }

    fn new(record: &QuarantineRecord, clock: Clock<'_>) -> Self {
        let t = &clock.language.texts().mailbox;
        let QuarantineRecord { folder, stuck, at } = record;
        let folder = visible(folder);
        let is_in_maildrop = stuck.uid_validity == 0;
        let text = if is_in_maildrop { t.quarantine_number } else { t.quarantine_uid };
        let mut message = text.fill(&[("folder", &folder), ("n", &stuck.uid)]);
        if let Some(id) = &stuck.message_id {
            message.push_str(", Message-ID ");
            message.push_str(&visible(id));
        }
        Self { message, at: clock.when(*at), fault: Explained::new(&stuck.fault, clock.language) }
    }
}
