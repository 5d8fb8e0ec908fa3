//! What a deployment costs: what the documents say is what the command prints, and what it reckons with is what the
//! template and the functions have.

use clap::Parser;
use postroom_cli::{
    args::{Cli, Command, CostArgs},
    cost::{self, Bill, Purpose, Rate},
};
use saphyr::{LoadableYamlNode, Yaml};
use std::{collections::BTreeSet, env, fs, path::Path};

const TEMPLATE: &str = include_str!("../../infra/template.yaml");
const BATCH: &str = include_str!("../../functions/fetch/src/batch.rs");
const UPLOAD: &str = include_str!("../../functions/fetch/src/upload.rs");
const COUNTED: &str = include_str!("../src/cost/counted.toml");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/costs.md");
/// What stands before a command and what it prints.
const PROMPT: &str = "```\n$ ";

fn args(line: &str) -> CostArgs {
    let cli = Cli::try_parse_from(line.split_whitespace()).expect("a command");
    let Command::Cost(args) = cli.command else { panic!("{line} asks for something else") };
    args
}

fn bill(options: &str) -> Bill {
    cost::bill(&args(&format!("postroom cost {options}")))
}

fn printed(line: &str) -> String {
    let mut out = Vec::new();
    cost::cost(&args(line), &mut out).expect("printed");
    String::from_utf8(out).expect("text")
}

/// The page with every example as the command prints it now. Where `POSTROOM_WRITE_DOCS` is set, it is written.
#[test]
fn the_page_shows_what_the_command_prints() {
    let page = fs::read_to_string(PAGE).expect("a page");
    let mut parts = page.split(PROMPT);
    let mut now = parts.next().unwrap_or_default().to_owned();
    let mut examples = 0;
    for part in parts {
        let (line, rest) = part.split_once('\n').expect("a command");
        let (_, rest) = rest.split_once("```").expect("an end");
        now += &format!("{PROMPT}{line}\n{}```{rest}", printed(line));
        examples += 1;
    }
    assert!(examples >= 3, "the page shows the three sizes");
    if env::var_os("POSTROOM_WRITE_DOCS").is_some() {
        return fs::write(PAGE, &now).expect("written");
    }
    assert!(
        page == now,
        "docs/costs.md is not what the command prints; \
         POSTROOM_WRITE_DOCS=1 cargo test -p postroom-cli --test costs writes it anew"
    );
}

/// The table at the page's beginning.
#[test]
fn the_page_sums_it_up() {
    let page = fs::read_to_string(PAGE).expect("a page");
    for mailboxes in [150, 10_000, 100_000] {
        let bill = bill(&format!("--mailboxes {mailboxes}"));
        let row = format!(
            "| {mailboxes} | ${:.4} | ${:.4} | ${:.4} | ${:.4} | ${:.0} |",
            bill.per_mailbox(),
            bill.per_thousand_messages(),
            bill.per_mailbox_with_messages(),
            bill.of_purpose(Purpose::Secrets) / f64::from(mailboxes),
            bill.total
        );
        assert!(page.contains(&row), "docs/costs.md lacks {row}");
    }
}

#[test]
fn what_stands_is_what_the_template_has() {
    let template = Yaml::load_from_str(TEMPLATE).expect("a template in YAML");
    let resources = template[0]["Resources"].as_mapping().expect("resources");
    let of_type = |name: &str| -> Vec<&Yaml<'_>> {
        resources.values().filter(|resource| resource["Type"].as_str() == Some(name)).collect()
    };
    // An alarm on an expected range watches the metric and both ends of the range.
    let watched = |alarm: &&Yaml<'_>| -> usize {
        let properties = &alarm["Properties"];
        let metrics = properties.as_mapping_get("Metrics").and_then(Yaml::as_vec);
        let is_metric = |metric: &&Yaml<'_>| metric.as_mapping_get("MetricStat").is_some();
        let listed = metrics.into_iter().flatten().filter(is_metric).count();
        match properties.as_mapping_get("ThresholdMetricId") {
            Some(_) => listed + 2,
            None => listed.max(1),
        }
    };
    let counted: toml::Table = COUNTED.parse().expect("TOML");
    let stack = |name: &str| counted["stack"][name].as_integer().and_then(|n| usize::try_from(n).ok());
    let alarms: usize = of_type("AWS::CloudWatch::Alarm").iter().map(watched).sum();
    assert_eq!(stack("alarm_metrics"), Some(alarms));
    assert_eq!(stack("dashboards"), Some(of_type("AWS::CloudWatch::Dashboard").len()));
    assert_eq!(stack("keys"), Some(of_type("AWS::KMS::Key").len()));
    assert_eq!(stack("secrets"), Some(of_type("AWS::SecretsManager::Secret").len()));
    assert_eq!(of_type("AWS::Scheduler::Schedule").len(), 3, "as many as it reckons with");
}

#[test]
fn every_metric_of_the_functions_is_paid_for() {
    let mut names = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    for function in fs::read_dir(folder).expect("functions") {
        let sources = fs::read_dir(function.expect("a function").path().join("src")).expect("sources");
        for source in sources.map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
            let text = fs::read_to_string(source).expect("a source");
            let emitted =
                text.split(", Unit::").filter_map(|before| before.strip_suffix('"')?.rsplit_once("(\""));
            names.extend(emitted.map(|(_, name)| name.to_owned()));
        }
    }
    let counted: toml::Table = COUNTED.parse().expect("TOML");
    let metrics = counted["stack"]["metrics"].as_integer().and_then(|n| usize::try_from(n).ok());
    assert_eq!(metrics, Some(names.len()), "{names:?}");
}

#[test]
fn constants_are_those_of_fetch() {
    assert!(
        BATCH.contains("const SIDE_BY_SIDE: usize = MAX_MAILBOXES;"),
        "a poll takes as long as one mailbox"
    );
    assert!(UPLOAD.contains("const PART: usize = 5 << 20;"));
}

#[test]
fn a_bill_follows_from_what_there_is_to_do() {
    let often = bill("--mailboxes 10000 --interval 5m --messages 0");
    let rarely = bill("--mailboxes 10000 --interval 10m --messages 0");
    let ratio = often.of_purpose(Purpose::Polls) / rarely.of_purpose(Purpose::Polls);
    assert!((1.9..2.01).contains(&ratio), "polls are paid for by the poll: {ratio}");
    assert_eq!(often.of_purpose(Purpose::Messages), 0.0, "no mail, nothing to archive");

    let shared = bill("--mailboxes 150 --accounts 1");
    let own = bill("--mailboxes 150 --accounts 150");
    let more = own.of_purpose(Purpose::Secrets) - shared.of_purpose(Purpose::Secrets);
    assert!((more - 149.0 * 0.4).abs() < 1e-9, "a secret for each account");
    assert!(own.of_purpose(Purpose::SignIn) > 10.0 * shared.of_purpose(Purpose::SignIn));

    let puts = |bill: &Bill| -> f64 {
        let puts = bill.lines.iter().filter(|line| line.rate == Rate::ObjectWrites);
        puts.map(|line| line.quantity).sum()
    };
    let plain = bill("--mailboxes 100 --messages 24");
    assert!((puts(&plain) - 73_000.0).abs() < 1e-6, "a put for each message");
    let unpacked = bill("--mailboxes 100 --messages 24 --attachments 3");
    assert!((puts(&unpacked) - 5.0 * 73_000.0).abs() < 1e-6, "three attachments and the index");
    let large = bill("--mailboxes 100 --messages 24 --message-size 15MB");
    assert!((puts(&large) - 5.0 * 73_000.0).abs() < 1e-6, "three parts, a beginning and an end");
}

#[test]
fn lines_add_up_and_the_dearest_come_first() {
    let bill = bill("--mailboxes 10000 --passwords 500 --accounts 2000");
    assert!(bill.lines.iter().all(|line| line.dollars > 0.0 && line.quantity.is_finite()));
    assert!(bill.lines.is_sorted_by(|one, other| one.dollars >= other.dollars));
    let sum: f64 = Purpose::ALL.into_iter().map(|purpose| bill.of_purpose(purpose)).sum();
    assert!((sum - bill.total).abs() < 1e-6);
    assert_eq!(bill.remedies.len(), 3);
    assert_eq!(bill.remedies[0].rate, Rate::Secrets, "two thousand accounts");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for options in [
        "--mailboxes 0",
        "--messages -1",
        "--messages NaN",
        "--interval 5s",
        "--message-size 60",
        "--memory 64",
        "--poll-seconds inf",
    ] {
        let line = format!("postroom cost {options}");
        assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{options}");
    }
}
