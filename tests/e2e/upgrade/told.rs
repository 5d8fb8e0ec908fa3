//! People and machines: what an earlier release told is not told again, and what it could not tell is.

use jiff::Timestamp;
use postroom_model::Subject;
use postroom_tests::{Lab, Mail, generations, later, run_at};

const DAY: i64 = 24 * 3600;

/// When `ann`'s authorization ends by what the releases wrote, unless it is renewed.
fn end() -> Timestamp {
    "2026-08-30T08:00:00Z".parse().expect("a moment")
}

fn to<'a>(mails: &'a [Mail], name: &str) -> Vec<&'a Mail> {
    let address = format!("{name}@contoso.test");
    mails.iter().filter(|mail| mail.to == [address.clone()]).collect()
}

/// What is on record as told of `ann`'s account: the stage, and to whom.
async fn told(lab: &Lab) -> Vec<(String, String)> {
    let ann = Subject::Account("ann".parse().expect("an id"));
    let reminders = lab.registry.reminders_of(&ann, None).await.expect("reminders");
    let mut told: Vec<_> = reminders.iter().map(|r| (r.stage.to_string(), r.recipient.to_string())).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_not_told_again_and_the_next_stage_is() {
    for generation in generations().into_iter().filter(|generation| generation.number() > 2) {
        let lab = Lab::new().await;
        generation.lay_into(&lab).await;
        lab.open_post().await;
        lab.make_link_key().await;
        let check = lab.checker();
        let line = |stage: &str, to: &str| (stage.to_owned(), to.to_owned());
        let week = [line("week", "ann@contoso.test"), line("week", "events")];
        assert_eq!(told(&lab).await, week, "{}", generation.name);
        run_at(&check, later(end(), -5 * DAY)).await;
        assert_eq!(told(&lab).await, week, "{}", generation.name);
        let before = to(&lab.mails().await, "ann").len();
        run_at(&check, later(end(), -DAY / 2)).await;
        let day = [line("day", "ann@contoso.test"), line("day", "events")];
        assert_eq!(told(&lab).await, [day, week].concat(), "{}", generation.name);
        let mails = lab.mails().await;
        let [mail] = to(&mails, "ann")[before..] else { panic!("{}: {mails:#?}", generation.name) };
        assert!(
            mail.subject.contains("morgen") || mail.body_text.contains("Postfach"),
            "in German: {mail:?}"
        );
    }
}

/// Releases before reminders had nobody look at anything. Nobody does anything, and whoever must act is
/// told all the same, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_release_without_reminders_knew_is_told() {
    for generation in generations().into_iter().filter(|generation| generation.number() <= 2) {
        let lab = Lab::new().await;
        generation.lay_into(&lab).await;
        lab.open_post().await;
        lab.make_link_key().await;
        let check = lab.checker();
        // The client secret that ends on 1 May 2027 is the operators' to know of, the refusal is `old`'s.
        let now: Timestamp = "2027-04-20T08:00:00Z".parse().expect("a moment");
        run_at(&check, now).await;
        run_at(&check, later(now, 3600)).await;
        let mails = lab.mails().await;
        let [ended] = to(&mails, "old")[..] else { panic!("{}: {mails:#?}", generation.name) };
        assert!(ended.body_text.contains("old"), "{}", ended.body_text);
        let operators = mails.iter().filter(|mail| mail.to == [lab.operators()]);
        let of_secret = operators.filter(|mail| mail.body_text.contains("sso")).count();
        assert_eq!(of_secret, 1, "{}: {mails:#?}", generation.name);
    }
}
