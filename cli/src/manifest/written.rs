//! Mailboxes as a manifest has them: what [`Draft`](super::Draft) reads back as the same. Their passwords
//! are not in it: those that lie in the vault stay valid for the same server and user.

use postroom_model::{
    AfterFetch, Auth, Filter, Interval, Mailbox, Protocol, Provider, SaslPolicy, Tls, amount::written,
    daily_default,
};
use std::fmt::Write;
use toml::Value;

/// A `[[mailbox]]`, without what is so by itself; `provider` is the one of the account that it signs in
/// with.
pub(crate) fn mailbox(mailbox: &Mailbox, provider: Option<&Provider>) -> String {
    format!("[[mailbox]]\n{}\n", lines(mailbox, provider).join("\n"))
}

/// Its keys, one a line; those of its filter are last, below a line of its own.
pub(crate) fn lines(mailbox: &Mailbox, provider: Option<&Provider>) -> Vec<String> {
    let Mailbox { protocol, server, .. } = mailbox;
    let mut lines = Vec::new();
    let mut set = |key: &str, value: String| lines.push(format!("{key} = {value}"));
    set("id", text(mailbox.id.as_str()));
    if *protocol == Protocol::Pop3 {
        set("protocol", text("pop3"));
    }
    set("host", text(&server.host));
    if server.port != protocol.default_port(server.tls) {
        set("port", server.port.to_string());
    }
    match server.tls {
        Tls::Implicit => {}
        Tls::Starttls => set("tls", text("starttls")),
        Tls::None => set("tls", text("none")),
    }
    set("user", text(&mailbox.user));
    if let Auth::Oauth(account) = &mailbox.auth {
        set("auth", format!("{{ oauth = {} }}", text(account.as_str())));
    }
    if mailbox.sasl != provider.map_or(SaslPolicy::Auto, |provider| provider.sasl) {
        let sasl = match mailbox.sasl {
            SaslPolicy::Auto => "auto",
            SaslPolicy::Xoauth2 => "xoauth2",
            SaslPolicy::Oauthbearer => "oauthbearer",
            SaslPolicy::Apop => "apop",
        };
        set("sasl", text(sasl));
    }
    if mailbox.folders != ["INBOX"] {
        set("folders", texts(&mailbox.folders));
    }
    if !mailbox.exclude_folders.is_empty() {
        set("exclude_folders", texts(&mailbox.exclude_folders));
    }
    if mailbox.daily_bytes != daily_default(provider.map(|provider| provider.preset), &server.host, *protocol)
    {
        set("daily_limit", text(&mailbox.daily_bytes.map_or_else(|| "none".to_owned(), written)));
    }
    if mailbox.interval != Interval::default() {
        set("interval", text(&mailbox.interval.to_string()));
    }
    match &mailbox.after_fetch {
        AfterFetch::Leave => {}
        AfterFetch::MarkRead => set("after_fetch", text("mark_read")),
        AfterFetch::Delete => set("after_fetch", text("delete")),
        AfterFetch::Move(folder) => set("after_fetch", format!("{{ move = {} }}", text(folder))),
    }
    for (key, is_set) in [("attachments", mailbox.attachments), ("inline_images", mailbox.inline_images)] {
        if is_set {
            set(key, "true".to_owned());
        }
    }
    if let Some(end) = mailbox.password_expires {
        set("password_expires", end.to_string());
    }
    if !mailbox.owners.is_empty() {
        set("owners", texts(&mailbox.owners));
    }
    if !mailbox.tags.is_empty() {
        let tags = mailbox.tags.iter().map(|(name, value)| format!("{} = {}", text(name), text(value)));
        set("tags", format!("{{ {} }}", tags.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(rules(&mailbox.filter));
    lines
}

fn rules(
    Filter { from, not_from, subject, not_subject, min_bytes, max_bytes, since }: &Filter,
) -> Vec<String> {
    let patterns =
        [("from", from), ("not_from", not_from), ("subject", subject), ("not_subject", not_subject)];
    let patterns = patterns.into_iter().filter(|(_, patterns)| !patterns.is_empty());
    let patterns = patterns.map(|(key, patterns)| {
        let patterns: Vec<&str> = patterns.iter().map(|pattern| pattern.as_str()).collect();
        format!("{key} = {}", texts(&patterns))
    });
    let sizes = [("min_size", min_bytes), ("max_size", max_bytes)];
    let sizes =
        sizes.into_iter().filter_map(|(key, bytes)| Some(format!("{key} = {}", text(&written((*bytes)?)))));
    let since = since.map(|day| format!("since = {day}"));
    let mut rules: Vec<String> = patterns.chain(sizes).chain(since).collect();
    if !rules.is_empty() {
        rules.insert(0, "[mailbox.filter]".to_owned());
    }
    rules
}

fn texts(list: &[impl AsRef<str>]) -> String {
    let mut shown = String::from("[");
    for (index, item) in list.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _infallible = write!(shown, "{comma}{}", text(item.as_ref()));
    }
    shown + "]"
}

fn text(value: &str) -> String {
    Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Allowances, Draft, Ground, SecretSources};
    use jiff::Timestamp;
    use serde_json::json;
    use std::collections::{BTreeMap, BTreeSet};

    /// A mailbox with these fields besides the least.
    fn with(fields: serde_json::Value) -> Mailbox {
        let mut mailbox = json!({
            "id": "plant", "protocol": "imap", "host": "mail.example", "port": 993, "tls": "implicit",
            "user": "plant",
        });
        let (Some(all), serde_json::Value::Object(fields)) = (mailbox.as_object_mut(), fields) else {
            panic!("objects")
        };
        all.extend(fields);
        serde_json::from_value(mailbox).expect("mailbox")
    }

    /// What a manifest that is written from a mailbox says of it.
    fn read_back(written: &Mailbox) -> Mailbox {
        let text = mailbox(written, None);
        let sources = SecretSources { folder: ".".into(), variable: &|_| None };
        let id = written.id.clone();
        let ground = Ground {
            allowances: &Allowances { local_servers: false, plaintext_hosts: vec!["plain.example".into()] },
            providers: &BTreeMap::new(),
            accounts: &BTreeMap::new(),
            mailboxes: &BTreeMap::from([(id.clone(), written.clone())]),
            passwords: &BTreeSet::from([id]),
        };
        let manifest = Draft::read("manifest.toml", &text, &sources, Timestamp::UNIX_EPOCH).resolve(&ground);
        let manifest = manifest.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        manifest.mailboxes.into_values().next().expect("a mailbox")
    }

    #[test]
    fn what_is_written_is_read_back_as_the_same() {
        for fields in [
            json!({}),
            json!({ "protocol": "pop3", "port": 995, "sasl": "apop", "after_fetch": "delete" }),
            json!({ "protocol": "pop3", "port": 110, "tls": "starttls" }),
            json!({ "host": "plain.example", "tls": "none", "port": 10_143 }),
            json!({ "host": "imap.gmail.com" }),
            json!({ "host": "imap.gmail.com", "daily_bytes": 2_000_000_000_u64 }),
            json!({ "daily_bytes": 1_234_567, "interval": "1h", "after_fetch": "mark_read" }),
            json!({
                "user": "O'Brien \"the\" \\ plant", "folders": ["\\Sent", "Entwürfe", "a'b\"c"],
                "exclude_folders": ["Trash"], "after_fetch": { "move": "It's \"done\"" },
                "attachments": true, "inline_images": true, "password_expires": "2027-06-30T12:00:00+02:00",
                "owners": ["ann@contoso.com", "ben@contoso.com"], "tags": { "a b": "c = \"d\"", "x": "" },
                "filter": {
                    "from": ["*@a.example"], "not_from": ["no-reply@*"], "subject": ["*'*"],
                    "not_subject": ["x", "y"], "min_bytes": 1, "max_bytes": 50_000_000, "since": "2026-01-01",
                },
            }),
        ] {
            let written = with(fields);
            assert_eq!(read_back(&written), written);
        }
    }

    #[test]
    fn what_is_so_by_itself_is_not_written() {
        insta::assert_snapshot!(mailbox(&with(json!({})), None), @r#"
        [[mailbox]]
        id = "plant"
        host = "mail.example"
        user = "plant"
        "#);
        let full =
            with(json!({ "auth": { "oauth": "a" }, "sasl": "xoauth2", "filter": { "max_bytes": 5_000 } }));
        insta::assert_snapshot!(mailbox(&full, None), @r#"
        [[mailbox]]
        id = "plant"
        host = "mail.example"
        user = "plant"
        auth = { oauth = "a" }
        sasl = "xoauth2"
        [mailbox.filter]
        max_size = "5kB"
        "#);
    }
}
