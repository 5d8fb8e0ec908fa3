//! Work grows with what is due, never with what merely exists.

use super::{Clock, Watch, account, at, brought, consent, hours, lab, provider, read, set};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use postroom_tests::{Gate, Lab, run_at};
use std::collections::{BTreeMap, HashMap};

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

const DUE: usize = 100;
/// How many accounts of those that are due have the same owner.
const TOGETHER: usize = 5;

/// So many accounts, of which the first hundred are due. They are written as the registry writes them,
/// by copying one.
async fn accounts(lab: &Lab, count: usize, moment: Timestamp) {
    let begin = at("2027-01-01T10:00:00Z");
    set(&CLOCK, begin);
    provider(lab, "contoso", begin, |json| json["authorization_days"] = 90.into()).await;
    let id = account(lab, "model", "contoso", &[], begin, |_| {}).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
    let table = &lab.settings.table;
    let model = async |sk: &str| {
        let get = dynamodb.get_item().table_name(table).key("pk", text("ACCOUNT#model")).key("sk", text(sk));
        get.send().await.expect("an answer").item.expect("an item")
    };
    let (definition, status) = (model("ACCOUNT").await, model("STATUS").await);
    let mut writes = Vec::new();
    for n in 0..count {
        let id = format!("account-{n:05}");
        let is_due = n < DUE;
        let looked_at = if is_due { moment } else { hours(moment, 24 * 200) };
        let mut named = definition.clone();
        named.insert("pk".into(), text(&format!("ACCOUNT#{id}")));
        named.insert("id".into(), text(&id));
        let owner = lab.person(&format!("owner-{:02}", n / TOGETHER));
        named.insert("owners".into(), AttributeValue::L(vec![text(&owner)]));
        let mut known = status.clone();
        known.insert("pk".into(), text(&format!("ACCOUNT#{id}")));
        known.insert("remind_at".into(), AttributeValue::N(looked_at.as_second().to_string()));
        writes.extend([write(named), write(known)]);
    }
    lab.registry.delete_account(&id).await.expect("deleted");
    for chunk in writes.chunks(25) {
        let put = dynamodb.batch_write_item().request_items(table, chunk.to_vec()).send().await;
        assert!(put.expect("written").unprocessed_items.unwrap_or_default().is_empty());
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn write(item: HashMap<String, AttributeValue>) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
    WriteRequest::builder().put_request(put).build()
}

/// What a run asks AWS among so many accounts; what the next asks, which looks again at what was told,
/// because mails may have come back; and what the one after that asks, which finds nothing.
async fn asked(count: usize) -> [BTreeMap<String, usize>; 3] {
    let lab = lab().await;
    // Authorised on 1 January for 90 days: a month before is 1 March.
    let moment = at("2027-03-01T11:05:00Z");
    // The first run of all looks at what an earlier release may have left behind, once.
    run_at(&lab.checker(), moment).await;
    accounts(&lab, count, moment).await;
    let gate = Gate::start().await;
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    let told = watch.run(hours(moment, 1)).await;
    assert_eq!((told.mails.len(), told.events.len()), (DUE / TOGETHER, DUE), "among {count}");
    let first = gate.came();
    run_at(&watch.check, hours(moment, 2)).await;
    let second = gate.came();
    run_at(&watch.check, hours(moment, 3)).await;
    let third = gate.came();
    // The scan that comes last reads every table.
    let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
    dynamodb.delete_table().table_name(&lab.settings.table).send().await.expect("deleted");
    [first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how many requests a run makes is what people want to know")]
async fn a_run_asks_as_much_among_ten_thousand_accounts_as_among_two_hundred() {
    let few = asked(200).await;
    let many = asked(10_000).await;
    let total = |asked: &BTreeMap<String, usize>| asked.values().sum::<usize>();
    println!("{DUE} due among 10,000: {} requests {:#?}", total(&many[0]), many[0]);
    println!("looking again: {} requests {:#?}", total(&many[1]), many[1]);
    println!("nothing due: {} requests {:#?}", total(&many[2]), many[2]);
    assert_eq!(few, many);
    assert!(!many.iter().any(|asked| asked.contains_key("DynamoDB_20120810.Scan")));
    // The facts, who was told, each record and the moving on of each subject; what else there is does
    // not grow with them.
    assert!(total(&many[0]) <= DUE * 8, "{}", total(&many[0]));
    assert!(total(&many[1]) <= DUE * 6, "{}", total(&many[1]));
    assert!(total(&many[2]) <= 20, "{}", total(&many[2]));
}
