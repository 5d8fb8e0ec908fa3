//! Lists of mailboxes: what is accepted, and what is said about mistakes.

use jiff::Timestamp;
use postroom_cli::manifest::{Allowances, Draft, Ground, Manifest, Problems, SecretSources};
use postroom_model::{AfterFetch, Mailbox, MailboxId, Protocol, Tls};
use secrecy::ExposeSecret;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Reads a list whose files are in a folder, beside these mailboxes that are deployed.
fn read_beside(
    text: &str,
    ignored: &[&str],
    folder: &Path,
    deployed: &BTreeMap<MailboxId, Mailbox>,
) -> Result<Manifest, Problems> {
    let sources = SecretSources { folder: folder.to_owned(), variable: &|_| None };
    let ignored: Vec<String> = ignored.iter().map(|name| (*name).to_owned()).collect();
    Draft::read_list("list.csv", text, &ignored, &sources, Timestamp::UNIX_EPOCH).resolve(&Ground {
        allowances: &Allowances { local_servers: false, plaintext_hosts: vec!["plain.example".into()] },
        providers: &BTreeMap::new(),
        accounts: &BTreeMap::new(),
        mailboxes: deployed,
        passwords: &BTreeSet::new(),
    })
}

fn read(text: &str) -> Result<Manifest, Problems> {
    read_beside(text, &[], Path::new("."), &BTreeMap::new())
}

fn report(text: &str) -> String {
    let report = read(text).expect_err("has problems").to_string();
    assert!(!report.contains("s3cret"), "a password is never shown: {report}");
    report
}

/// A list's mailboxes in a few words, each with its password.
fn shown(manifest: &Manifest) -> Vec<String> {
    let shown = manifest.mailboxes.values().map(|mailbox| {
        let Mailbox { id, protocol, server, user, .. } = mailbox;
        let password = &manifest.passwords[id].secret;
        let (host, port, tls) = (&server.host, server.port, server.tls);
        format!("{id}: {protocol:?} {host}:{port} {tls:?} {user} {:?}", password.expose_secret())
    });
    shown.collect()
}

#[test]
fn a_list_as_a_spreadsheet_saves_it() {
    // A byte order mark, lines that end in CR LF, cells that Excel put in quotes, an empty row at the end.
    let text = "\u{feff}Server;IMAP Port;Connection Security;User name;Password;Owners;Tag:Project\r\n\
        mail.example.com;993;SSL/TLS;Site-Diary@contoso.com;\"s3c;\"\"ret\";ann@contoso.com ben@contoso.com;bridge 17\r\n\
        mail.example.com;;;plant; s3cret ;;\r\n\
        ;;;;;;\r\n";
    let manifest = read(text).expect("a good list");
    assert_eq!(
        shown(&manifest),
        [
            "plant: Imap mail.example.com:993 Implicit plant \" s3cret \"",
            "site-diary-contoso.com: Imap mail.example.com:993 Implicit Site-Diary@contoso.com \"s3c;\\\"ret\"",
        ]
    );
    let diary = &manifest.mailboxes[&"site-diary-contoso.com".parse().expect("id")];
    assert_eq!(diary.owners, ["ann@contoso.com", "ben@contoso.com"]);
    assert_eq!(diary.tags, BTreeMap::from([("Project".to_owned(), "bridge 17".to_owned())]));
    let sources: Vec<&str> = manifest.passwords.values().map(|password| &*password.source).collect();
    assert_eq!(sources, ["line 3 of list.csv", "line 2 of list.csv"]);
    assert!(!format!("{manifest:?}").contains("s3c"));
}

#[test]
fn commas_tabs_told_delimiters_and_old_line_ends_are_understood() {
    for text in [
        "host,user,password\nh.example,a,p\n",
        "host\tuser\tpassword\nh.example\ta\tp",
        "sep=;\nhost;user;password\nh.example;a;p\n",
        "\u{feff}SEP=|\r\nhost|user|password\r\nh.example|a|p\r\n",
        "\"host\",\"user\",\"password\"\n\"h.example\",\"a\",\"p\"\n",
        "host,user,password\rh.example,a,p\r",
    ] {
        let manifest = read(text).unwrap_or_else(|problems| panic!("{text:?}: {problems}"));
        assert_eq!(shown(&manifest), ["a: Imap h.example:993 Implicit a \"p\""], "{text:?}");
    }
}

#[test]
fn what_a_row_leaves_out_follows_from_the_rest() {
    for (head, row, expected) in [
        ("port", "995", "Pop3 h.example:995 Implicit"),
        ("port", "110", "Pop3 h.example:110 Starttls"),
        ("port", "143", "Imap h.example:143 Starttls"),
        ("protocol", "POP", "Pop3 h.example:995 Implicit"),
        ("protocol", "imaps", "Imap h.example:993 Implicit"),
        ("protocol,tls", "imap,STARTTLS", "Imap h.example:143 Starttls"),
        ("protocol,port", "imaps,143", "Imap h.example:143 Implicit"),
        ("protocol,ssl", "pop3,yes", "Pop3 h.example:995 Implicit"),
        ("security,port", "TLS,143", "Imap h.example:143 Implicit"),
    ] {
        let manifest = read(&format!("host,user,password,{head}\nh.example,a,p,{row}\n"));
        let manifest = manifest.unwrap_or_else(|problems| panic!("{head} {row}: {problems}"));
        assert_eq!(shown(&manifest), [format!("a: {expected} a \"p\"")], "{head} {row}");
    }
    let plain = read("host,user,password,ssl\nplain.example,a,p,no\n").expect("the host is allowed");
    assert_eq!(plain.mailboxes.values().next().map(|mailbox| mailbox.server.tls), Some(Tls::None));
    let report = report("host,user,password,ssl\nh.example,a,s3cret,no\n");
    assert!(report.contains("list.csv:2:20: tls = \"none\" would send the password"), "{report}");
}

#[test]
fn every_key_of_a_mailbox_has_a_column() {
    let text = "id,server,protocol,user,password,folders,exclude folders,interval,after fetch,attachments,inline images,daily limit,password expires,tags\n\
        plant,h.example,imap,a,p,INBOX;Sent|Old,Old,1h,Move:Archived,yes,x,2GB,2027-06-30,a=1;b = two \n";
    let manifest = read(text).expect("a good list");
    let mailbox = manifest.mailboxes.values().next().expect("one");
    assert_eq!(mailbox.folders, ["INBOX", "Sent", "Old"]);
    assert_eq!(mailbox.exclude_folders, ["Old"]);
    assert_eq!(mailbox.after_fetch, AfterFetch::Move("Archived".into()));
    assert!(mailbox.attachments && mailbox.inline_images);
    assert_eq!((mailbox.daily_bytes, mailbox.protocol), (Some(2_000_000_000), Protocol::Imap));
    assert_eq!(mailbox.password_expires.map(|end| end.to_string()).as_deref(), Some("2027-06-30"));
    assert_eq!(mailbox.interval.to_string(), "1h");
    assert_eq!(mailbox.tags, BTreeMap::from([("a".into(), "1".into()), ("b".into(), "two".into())]));
}

#[test]
fn passwords_may_lie_in_files_beside_the_list() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plant.txt"), "s3cret\n").expect("written");
    fs::write(folder.path().join("two.txt"), "s3cret\nlines").expect("written");
    let text = "host,user,password_file\nh.example,plant,plant.txt\n";
    let manifest = read_beside(text, &[], folder.path(), &BTreeMap::new()).expect("a good list");
    assert_eq!(shown(&manifest), ["plant: Imap h.example:993 Implicit plant \"s3cret\""]);
    assert_eq!(manifest.passwords.values().next().map(|p| &*p.source), Some("file plant.txt"));
    let wrong = "host,user,password,password_file\nh.example,a,,none.txt\nh.example,b,,two.txt\nh.example,c,s3cret,plant.txt\n";
    let problems = read_beside(wrong, &[], folder.path(), &BTreeMap::new()).expect_err("has problems");
    let report = problems.to_string().replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(report, @r#"
    list.csv:2:14: cannot read FOLDER/none.txt: No such file or directory (os error 2)
    list.csv:3:14: what "password_file" points to has line ends or other control characters in it
    list.csv:4:20: the row has a "password" and a "password_file": leave one out
    3 errors in list.csv; nothing was applied
    "#);
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_column() {
    let text = "id,host,port,protocol,tls,user,password,owners,interval,folders,attachments,after_fetch,tags\n\
        a,imap.example.com:993,70000,imap4rev1,maybe,a,s3cret,ann,90s,,perhaps,archive,x\n\
        ,h.example,,,,\u{fc},s3cret,,,,,,\n\
        B,h.example,,,,b,s3cret,,,,,,\n\
        c,h.example,110,,,c,,,,\"INBOX;Sent\",,mark_read,\n\
        a,localhost,,,,d,s3cret,,,,,,,more\n\
        e,,,,,e,\"s3cret\n\
        f,h.example,,,,,s3cret,,,,,,\n\
        g,H.example,,,,b,s3cret,,,,,,\n\
        h,h.example,,,,h,s3cret,\"ann@a.example, ann@A.example\",,,,,a=1;a=2\n\
        i,h.example,,,,b,s3cret,,,,,,\n";
    insta::assert_snapshot!(report(text), @r#"
    list.csv:2:3: "imap.example.com:993" is no host name
        hint: only the name or address, such as "imap.example.com"; the port has a key of its own
    list.csv:2:24: "70000" is no port: write a number from 1 to 65535
    list.csv:2:30: "imap4rev1" is not a possible "protocol"; possible are imap, pop3
        hint: did you mean "imap"?
    list.csv:2:40: "maybe" is not a possible "tls"; possible are implicit, starttls, none
    list.csv:2:55: "ann" is no mail address
        hint: one address alone, without a name, such as "ann@contoso.com"
    list.csv:2:59: "90s" is not a valid interval: write whole minutes, hours or days from "1m" to "1d", such as "5m" or "2h"
    list.csv:2:64: "perhaps" is not a possible "attachments"; possible are yes and no
    list.csv:2:72: "archive" is not a possible "after_fetch"; possible are leave, mark_read, delete
    list.csv:2:80: "x" is no tag: write name=value, and ';' between two
    list.csv:3:15: no id can be made of "ü"
        hint: give it one in a column "id": a-z, 0-9, '.', '_' and '-'
    list.csv:4:1: "B" is not a valid id: use 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit
    list.csv:5:1: mailbox c has no "password", and the vault has none of it
        hint: fill in its column "password" or "password_file"
    list.csv:5:24: POP3 knows no folders: leave "folders" out
    list.csv:5:38: POP3 can only leave or delete a message
    list.csv:6:1: mailbox a is there twice: the first is on line 2
    list.csv:6:3: "localhost" is the machine that Postroom itself runs on, or its link
        hint: only a stack with AllowLocalServers may use such servers
    list.csv:6:31: the row has more cells than there are columns
        hint: a text with the delimiter in it stands in quotes
    list.csv:7:9: the quote that begins here is not closed on its line
        hint: a text with a quote in it stands in quotes, with that quote written twice: "a""b"
    list.csv:8:1: the row has no "user"
    list.csv:10:25: "ann@A.example" is in "owners" twice
    list.csv:10:60: "a=2" is a second tag of this name
    list.csv:11:1: line 9 is of the same server and user already
    22 errors in list.csv; nothing was applied
    "#);
}

#[test]
fn the_first_line_must_say_what_the_columns_are() {
    for (text, said) in [
        ("", "list.csv:1:1: the list is empty\n1 error"),
        ("\u{feff}\r\n\r\n", "the list is empty"),
        ("host,user,password\n", "list.csv:1:1: the list has no mailbox below its first line\n1 error"),
        (
            "h.example,a,s3cret\nh.example,b,s3cret\n",
            "list.csv:1:1: there is no column \"host\"\n    hint: the first line names the columns, such as: host",
        ),
        ("user,password\na,s3cret\n", "list.csv:1:1: there is no column \"host\"\n    hint"),
        ("host,pass\nh.example,s3cret\n", "list.csv:1:1: there is no column \"user\"\n    hint"),
        ("host,user,login\nh,a,a\n", "list.csv:1:11: \"login\" is a second column of the same meaning"),
        (
            "host,user,hots\nh,a,a\n",
            "list.csv:1:11: unknown column \"hots\"\n    hint: did you mean \"host\"?",
        ),
        (
            "host,user,Department\nh,a,a\n",
            "unknown column \"Department\"\n    hint: name it \"tag:Department\" to keep it as a tag, or pass it over with --ignore \"Department\"",
        ),
    ] {
        let report = report(text);
        assert!(report.contains(said), "{text:?}: {report}");
    }
    let text = "host,user,password,Department,\nh.example,a,p,Sales,\n";
    read_beside(text, &["department"], Path::new("."), &BTreeMap::new()).expect("passed over");
}

#[test]
fn an_address_is_the_user_where_there_is_no_other_and_else_names_the_mailbox() {
    let alone = read("host,e-mail,password\nh.example,Ann@a.example,p\n").expect("a good list");
    assert_eq!(shown(&alone), ["ann-a.example: Imap h.example:993 Implicit Ann@a.example \"p\""]);
    let both = read("host,email,login,password\nh.example,ann@a.example,u17,p\n").expect("a good list");
    assert_eq!(shown(&both), ["ann-a.example: Imap h.example:993 Implicit u17 \"p\""]);
    // The same user at two servers needs a name of its own.
    let report = report("host,user,password\nh.example,info,p\ni.example,info,p\n");
    assert!(
        report.contains("list.csv:3:11: mailbox info is there twice: the first is on line 2"),
        "{report}"
    );
}

#[test]
fn what_is_deployed_otherwise_is_not_taken_over() {
    let mailbox = |id: &str, user: &str, auth: serde_json::Value| -> (MailboxId, Mailbox) {
        let mailbox = serde_json::json!({
            "id": id, "protocol": "imap", "host": "H.example", "port": 993, "tls": "implicit", "user": user,
            "auth": auth,
        });
        (id.parse().expect("id"), serde_json::from_value(mailbox).expect("mailbox"))
    };
    let deployed = BTreeMap::from([
        mailbox("moved", "moved", serde_json::json!({ "oauth": "team" })),
        mailbox("other", "diary", serde_json::json!("basic")),
        mailbox("plant", "plant", serde_json::json!("basic")),
    ]);
    let text = "host,user,password\nh.example,moved,s3cret\nh.example,diary,s3cret\nh.example,plant,s3cret\n";
    let problems = read_beside(text, &[], Path::new("."), &deployed).expect_err("has problems");
    insta::assert_snapshot!(problems, @r#"
    list.csv:2:1: mailbox moved is deployed and signs in with account team
        hint: take the row out; `postroom migrate --back moved` returns to its password
    list.csv:3:1: this server and user are deployed already as mailbox other
        hint: take the row out, or give it the id other
    2 errors in list.csv; nothing was applied
    "#);
}

#[test]
fn a_made_id_takes_no_other_users_mailbox() {
    let deployed: Mailbox = serde_json::from_value(serde_json::json!({
        "id": "a.b-c", "protocol": "imap", "host": "h.example", "port": 993, "tls": "implicit",
        "user": "a.b@c",
    }))
    .expect("mailbox");
    let deployed = BTreeMap::from([(deployed.id.clone(), deployed)]);
    let read = |text: &str| read_beside(text, &[], Path::new("."), &deployed);
    let report = read("host,user,password\nevil.example,a.b-c,s3cret\n").expect_err("has problems");
    insta::assert_snapshot!(report, @r#"
    list.csv:2:1: mailbox a.b-c is deployed already, and its user is "a.b@c"
        hint: give the row an id of its own in a column "id", or that one if it is meant
    1 error in list.csv; nothing was applied
    "#);
    read("host,user,password\nh.example,A.B@c,p\n").expect("the same user");
    read("host,user,password,id\nh.example,a.b-c,p,a.b-c\n").expect("it is meant");
}

#[test]
fn a_list_reaches_no_file_outside_its_folder() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("list");
    fs::create_dir_all(folder.join("sub")).expect("made");
    let outside = outer.path().join("secret.txt");
    fs::write(&outside, "s3cret\n").expect("written");
    fs::write(folder.join("sub/own.txt"), "fine\n").expect("written");
    fs::write(folder.join("large.txt"), "x".repeat(65_537)).expect("written");
    fs::write(folder.join("cut.txt"), format!("{}é", "x".repeat(65_536))).expect("written");
    std::os::unix::fs::symlink(&outside, folder.join("link.txt")).expect("linked");
    std::os::unix::fs::symlink(outer.path(), folder.join("up")).expect("linked");
    std::os::unix::fs::symlink("sub/own.txt", folder.join("inner.txt")).expect("linked");
    let read = |name: &str| {
        let text = format!("host,user,password_file\nh.example,plant,{name}\n");
        read_beside(&text, &[], &folder, &BTreeMap::new())
    };
    for name in ["sub/own.txt", "./sub/own.txt", "inner.txt"] {
        assert_eq!(shown(&read(name).expect(name)), ["plant: Imap h.example:993 Implicit plant \"fine\""]);
    }
    let outside = outside.to_string_lossy().into_owned();
    for (name, said) in [
        ("../secret.txt", "is outside the list's folder"),
        ("sub/../../secret.txt", "is outside the list's folder"),
        ("sub/../sub/own.txt", "is outside the list's folder"),
        (outside.as_str(), "is outside the list's folder"),
        ("/dev/zero", "is outside the list's folder"),
        ("link.txt", "is outside the list's folder"),
        ("up/secret.txt", "is outside the list's folder"),
        ("sub", "is not a file"),
        ("large.txt", "is larger than 65536 bytes"),
        ("cut.txt", "is larger than 65536 bytes"),
        ("none.txt", "cannot read"),
    ] {
        let report = read(name).expect_err(name).to_string();
        assert!(report.contains(said) && !report.contains("s3cret"), "{name}: {report}");
    }
}

#[test]
fn what_a_list_says_steers_no_terminal() {
    let text = "host,user,password_file\nh.example,plant,\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}nofile\n";
    let head = "host,user,tag\u{202e}x,\u{1b}]0;pwned\u{7}col\nh.example,plant,1,2\n";
    for text in [text, head] {
        let report = report(text);
        let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!report.contains(is_odd) && report.contains('\u{fffd}'), "{report:?}");
    }
}
