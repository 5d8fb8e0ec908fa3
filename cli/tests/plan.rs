//! Plans: what applying a manifest to a deployment would do.

use jiff::Timestamp;
use postroom_cli::{
    manifest::{Allowances, Draft, Ground, Manifest, SecretSources},
    plan::{Action, Deployed, Plan},
};
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
            Action::PutMailbox(mailbox) => drop(deployed.mailboxes.insert(mailbox.id.clone(), mailbox)),
            Action::PutBatch(batch) => {
                assert!(batch.mailboxes.iter().all(|id| deployed.mailboxes.contains_key(id)));
                deployed.batches.retain(|old| old.id != batch.id);
                deployed.batches.push(batch);
            }
            Action::DeleteMailbox(id) => {
                assert!(deployed.batches.iter().all(|batch| !batch.mailboxes.contains(&id)));
                deployed.mailboxes.remove(&id);
            }
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
    ~ mailbox diary: interval 5m → 15m; tags {} → {"project":"17"}
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
    ~ mailbox diary: interval 5m → 15m; tags {} → {"project":"17"}
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
