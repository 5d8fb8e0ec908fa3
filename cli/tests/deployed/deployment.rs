//! Finding a deployment through its stack.

use crate::support::{config, now};
use aws_sdk_cloudformation::{
    Client,
    types::{Parameter, StackStatus},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::tz::TimeZone;
use postroom_cli::{Error, deployment::Deployment};
use postroom_model::Calendar;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::time::Duration;

/// A stack with a deployment's parameters and outputs, and hardly anything in it.
const TEMPLATE: &str = r#"{
    "Parameters": {
        "MailCa": { "Type": "String", "Default": "" },
        "PlaintextHosts": { "Type": "String", "Default": "" },
        "AllowLocalServers": { "Type": "String", "Default": "false" },
        "TimeZone": { "Type": "String", "Default": "UTC" },
        "OverdueRepeatDays": { "Type": "Number", "Default": "7" },
        "OperatorAddresses": { "Type": "CommaDelimitedList", "Default": "" },
        "FallbackAddress": { "Type": "String", "Default": "" }
    },
    "Resources": { "FetchQueue": { "Type": "AWS::SQS::Queue" } },
    "Outputs": {
        "TableName": { "Value": "table" },
        "SecretPrefix": { "Value": "postroom/test" },
        "FetchQueueUrl": { "Value": { "Ref": "FetchQueue" } },
        "TokenKeyId": { "Value": "key" },
        "ConsoleUrl": { "Value": "https://console.example/" }
    }
}"#;

/// Creates a stack under a name of its own.
async fn stack(template: &str, parameters: &[(&str, &str)]) -> String {
    let client = Client::new(&config().await);
    let name: String = std::iter::repeat_with(fastrand::alphabetic).take(16).collect();
    let parameters = parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build());
    let create = client.create_stack().stack_name(&name).template_body(template);
    create.set_parameters(Some(parameters.collect())).send().await.expect("creates");
    for _ in 0..100 {
        let described = client.describe_stacks().stack_name(&name).send().await.expect("answers");
        if described.stacks()[0].stack_status() == Some(&StackStatus::CreateComplete) {
            return name;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the stack is not complete");
}

/// A private certificate authority, PEM.
fn authority() -> String {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.self_signed(&KeyPair::generate().expect("key")).expect("certificate").pem()
}

#[tokio::test]
async fn outputs_and_parameters_are_found() {
    let authority = authority();
    let name = stack(
        TEMPLATE,
        &[
            ("MailCa", &BASE64_STANDARD.encode(&authority)),
            ("PlaintextHosts", "a.example, b.example"),
            ("AllowLocalServers", "true"),
            ("TimeZone", "Europe/Berlin"),
            ("OverdueRepeatDays", "0"),
            ("OperatorAddresses", "ann@contoso.com, ben@contoso.com"),
            ("FallbackAddress", "cem@contoso.com"),
        ],
    )
    .await;
    let found = Deployment::find(&name, &config().await, now).await.expect("finds it");
    assert!(found.fetch_queue_url.contains("FetchQueue"), "{}", found.fetch_queue_url);
    assert_eq!(found.mail_ca.as_deref(), Some(&*authority));
    assert_eq!(found.console_url, "https://console.example");
    assert!(found.allowances.local_servers, "the account is an emulator's");
    assert_eq!(found.allowances.plaintext_hosts, ["a.example", "b.example"]);
    assert_eq!(found.calendar.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(found.calendar.repeat_days, None, "said once");
    assert_eq!(found.staff, ["ann@contoso.com", "ben@contoso.com", "cem@contoso.com"]);

    let plain = stack(TEMPLATE, &[]).await;
    let found = Deployment::find(&plain, &config().await, now).await.expect("finds it");
    assert!(found.mail_ca.is_none() && !found.allowances.local_servers);
    assert!(found.allowances.plaintext_hosts.is_empty() && found.staff.is_empty());
    assert_eq!(found.calendar, Calendar { zone: TimeZone::UTC, repeat_days: Some(7) });

    let older = TEMPLATE.replace("\"TimeZone\"", "\"Zone\"").replace("\"OverdueRepeatDays\"", "\"Days\"");
    let found = Deployment::find(&stack(&older, &[]).await, &config().await, now).await.expect("finds it");
    assert_eq!(found.calendar, Calendar { zone: TimeZone::UTC, repeat_days: Some(7) }, "one without them");
}

#[tokio::test]
async fn what_is_missing_is_said_in_one_sentence() {
    let incomplete = stack(&TEMPLATE.replace("TableName", "Table"), &[]).await;
    let error = Deployment::find(&incomplete, &config().await, now).await.expect_err("no table");
    assert!(error.to_string().contains("lacks TableName"), "{error}");

    let nowhere = stack(TEMPLATE, &[("TimeZone", "Europe/Berlyn")]).await;
    let error = Deployment::find(&nowhere, &config().await, now).await.expect_err("no such zone");
    assert!(error.to_string().contains("lacks a TimeZone parameter that names one"), "{error}");

    let error = Deployment::find("no-such-stack", &config().await, now).await.expect_err("no stack");
    assert!(matches!(error, Error::NoStack { .. }), "{error:?}");

    let unset = aws_config::SdkConfig::builder().build();
    let error = Deployment::find("postroom", &unset, now).await.expect_err("no region");
    assert!(error.to_string().contains("set AWS_REGION"), "{error}");
}
