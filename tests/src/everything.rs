//! One of everything that a deployment writes down, written by the present code: what the newest folder of
//! `tests/upgrade` holds.
//!
//! Left out: a sealed journal, which opens only with the key that it was sealed with.

use crate::{Lab, UID_VALIDITY, later, message};
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use postroom_model::{
    Account, AccountId, Auth, Batch, ClientSecret, Day, Expiry, Failure, Fault, FaultClass, FolderCursor,
    Governs, Language, Lease, Mailbox, MailboxId, MaildropCursor, MessageIdentity, Owner, Prefix, Provider,
    Recipient, Rejection, Reminder, Run, RunResult, Stage, Stuck, Subject, TokenSet, UniqueId,
};
use postroom_registry::{Counted, LeasedAccount, TokenRecord};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// When all of it happened: 1 June 2026, 08:00 UTC.
const BEGIN: i64 = 1_780_300_800;
const DAY: i64 = 24 * 3600;
const MADE_UP: &str = "made up";
const REQUEST: &str = "made-up-request";

/// A moment so many seconds after the beginning.
fn at(seconds: i64) -> Timestamp {
    later(Timestamp::from_second(BEGIN).expect("in range"), seconds)
}

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a value")
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

fn account(id: &str) -> Account {
    let address = format!("{id}@contoso.test");
    of(json!({
        "id": id, "provider": "sso", "grant": "authorization_code", "login": address, "owners": [address],
    }))
}

fn fault(class: FaultClass) -> Fault {
    Fault::new(class, MADE_UP)
}

fn tokens() -> TokenSet {
    let answer = json!({
        "access_token": "made-up-access-token", "refresh_token": "made-up-refresh-token",
        "token_type": "Bearer", "expires_in": 3600,
    });
    TokenSet::from_response(&answer.to_string(), at(0)).expect("a token set")
}

/// Writes one of everything into an empty lab, as the deployment number `generation`.
///
/// # Panics
/// When the local AWS API does not take it.
pub async fn one_of_everything(lab: &Lab, generation: u32) {
    Everything { lab, generation }.write().await;
}

struct Everything<'a> {
    lab: &'a Lab,
    generation: u32,
}

impl Everything<'_> {
    async fn write(&self) {
        self.definitions().await;
        self.mailboxes().await;
        self.maildrop().await;
        self.batch().await;
        self.accounts().await;
        self.short_lived().await;
        self.people().await;
        self.secrets().await;
        self.objects().await;
    }

    fn user(&self, mailbox: &str) -> String {
        format!("upgrade-{:02}-{mailbox}", self.generation)
    }

    fn mailbox(&self, id: &str, change: impl FnOnce(&mut Value)) -> Mailbox {
        let mut json = json!({
            "id": id, "protocol": "imap", "host": "127.0.0.1", "port": 993, "tls": "implicit",
            "user": self.user(id), "interval": "5m", "owners": ["ann@contoso.test"], "tags": {"site": "north"},
        });
        change(&mut json);
        of(json)
    }

    async fn definitions(&self) {
        let registry = &self.lab.registry;
        let providers: [Provider; 2] = [
            of(json!({
                "id": "sso", "preset": "custom", "endpoints": {"issuer": "https://sso.test/"},
                "client_id": "postroom", "client_auth": "secret", "client_auth_expires": "2027-05-01",
                "scopes": ["openid", "offline_access", "mail"], "idle_days": 90,
            })),
            of(json!({
                "id": "corp", "preset": "microsoft", "tenant": "contoso.test", "client_id": "postroom",
                "endpoints": {"explicit": {
                    "authorize_url": "https://corp.test/authorize", "token_url": "https://corp.test/token",
                }},
                "client_auth": "certificate", "scopes": ["mail"],
            })),
        ];
        for provider in &providers {
            registry.put_provider(provider, at(0)).await.expect("a provider");
        }
        for name in ["ann", "old", "new"] {
            registry.put_account(&account(name), at(0)).await.expect("an account");
        }
        let put = async |mailbox: &Mailbox| registry.put_mailbox(mailbox, at(0)).await.expect("a mailbox");
        put(&self.mailbox("plant", |json| json["password_expires"] = "2027-04-01".into())).await;
        put(&self.mailbox("paused", |json| json["auth"] = json!({"oauth": "old"}))).await;
        registry.pause_mailbox(&id("paused"), Some(at(5))).await.expect("paused");
        registry.set_transcript(&id("paused"), Some(at(3600))).await.expect("set");
        let site = self.mailbox("site", |_| {});
        put(&site).await;
        let migrated = Mailbox { auth: Auth::Oauth(id("ann")), ..site.clone() };
        let made = registry.migrate_mailbox(&site.id, &site, &migrated, at(3)).await.expect("an answer");
        assert!(made, "migrated");
        put(&self.drop()).await;
    }

    fn drop(&self) -> Mailbox {
        self.mailbox("drop", |json| {
            (json["protocol"], json["port"]) = (json!("pop3"), json!(995));
            json["exclude_folders"] = json!(["Trash"]);
            json["filter"] = json!({"not_subject": ["*nothing of it*"]});
            json["daily_bytes"] = json!(1_000_000_000);
            json["inline_images"] = json!(true);
        })
    }

    async fn mailboxes(&self) {
        let registry = &self.lab.registry;
        let counted = Counted { messages: 2, bytes: 250, left_out: None };
        for name in ["plant", "site"] {
            let mailbox = self.mailbox(name, |_| {});
            let cursor = FolderCursor::start(UID_VALIDITY, mailbox.origin()).advance(2);
            let moved = registry.advance(&mailbox.id, "INBOX", None, cursor, &counted).await;
            assert!(moved.expect("an answer"), "{name}");
            let result = RunResult::Done { messages: 2, bytes: 250 };
            let run = Run { request: REQUEST.into(), finished_at: at(61), result };
            registry.record_success(&mailbox.id, at(61), 0, Some(&run)).await.expect("recorded");
        }
        let failure = Failure::next(None, fault(FaultClass::AuthorizationEnded), at(4), 0.5);
        registry.record_failure(&id("paused"), &failure, None).await.expect("recorded");
        let plant: MailboxId = id("plant");
        registry.quarantine(&plant, "INBOX", &self.stuck(1), at(62)).await.expect("quarantined");
        registry.set_stuck(&plant, "Sent", Some(&self.stuck(5))).await.expect("recorded");
    }

    fn stuck(&self, uid: u32) -> Stuck {
        Stuck {
            uid_validity: UID_VALIDITY,
            uid,
            unique_id: None,
            size: Some(125),
            message_id: Some("<made-up@upgrade.test>".into()),
            attempts: 3,
            fault: fault(FaultClass::Protocol),
        }
    }

    async fn maildrop(&self) {
        let (registry, drop) = (&self.lab.registry, self.drop());
        // As Dovecot names messages by default.
        let uidl = |uid: u32| UniqueId::of_uidl(&format!("{uid:08x}{UID_VALIDITY:08x}"));
        let ids = [uidl(1), uidl(2)];
        let prefix = ids.iter().fold(Prefix::default(), |prefix, id| prefix.then(*id));
        let to = MaildropCursor { prefix, ..MaildropCursor::start(drop.origin()) };
        let left_out = Some((1, drop.filter.fingerprint()));
        let counted = Counted { messages: 2, bytes: 250, left_out };
        let moved = registry.advance_maildrop(&drop.id, None, to, &ids, &counted).await.expect("an answer");
        assert!(moved.is_some());
        registry.record_success(&drop.id, at(61), 0, None).await.expect("recorded");
        let day = Day { date: "2026-06-01".parse().expect("a day"), bytes: 250 };
        registry.record_day(&drop.id, day, Some(at(DAY))).await.expect("recorded");
        let unique_id = Some(UniqueId::of_uidl("made-up"));
        let stuck = Stuck { unique_id, uid_validity: 0, ..self.stuck(9) };
        registry.quarantine(&drop.id, "INBOX", &stuck, at(62)).await.expect("quarantined");
    }

    async fn batch(&self) {
        let registry = &self.lab.registry;
        let mailboxes = ["drop", "paused", "plant", "site"];
        let batch: Batch = of(json!({"id": "5m-0001", "interval": "5m", "mailboxes": mailboxes}));
        registry.put_batch(&batch, at(0), 0.5).await.expect("a batch");
        let lease = Lease { owner: REQUEST.into(), until: at(900) };
        registry.lease_batch(&batch.id, &lease, at(60)).await.expect("leased");
        let released = registry.release_batch(&batch.id, &lease.owner, Some(at(60)), at(360)).await;
        assert!(released.expect("an answer"));
        let claimed = registry.claim(&batch.id, at(360), at(1380)).await;
        assert_eq!(claimed.expect("an answer"), Some(at(360)));
    }

    async fn accounts(&self) {
        let (registry, vault) = (&self.lab.registry, &self.lab.vault);
        let ends = Expiry { at: at(90 * DAY), governs: Governs::IdleLimit, since: at(0) };
        let lease = |until| Lease { owner: REQUEST.into(), until: at(until) };
        let held = async |id: &AccountId, from, until| match registry
            .lease_account(id, &lease(until), at(from))
            .await
            .expect("an answer")
        {
            LeasedAccount::Held(status) => status.fence,
            LeasedAccount::Busy { .. } => panic!("{id} is free"),
        };
        for name in ["ann", "old"] {
            let (id, request) = (id::<AccountId>(name), format!("{name:0>64}"));
            vault.replace_token_set(&id, None, &tokens(), &request).await.expect("a token set");
            let fence = held(&id, 0, 120).await;
            let record = TokenRecord {
                obtained_at: at(0),
                access_expires_at: Some(at(3600)),
                refresh_expires_at: None,
                refresh_expires_since: None,
                unrefreshable: false,
                ends: Some(ends),
                missing_scopes: vec!["calendar".into()],
                due_at: Some(at(3000)),
                remind_at: Some(at(58 * DAY)),
                consent: Some((at(0), Some(format!("{name}@contoso.test")))),
            };
            assert!(registry.record_tokens(&id, fence, &record).await.expect("an answer"));
        }
        let (old, ended) = (id::<AccountId>("old"), fault(FaultClass::AuthorizationEnded));
        let fence = held(&old, 3000, 4000).await;
        let refused = registry.record_refusal(&old, fence, &ended, 1, None, at(3000)).await;
        assert!(refused.expect("an answer"));
        let broken = fault(FaultClass::AppRegistration);
        registry.open_incident(&id("corp"), &id("ann"), &broken, at(10)).await.expect("an incident");
    }

    async fn short_lived(&self) {
        let registry = &self.lab.registry;
        let consent = json!({"account": "ann"});
        let put = registry.put_ephemeral("consent", "made-up", &consent, at(600), None, at(0)).await;
        assert!(put.expect("an answer"));
        registry.count_ephemeral("attempts", "made-up", at(600), at(0)).await.expect("counted");
    }

    async fn people(&self) {
        let registry = &self.lab.registry;
        let owner = Owner { address: "ann@contoso.test".into(), language: Some(Language::De) };
        registry.put_owner(&owner).await.expect("an owner");
        let gone = "gone@contoso.test";
        registry.record_undeliverable(gone, Rejection::Bounced, MADE_UP, at(20)).await.expect("recorded");
        let told = |name: &str| Reminder {
            subject: Subject::Account(id(name)),
            ends_at: at(90 * DAY),
            governs: Governs::IdleLimit,
            stage: Stage::Week,
            began_at: at(83 * DAY),
            recipient: Recipient::Events,
            sent_at: at(83 * DAY),
            message_id: Some("made-up".into()),
        };
        for name in ["ann", "old"] {
            let person = Recipient::Person(format!("{name}@contoso.test"));
            for recipient in [person, Recipient::Events] {
                let week = Reminder { recipient, ..told(name) };
                let (ends_at, governs, stage) = (at(3000), Governs::Refused, Stage::Overdue(0));
                let ended = Reminder { ends_at, governs, stage, began_at: at(3000), ..week.clone() };
                let reminder = if name == "ann" { week } else { ended };
                assert!(registry.record_reminder(&reminder).await.expect("an answer"));
            }
        }
    }

    async fn secrets(&self) {
        let vault = &self.lab.vault;
        for name in ["plant", "drop"] {
            let password = format!("pw-{}", self.user(name));
            vault.put_password(&id(name), &password.into()).await.expect("a password");
        }
        let password = "made-up-account-password".into();
        vault.put_account_password(&id("ann"), &password).await.expect("a password");
        let key = || "made-up-private-key".into();
        let certificate = "-----BEGIN CERTIFICATE-----\nmade up\n-----END CERTIFICATE-----\n".to_owned();
        let email = "made-up@plane.test".to_owned();
        for (name, secret) in [
            ("sso", ClientSecret::Secret("made-up-client-secret".into())),
            ("corp", ClientSecret::Certificate { certificate, key: key() }),
            ("plane", ClientSecret::ServiceAccount { email, key_id: "made-up".into(), key: key() }),
        ] {
            vault.put_client_secret(&id(name), &secret).await.expect("a client secret");
        }
    }

    async fn objects(&self) {
        for name in ["plant", "site", "drop"] {
            for n in 1..=2 {
                let text = message(&self.user(name), n);
                let identity = MessageIdentity::new(text.as_bytes(), text.len() as u64);
                let key = format!("mail/{name}/2024/01/02/{identity}.eml");
                let put = self.lab.s3.put_object().bucket(&self.lab.bucket).key(key);
                put.body(ByteStream::from(text.into_bytes())).send().await.expect("an object");
            }
        }
    }
}
