//! A form, read: the mailbox that it describes, or what is wrong with it.
//!
//! Guarantees: what does not fit is said at its field, all at once, and makes no mailbox. A password
//! that is kept goes only where it went before, and an account's token only where the account is at
//! home: whoever may change a mailbox does not thereby learn its password, or a token.

use super::{
    Form,
    selection::{SelectionWrongs, lines},
};
use crate::{
    destination::{Destinations, Refusal},
    texts::mailbox::Mailbox as MailboxTexts,
};
use postroom_mail::NetworkSettings;
use postroom_model::{
    AccountId, AfterFetch, Auth, EndDate, Interval, Mailbox, Protocol, Provider, SaslPolicy, Server, Tls,
    address,
};
use std::net::IpAddr;

/// Folders that one mailbox may name, as the text about them says.
pub(super) const MAX_FOLDERS: usize = 200;
/// The longest text of a field, in bytes.
const MAX_TEXT: usize = 1000;

/// What is wrong, at each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrongs {
    pub(crate) auth: Option<&'static str>,
    pub(crate) account: Option<&'static str>,
    pub(crate) password: Option<&'static str>,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) host: Option<&'static str>,
    pub(crate) port: Option<&'static str>,
    pub(crate) tls: Option<&'static str>,
    pub(crate) user: Option<&'static str>,
    pub(crate) password_expires: Option<&'static str>,
    pub(crate) folders: Option<&'static str>,
    pub(crate) interval: Option<&'static str>,
    pub(crate) after: Option<&'static str>,
    pub(crate) move_to: Option<&'static str>,
    pub(crate) selection: SelectionWrongs,
}

/// What a form is checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// The mailbox as it is.
    pub(crate) before: &'a Mailbox,
    /// Whether the vault has a password of it.
    pub(crate) has_password: bool,
    /// The account that the form names; `None`: there is no such account.
    pub(crate) account: Option<&'a Opener>,
    /// What the deployment allows.
    pub(crate) network: &'a NetworkSettings,
    /// The words.
    pub(crate) t: &'static MailboxTexts,
}

/// An account that is to open the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opener {
    /// The account.
    pub(crate) account: AccountId,
    /// Its provider, which knows mechanism and host.
    pub(crate) provider: Option<Provider>,
    /// Where its tokens may go.
    pub(crate) destinations: Destinations,
}

impl Form {
    /// The mailbox that the form describes; `password` is the one that was entered with it.
    ///
    /// # Errors
    /// What is wrong, at each field.
    pub(crate) fn read(&self, password: Option<&str>, ground: &Ground<'_>) -> Result<Mailbox, Box<Wrongs>> {
        let t = ground.t;
        let mut wrongs = Wrongs::default();
        let (auth, provider) = match (self.auth.as_str(), ground.account) {
            ("oauth", Some(opener)) => (Some(Auth::Oauth(opener.account.clone())), opener.provider.as_ref()),
            ("oauth", None) => (noted(&mut wrongs.account, t.wrong_account), None),
            ("basic", _) => (Some(Auth::Basic), None),
            _ => (noted(&mut wrongs.auth, t.wrong_choice), None),
        };
        let protocol = match self.protocol.as_str() {
            "imap" => Some(Protocol::Imap),
            "pop3" => Some(Protocol::Pop3),
            _ => noted(&mut wrongs.protocol, t.wrong_choice),
        };
        let tls = match self.tls.as_str() {
            "implicit" => Some(Tls::Implicit),
            "starttls" => Some(Tls::Starttls),
            "none" => Some(Tls::None),
            _ => noted(&mut wrongs.tls, t.wrong_choice),
        };
        let known_host = provider.zip(protocol).and_then(|(provider, protocol)| provider.mail_host(protocol));
        let host = match host(&self.host, known_host, ground) {
            Ok(host) => Some(host),
            Err(wrong) => noted(&mut wrongs.host, wrong),
        };
        if let (Some(Tls::None), Some(host)) = (tls, &host)
            && !plaintext_allowed(host, ground.network)
        {
            wrongs.tls = Some(t.wrong_tls);
        }
        let port = match (self.port.as_str(), protocol.zip(tls)) {
            ("", Some((protocol, tls))) => Some(protocol.default_port(tls)),
            ("", None) => None,
            (text, _) => match text.parse::<u16>() {
                Ok(port @ 1..) => Some(port),
                _ => noted(&mut wrongs.port, t.wrong_port),
            },
        };
        let user =
            if is_line(&self.user) { Some(self.user.clone()) } else { noted(&mut wrongs.user, t.wrong_user) };
        let password_expires = match self.password_expires.as_str() {
            "" => Some(None),
            // With an account it has no password whose end would matter.
            _ if auth != Some(Auth::Basic) => Some(None),
            text => match text.parse::<EndDate>() {
                Ok(end) => Some(Some(end)),
                Err(_) => noted(&mut wrongs.password_expires, t.wrong_password_expires),
            },
        };
        let folders = match self.folders(protocol, t) {
            Ok(folders) => Some(folders),
            Err(wrong) => noted(&mut wrongs.folders, wrong),
        };
        let interval = match self.interval.parse::<Interval>() {
            Ok(interval) => Some(interval),
            Err(_) => noted(&mut wrongs.interval, t.wrong_interval),
        };
        let after_fetch = self.after_fetch(protocol, folders.as_deref().unwrap_or_default(), &mut wrongs, t);
        let (selected, selection) = self.selection.read(protocol, t);
        wrongs.selection = selection;
        wrongs.password = match (&auth, &host, &user) {
            (Some(Auth::Basic), Some(host), Some(user)) => wrong_password(password, host, user, ground),
            _ => None,
        };
        let mailbox = || {
            Some(Mailbox {
                protocol: protocol?,
                server: Server { host: host?, port: port?, tls: tls? },
                user: user?,
                sasl: match (provider, ground.before.sasl) {
                    (Some(provider), _) if auth.as_ref() != Some(&ground.before.auth) => provider.sasl,
                    // APOP is POP3's, and for passwords.
                    (_, SaslPolicy::Apop) if protocol? != Protocol::Pop3 || auth != Some(Auth::Basic) => {
                        SaslPolicy::Auto
                    }
                    (_, before) => before,
                },
                auth: auth?,
                folders: folders?,
                interval: interval?,
                after_fetch: after_fetch?,
                password_expires: password_expires?,
                exclude_folders: selected.exclude_folders,
                filter: selected.filter,
                daily_bytes: selected.daily_bytes,
                attachments: selected.attachments,
                inline_images: selected.inline_images,
                ..ground.before.clone()
            })
        };
        let mailbox = mailbox();
        let opener = ground.account.filter(|_| self.auth == "oauth");
        let refusal = opener.zip(mailbox.as_ref());
        match refusal.and_then(|(opener, mailbox)| opener.destinations.refuses(mailbox)) {
            Some(Refusal::Host) => wrongs.host = Some(t.wrong_host_account),
            Some(Refusal::User) => wrongs.user = Some(t.wrong_user_account),
            None => {}
        }
        match mailbox {
            Some(mailbox) if wrongs == Wrongs::default() => Ok(mailbox),
            _ => Err(Box::new(wrongs)),
        }
    }

    fn folders(&self, protocol: Option<Protocol>, t: &MailboxTexts) -> Result<Vec<String>, &'static str> {
        let folders: Vec<String> = lines(&self.folders).map(str::to_owned).collect();
        match protocol {
            Some(Protocol::Pop3) if folders.iter().any(|folder| folder != "INBOX") => {
                Err(t.wrong_folders_pop3)
            }
            Some(Protocol::Pop3) => Ok(vec!["INBOX".to_owned()]),
            _ if !(1..=MAX_FOLDERS).contains(&folders.len()) => Err(t.wrong_folders),
            _ if !folders.iter().all(|folder| is_line(folder)) => Err(t.wrong_folders),
            _ => Ok(folders),
        }
    }

    fn after_fetch(
        &self,
        protocol: Option<Protocol>,
        folders: &[String],
        wrongs: &mut Wrongs,
        t: &'static MailboxTexts,
    ) -> Option<AfterFetch> {
        match (self.after.as_str(), protocol) {
            ("leave", _) => Some(AfterFetch::Leave),
            ("delete", _) => Some(AfterFetch::Delete),
            ("mark_read" | "move", Some(Protocol::Pop3)) => noted(&mut wrongs.after, t.wrong_after_pop3),
            ("mark_read", _) => Some(AfterFetch::MarkRead),
            ("move", _) if is_line(&self.move_to) && !folders.contains(&self.move_to) => {
                Some(AfterFetch::Move(self.move_to.clone()))
            }
            ("move", _) => noted(&mut wrongs.move_to, t.wrong_move_to),
            _ => noted(&mut wrongs.after, t.wrong_after),
        }
    }
}

/// Notes what is wrong, in place of a value.
pub(super) fn noted<T>(place: &mut Option<&'static str>, wrong: &'static str) -> Option<T> {
    *place = Some(wrong);
    None
}

fn host(text: &str, default: Option<&str>, ground: &Ground<'_>) -> Result<String, &'static str> {
    let t = ground.t;
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match (text, text.parse::<IpAddr>()) {
        ("", _) => default.map(str::to_owned).ok_or(t.wrong_host_missing),
        (_, Ok(ip)) if address::is_local(ip) && !ground.network.allow_local => Err(t.wrong_host_local),
        (_, Ok(_)) => Ok(text.to_owned()),
        _ if text.len() > 253 || !text.chars().all(part) => Err(t.wrong_host),
        _ if is_this_machine(text) && !ground.network.allow_local => Err(t.wrong_host_local),
        _ => Ok(text.to_owned()),
    }
}

/// Whether a name means the machine that asks (RFC 6761 section 6.3). What other names resolve to is
/// looked at when they are connected to.
fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn plaintext_allowed(host: &str, network: &NetworkSettings) -> bool {
    let is_loopback = is_this_machine(host) || host.parse().is_ok_and(address::is_loopback);
    (network.allow_local && is_loopback)
        || network.plaintext_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
}

fn wrong_password(
    password: Option<&str>,
    host: &str,
    user: &str,
    ground: &Ground<'_>,
) -> Option<&'static str> {
    let (t, before) = (ground.t, ground.before);
    let is_as_before =
        before.auth == Auth::Basic && before.server.host.eq_ignore_ascii_case(host) && before.user == user;
    match password {
        Some(text) if text.contains(['\0', '\r', '\n']) || text.len() > MAX_TEXT => Some(t.wrong_password),
        Some(_) => None,
        None if !ground.has_password => Some(t.wrong_password_missing),
        None if !is_as_before => Some(t.wrong_password_moved),
        None => None,
    }
}

pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Language, Speak};
    use postroom_model::SaslPolicy;
    use std::time::Duration;

    fn network(allow_local: bool) -> NetworkSettings {
        NetworkSettings {
            extra_ca_pem: None,
            allow_local,
            plaintext_hosts: vec!["plain.example".into()],
            connect_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
        }
    }

    fn mailbox() -> Mailbox {
        serde_json::from_str(
            r#"{"id":"plant","protocol":"imap","host":"mail.example","port":993,"tls":"implicit",
                "user":"plant","after_fetch":{"move":"Archived"},"password_expires":"2027-09-30","tags":{"a":"b"}}"#,
        )
        .expect("loads")
    }

    fn changed(form: &Form, field: &str, value: &str) -> Form {
        let mut form = form.clone();
        let place = match field {
            "auth" => &mut form.auth,
            "account" => &mut form.account,
            "protocol" => &mut form.protocol,
            "host" => &mut form.host,
            "port" => &mut form.port,
            "tls" => &mut form.tls,
            "user" => &mut form.user,
            "password_expires" => &mut form.password_expires,
            "folders" => &mut form.folders,
            "interval" => &mut form.interval,
            "after" => &mut form.after,
            _ => &mut form.move_to,
        };
        value.clone_into(place);
        form
    }

    #[test]
    fn a_mailbox_round_trips_through_its_form() {
        let (mailbox, network) = (mailbox(), network(false));
        let t = &Language::En.texts().mailbox;
        let ground = Ground { before: &mailbox, has_password: true, account: None, network: &network, t };
        assert_eq!(Form::of(&mailbox).read(None, &ground), Ok(mailbox.clone()));
        let provider = serde_json::from_str(
            r#"{"id":"contoso","preset":"microsoft","endpoints":{"issuer":"https://login.example"},
                "client_id":"c","client_auth":"secret","sasl":"xoauth2"}"#,
        );
        let account: AccountId = "projects".parse().expect("id");
        let provider: Option<Provider> = Some(provider.expect("loads"));
        let destinations = Destinations { provider: provider.clone(), mailboxes: Vec::new(), by_user: false };
        let account = Opener { account, provider, destinations };
        let ground = Ground { account: Some(&account), ..ground };
        let form = changed(&changed(&Form::of(&mailbox), "auth", "oauth"), "host", "");
        let form = changed(&changed(&form, "port", ""), "tls", "starttls");
        let read = form.read(None, &ground).expect("fits");
        assert_eq!(read.password_expires, None);
        assert_eq!((read.auth, read.sasl), (Auth::Oauth(account.account.clone()), SaslPolicy::Xoauth2));
        assert_eq!((read.server.host.as_str(), read.server.port), ("outlook.office365.com", 143));
        let wrongs = Wrongs { host: Some(t.wrong_host_account), ..Wrongs::default() };
        assert_eq!(changed(&form, "host", "evil.example").read(None, &ground), Err(Box::new(wrongs)));
    }

    /// Each mistake, the field at which it is said, and a part of what is said.
    #[test]
    fn mistakes_are_said_at_their_fields() {
        let (mailbox, network) = (mailbox(), network(false));
        let t = &Language::En.texts().mailbox;
        let ground = Ground { before: &mailbox, has_password: true, account: None, network: &network, t };
        let good = Form::of(&mailbox);
        for (field, value, wrongs) in [
            ("auth", "oauth", Wrongs { account: Some(t.wrong_account), ..Wrongs::default() }),
            ("auth", "", Wrongs { auth: Some(t.wrong_choice), ..Wrongs::default() }),
            ("host", "", Wrongs { host: Some(t.wrong_host_missing), ..Wrongs::default() }),
            ("host", "https://mail.example", Wrongs { host: Some(t.wrong_host), ..Wrongs::default() }),
            ("host", "127.0.0.1", Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() }),
            ("host", "169.254.169.254", Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() }),
            ("host", "[::ffff:127.0.0.1]", Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() }),
            ("host", "LOCALHOST.", Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() }),
            ("host", "imap.localhost", Wrongs { host: Some(t.wrong_host_local), ..Wrongs::default() }),
            ("host", "evil.example", Wrongs { password: Some(t.wrong_password_moved), ..Wrongs::default() }),
            ("user", "boss", Wrongs { password: Some(t.wrong_password_moved), ..Wrongs::default() }),
            ("user", "", Wrongs { user: Some(t.wrong_user), ..Wrongs::default() }),
            ("user", "a\u{7}b", Wrongs { user: Some(t.wrong_user), ..Wrongs::default() }),
            (
                "password_expires",
                "2027-09-31",
                Wrongs { password_expires: Some(t.wrong_password_expires), ..Wrongs::default() },
            ),
            (
                "password_expires",
                "2027-09-30T12:00",
                Wrongs { password_expires: Some(t.wrong_password_expires), ..Wrongs::default() },
            ),
            ("port", "0", Wrongs { port: Some(t.wrong_port), ..Wrongs::default() }),
            ("port", "65536", Wrongs { port: Some(t.wrong_port), ..Wrongs::default() }),
            ("tls", "none", Wrongs { tls: Some(t.wrong_tls), ..Wrongs::default() }),
            ("tls", "ssl", Wrongs { tls: Some(t.wrong_choice), ..Wrongs::default() }),
            ("folders", " \n ", Wrongs { folders: Some(t.wrong_folders), ..Wrongs::default() }),
            ("interval", "5s", Wrongs { interval: Some(t.wrong_interval), ..Wrongs::default() }),
            ("after", "burn", Wrongs { after: Some(t.wrong_after), ..Wrongs::default() }),
            ("move_to", "INBOX", Wrongs { move_to: Some(t.wrong_move_to), ..Wrongs::default() }),
            ("protocol", "jmap", Wrongs { protocol: Some(t.wrong_choice), ..Wrongs::default() }),
            ("protocol", "pop3", Wrongs { after: Some(t.wrong_after_pop3), ..Wrongs::default() }),
        ] {
            assert_eq!(
                changed(&good, field, value).read(None, &ground),
                Err(Box::new(wrongs)),
                "{field} {value}"
            );
        }
        let missing = Wrongs { password: Some(t.wrong_password_missing), ..Wrongs::default() };
        let ground = Ground { has_password: false, ..ground };
        assert_eq!(good.read(None, &ground), Err(Box::new(missing)));
        assert!(good.read(Some("a\nb"), &ground).is_err());
        assert!(changed(&good, "host", "new.example").read(Some("new"), &ground).is_ok());
    }

    #[test]
    fn what_is_local_or_plain_is_for_deployments_that_allow_it() {
        let (mailbox, local, remote) = (mailbox(), network(true), network(false));
        let t = &Language::De.texts().mailbox;
        let ground = Ground { before: &mailbox, has_password: true, account: None, network: &local, t };
        let plain = changed(&Form::of(&mailbox), "tls", "none");
        assert!(changed(&plain, "host", "127.0.0.1").read(Some("p"), &ground).is_ok());
        assert!(changed(&plain, "host", "192.0.2.1").read(Some("p"), &ground).is_err());
        let ground = Ground { network: &remote, ..ground };
        assert!(changed(&plain, "host", "plain.example").read(Some("p"), &ground).is_ok());
    }
}
