//! Plans: what applying a manifest to a deployment would do.

use jiff::Timestamp;
use postroom_cli::{
    manifest::{Allowances, Draft, Ground, Manifest, SecretSources},
    plan::{Action, Deployed, Plan},
};
use postroom_model::Auth;
use std::collections::{BTreeMap, BTreeSet};

const MANIFEST: &str = r#"
[[provider]]
id = "sso"
issuer = "https://sso.example"
client_id = "postroom"
client_secret = { env = "SECRET" }

[[account]]
id = "team"
provider = "sso"

[[mailbox]]
id = "diary"
host = "imap.example"
user = "diary"
auth = { oauth = "team" }

[[mailbox]]
id = "plant"
host = "imap.example"
user = "plant"
password = { env = "SECRET" }
"#;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn manifest(text: &str, secret: &str) -> Manifest {
    let variable = |_: &str| Some(secret.to_owned());
    let sources = SecretSources { folder: ".".into(), variable: &variable };
    let ground = Ground {
        allowances: &Allowances::default(),
        providers: &BTreeMap::new(),
        accounts: &BTreeMap::new(),
        mailboxes: &BTreeMap::new(),
        passwords: &BTreeSet::new(),
    };
    Draft::read("manifest.toml", text, &sources, now()).resolve(&ground).expect("a good manifest")
}

/// What is deployed once all steps of a plan are done.
fn after(mut deployed: Deployed, plan: &Plan) -> Deployed {
    for step in &plan.steps {
        match step.action.clone() {
            Action::PutClientSecret(id, secret) => drop(deployed.client_secrets.insert(id, secret)),
            Action::PutAccountPassword(id, secret) => {
                drop(deployed.account_passwords.insert(id, secret));
            }
            Action::PutPassword(id, secret) => drop(deployed.passwords.insert(id, secret)),
            Action::PutProvider(provider) => drop(deployed.providers.insert(provider.id.clone(), *provider)),
            Action::PutAccount(account) => {
                assert!(deployed.providers.contains_key(&account.provider), "references stay valid");
                deployed.accounts.insert(account.id.clone(), account);
            }
            Action::PutMailbox(mailbox) => drop(deployed.mailboxes.insert(mailbox.id.clone(), *mailbox)),
            Action::PutBatch(batch) => {
                assert!(batch.mailboxes.iter().all(|id| deployed.mailboxes.contains_key(id)));
                deployed.batches.retain(|old| old.id != batch.id);
                deployed.batches.push(batch);
            }
            Action::DeleteMailbox(id) => {
                assert!(deployed.batches.iter().all(|batch| !batch.mailboxes.contains(&id)));
                deployed.mailboxes.remove(&id);
            }
            Action::PutOwner(owner) => drop(deployed.owners.insert(owner.address.clone(), owner)),
            Action::DeleteOwner(address) => drop(deployed.owners.remove(&address)),
            Action::ForgetUndeliverable(address) => drop(deployed.unreached.remove(&address)),
            Action::DeleteAccount(id) => drop(deployed.accounts.remove(&id)),
            Action::DeleteProvider(id) => {
                assert!(deployed.accounts.values().all(|account| account.provider != id));
                deployed.providers.remove(&id);
            }
        }
    }
    deployed
}

#[test]
fn a_plan_says_what_is_new_what_changes_and_what_is_left_alone() {
    let first = manifest(MANIFEST, "s3cret");
    let plan = Plan::new(&Deployed::default(), &first, false);
    insta::assert_snapshot!(plan, @"
    + client secret of sso (from environment variable SECRET)
    + password of plant (from environment variable SECRET)
    + provider sso (custom, sso.example)
    + account team (provider sso, authorization code)
    + mailbox diary (imap imap.example, oauth team, every 5m)
    + mailbox plant (imap imap.example, password, every 5m)
    + batch 5m-0001 (2 mailboxes)
    7 changes
    ");
    let deployed = after(Deployed::default(), &plan);
    assert_eq!(Plan::new(&deployed, &first, true).to_string(), "nothing to do");

    let changed = MANIFEST
        .replace("id = \"diary\"", "id = \"diary\"\ninterval = \"15m\"\ntags = { project = \"17\" }")
        .replace("id = \"plant\"", "id = \"plant-2\"");
    let second = manifest(&changed, "an0ther");
    insta::assert_snapshot!(Plan::new(&deployed, &second, false), @r#"
    ~ client secret of sso (from environment variable SECRET)
    + password of plant-2 (from environment variable SECRET)
    ~ mailbox diary: interval 5m → 15m; tags {} → { project = "17" }
    + mailbox plant-2 (imap imap.example, password, every 5m)
    + batch 15m-0001 (1 mailbox)
    ~ batch 5m-0001: other mailboxes
    left alone, because the manifest does not name them (--prune deletes them):
        mailbox plant
    6 changes
    "#);

    let pruning = Plan::new(&deployed, &second, true);
    insta::assert_snapshot!(pruning, @r#"
    ~ client secret of sso (from environment variable SECRET)
    + password of plant-2 (from environment variable SECRET)
    ~ mailbox diary: interval 5m → 15m; tags {} → { project = "17" }
    + mailbox plant-2 (imap imap.example, password, every 5m)
    + batch 15m-0001 (1 mailbox)
    ~ batch 5m-0001: 2 → 1 mailbox
    - mailbox plant
    7 changes
    "#);
    assert!(!format!("{pruning:?}").contains("an0ther"), "a plan shows no secret");
    let deployed = after(deployed, &pruning);
    assert_eq!(Plan::new(&deployed, &second, true).to_string(), "nothing to do");

    let asking = manifest(&changed.replace("id = \"team\"", "id = \"team\"\nscopes = [\"imap\"]"), "an0ther");
    insta::assert_snapshot!(Plan::new(&deployed, &asking, true), @r#"
    ~ account team: scopes [] → ["imap"]
    note: account team: the change counts once it is authorised again (`postroom authorize team`)
    1 change
    "#);

    let emptied = Plan::new(&deployed, &manifest("", ""), true);
    insta::assert_snapshot!(emptied, @"
    ~ batch 15m-0001: 1 → 0 mailboxes
    ~ batch 5m-0001: 1 → 0 mailboxes
    - mailbox diary
    - mailbox plant-2
    - account team
    - provider sso
    6 changes
    ");
    let deployed = after(deployed, &emptied);
    assert!(deployed.mailboxes.is_empty() && deployed.accounts.is_empty() && deployed.providers.is_empty());
}

#[test]
fn owners_come_change_and_go_and_one_who_owns_nothing_is_warned_of() {
    let owned = MANIFEST
        .replace("provider = \"sso\"", "provider = \"sso\"\nowners = [\"Ann@A.example\"]")
        .replace("user = \"plant\"", "user = \"plant\"\nowners = [\"ben@a.example\"]");
    let with = |owners: &str| manifest(&format!("{owned}\n{owners}"), "s3cret");
    let owner = |address: &str, language: &str| format!("[[owner]]\naddress = \"{address}\"\n{language}\n");
    let first = with(&(owner("ann@a.example", "") + &owner("Ben@a.example", "language = \"de\"")));
    let plan = Plan::new(&Deployed::default(), &first, false);
    let lines: Vec<&str> =
        plan.steps.iter().map(|step| &*step.line).filter(|l| l.contains("owner")).collect();
    assert_eq!(lines, ["+ owner ann@a.example (the deployment's language)", "+ owner ben@a.example (de)"]);
    assert!(plan.warnings.is_empty(), "addresses are the same in whatever case: {:?}", plan.warnings);
    let deployed = after(Deployed::default(), &plan);
    assert_eq!(Plan::new(&deployed, &first, true).to_string(), "nothing to do");

    let second = with(&(owner("ann@a.example", "language = \"en\"") + &owner("bne@a.example", "")));
    insta::assert_snapshot!(Plan::new(&deployed, &second, true), @"
    ~ owner ann@a.example: language nothing → en
    + owner bne@a.example (the deployment's language)
    - owner ben@a.example
    warning: owner bne@a.example: no account and no mailbox names this address
    3 changes
    ");

    // A manifest of owners alone, beside those that name them.
    let alone = manifest(&owner("ben@a.example", "language = \"en\""), "");
    let beside = Plan::new(&deployed, &alone, false);
    assert!(
        beside.warnings.is_empty() && beside.to_string().contains("    owner ann@a.example\n"),
        "{beside}"
    );
    let pruning = Plan::new(&deployed, &alone, true);
    assert_eq!(pruning.warnings.len(), 1, "with the mailbox gone, nobody names the address: {pruning}");
    let emptied = Plan::new(&deployed, &manifest("", ""), true);
    assert!(after(deployed, &emptied).owners.is_empty(), "{emptied}");
}

#[test]
fn what_changes_is_said_in_the_manifests_words() {
    let first = manifest(MANIFEST, "s3cret");
    let deployed = after(Deployed::default(), &Plan::new(&Deployed::default(), &first, false));
    let keys = "id = \"plant\"\nexclude_folders = [\"Trash\"]\ndaily_limit = \"2GB\"\nattachments = true\n\
        inline_images = true\nafter_fetch = { move = \"Done\" }\n\
        filter = { from = [\"*@a.example\"], max_size = \"50MB\", since = 2026-01-01 }";
    let second = manifest(&MANIFEST.replace("id = \"plant\"", keys), "s3cret");
    insta::assert_snapshot!(Plan::new(&deployed, &second, false), @r#"
    ~ mailbox plant: after_fetch leave → { move = "Done" }; attachments false → true; daily_limit none → 2GB; exclude_folders nothing → ["Trash"]; filter.from nothing → ["*@a.example"]; filter.max_size none → 50MB; filter.since nothing → 2026-01-01; inline_images false → true
    1 change
    "#);
    let plan = Plan::new(&deployed, &second, false);
    let deployed = after(deployed, &plan);
    insta::assert_snapshot!(Plan::new(&deployed, &first, false), @r#"
    ~ mailbox plant: after_fetch { move = "Done" } → leave; attachments true → false; daily_limit 2GB → none; exclude_folders ["Trash"] → nothing; filter.from ["*@a.example"] → nothing; filter.max_size 50MB → none; filter.since 2026-01-01 → nothing; inline_images true → false
    1 change
    "#);
}

#[test]
fn a_manifest_that_takes_a_migrated_mailbox_back_is_warned_of() {
    let first = manifest(MANIFEST, "s3cret");
    let mut deployed = after(Deployed::default(), &Plan::new(&Deployed::default(), &first, false));
    let plant = deployed.mailboxes.get_mut(&"plant".parse().expect("id")).expect("is there");
    plant.auth = Auth::Oauth("team".parse().expect("id"));
    plant.server.host = "outlook.example".into();
    deployed.migrated.insert("plant".parse().expect("id"));
    insta::assert_snapshot!(Plan::new(&deployed, &first, false), @r#"
    ~ mailbox plant: auth { oauth = "team" } → basic; host outlook.example → imap.example
    warning: mailbox plant was migrated to account team, and this takes it back to its password; to keep it there, write host = "outlook.example" and auth = { oauth = "team" }, and no password
    1 change
    "#);
    let kept = MANIFEST.replace(
        "host = \"imap.example\"\nuser = \"plant\"\npassword = { env = \"SECRET\" }",
        "host = \"outlook.example\"\nuser = \"plant\"\nauth = { oauth = \"team\" }",
    );
    assert_eq!(Plan::new(&deployed, &manifest(&kept, "s3cret"), false).to_string(), "nothing to do");
}
