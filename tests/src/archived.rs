//! What a lab's bucket holds.

use crate::Lab;
use postroom_model::MailboxId;
use std::collections::BTreeSet;

impl Lab {
    /// Every archived message of a mailbox, sorted by its bytes.
    ///
    /// # Panics
    /// When the archive cannot be read.
    pub async fn archived(&self, mailbox: &MailboxId) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        for key in self.keys(mailbox).await {
            messages.push(self.object(&key).await);
        }
        messages.sort();
        messages
    }

    /// The keys of a mailbox's archived messages.
    ///
    /// # Panics
    /// When the archive cannot be listed.
    pub async fn keys(&self, mailbox: &MailboxId) -> Vec<String> {
        self.keys_below(&format!("mail/{mailbox}/")).await
    }

    /// The keys of all objects that begin so.
    ///
    /// # Panics
    /// When the archive cannot be listed.
    pub async fn keys_below(&self, prefix: &str) -> Vec<String> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(page.expect("a page").contents.unwrap_or_default().into_iter().filter_map(|o| o.key));
        }
        keys
    }

    /// An object's bytes.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn object(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await.expect("an object");
        object.body.collect().await.expect("a body").to_vec()
    }

    /// Asserts that no object was ever written a second time, and none deleted.
    ///
    /// # Panics
    /// When one was.
    pub async fn assert_written_once(&self) {
        let (mut seen, mut after) = (BTreeSet::new(), (None, None));
        loop {
            let list = self.s3.list_object_versions().bucket(&self.bucket);
            let list = list.set_key_marker(after.0).set_version_id_marker(after.1);
            let page = list.send().await.expect("versions");
            assert_eq!(page.delete_markers(), [], "nothing is deleted");
            for version in page.versions.unwrap_or_default() {
                let key = version.key.expect("a key");
                assert!(!seen.contains(&key), "{key} was written twice");
                seen.insert(key);
            }
            if page.is_truncated != Some(true) {
                return;
            }
            after = (page.next_key_marker, page.next_version_id_marker);
        }
    }
}
