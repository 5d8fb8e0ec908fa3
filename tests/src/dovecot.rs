//! The test stack's Dovecot.

use crate::environment;
use postroom_model::Mailbox;
use std::{path::PathBuf, process::Command};

/// A user of the test stack's Dovecot; every test has its own.
#[derive(Debug, Clone)]
pub struct User(String);

impl User {
    /// A user of a new name.
    pub fn new(kind: &str) -> Self {
        Self(format!("{kind}-{:08x}", fastrand::u32(..)))
    }

    /// The user of this name.
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The user of this name, without any mail, whose INBOX has this UIDVALIDITY: as a server was when
    /// something was written down about it.
    ///
    /// # Panics
    /// When doveadm refuses.
    pub fn anew(name: &str, uid_validity: u32) -> Self {
        let user = Self::named(name);
        let home = PathBuf::from(environment("POSTROOM_TEST_MAIL_ROOT")).join(name);
        if home.exists() {
            std::fs::remove_dir_all(home).expect("removed");
        }
        let validity = uid_validity.to_string();
        user.doveadm(&["mailbox", "update", "--uid-validity", &validity, "-u", name, "INBOX"]);
        user
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The user's password.
    pub fn password(&self) -> String {
        format!("pw-{}", self.0)
    }

    /// The user's INBOX as a basic mailbox over implicit TLS; `change` edits its JSON.
    ///
    /// # Panics
    /// When what `change` leaves is not a mailbox.
    pub fn mailbox(&self, change: impl FnOnce(&mut serde_json::Value)) -> Mailbox {
        let port: u16 = environment("POSTROOM_TEST_IMAPS_PORT").parse().expect("a port");
        let mut json = serde_json::json!({
            "id": self.0, "protocol": "imap", "host": "127.0.0.1", "port": port, "tls": "implicit",
            "user": self.0, "interval": "1m",
        });
        change(&mut json);
        serde_json::from_value(json).expect("a mailbox")
    }

    /// The user's maildrop as a basic mailbox over implicit TLS; `change` edits its JSON.
    ///
    /// # Panics
    /// As [`User::mailbox`].
    pub fn maildrop(&self, change: impl FnOnce(&mut serde_json::Value)) -> Mailbox {
        let port: u16 = environment("POSTROOM_TEST_POP3S_PORT").parse().expect("a port");
        self.mailbox(|json| {
            json["protocol"] = "pop3".into();
            json["port"] = port.into();
            change(json);
        })
    }

    /// The messages of INBOX as the server keeps them, sorted by their bytes.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        let maildir = PathBuf::from(environment("POSTROOM_TEST_MAIL_ROOT")).join(&self.0).join("Maildir");
        let files = ["cur", "new"].into_iter().flat_map(|folder| std::fs::read_dir(maildir.join(folder)));
        let files = files.flatten().map(|file| std::fs::read(file.expect("a file").path()).expect("read"));
        let mut messages: Vec<Vec<u8>> = files.collect();
        messages.sort();
        messages
    }

    /// Takes messages out of a folder, as another client does; `which` is a query of doveadm's.
    ///
    /// # Panics
    /// When doveadm refuses.
    pub fn expunge(&self, folder: &str, which: &[&str]) {
        self.doveadm(&[&["expunge", "-u", &self.0, "mailbox", folder], which].concat());
    }

    /// Delivers a message into a folder, by doveadm as a mail server's own tools do.
    ///
    /// # Panics
    /// When doveadm refuses.
    pub fn deliver(&self, folder: &str, text: &[u8]) {
        let file = std::env::temp_dir().join(format!("{}-{:016x}.eml", self.0, fastrand::u64(..)));
        std::fs::write(&file, text).expect("a file");
        if folder != "INBOX" {
            self.try_doveadm(&["mailbox", "create", "-u", &self.0, folder]);
        }
        self.doveadm(&["save", "-u", &self.0, "-m", folder, &file.to_string_lossy()]);
        std::fs::remove_file(file).expect("removed");
    }

    /// Gives a folder another UIDVALIDITY, as a server does that was restored or moved.
    ///
    /// # Panics
    /// When doveadm refuses.
    pub fn renumber(&self, folder: &str) {
        let validity = fastrand::u32(1_900_000_000..2_000_000_000).to_string();
        self.doveadm(&["mailbox", "update", "--uid-validity", &validity, "-u", &self.0, folder]);
    }

    /// What doveadm finds in a folder: `flags` or `text`, a value a line.
    ///
    /// # Panics
    /// When doveadm refuses.
    pub fn fetch(&self, field: &str, folder: &str) -> String {
        self.doveadm(&["-f", "flow", "fetch", "-u", &self.0, field, "mailbox", folder])
    }

    fn doveadm(&self, arguments: &[&str]) -> String {
        let output = self.try_doveadm(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "doveadm {arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn try_doveadm(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(environment("POSTROOM_TEST_DOVEADM"));
        command.arg("-c").arg(PathBuf::from(environment("POSTROOM_TEST_DOVECOT_CONF")));
        command.args(arguments).output().expect("doveadm runs")
    }
}

/// Lets an account's token open another mailbox.
///
/// # Panics
/// When that cannot be written down.
pub fn share(mailbox: &User, account: &User) {
    let folder = PathBuf::from(environment("POSTROOM_TEST_SHARED_MAILBOXES"));
    let file = folder.join(format!("{},{}", mailbox.0, account.0));
    std::fs::write(file, format!("{}:::::::nopassword\n", mailbox.0)).expect("written");
}
