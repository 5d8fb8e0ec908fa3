//! `postroom` on a lab: a CloudFormation stack that says where its resources are.

use crate::stack::Said;
use aws_sdk_cloudformation::{Client, types::StackStatus};
use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_tests::{Lab, environment};
use serde_json::json;
use std::{process::Command, time::Duration};

/// A stack whose outputs name a lab's resources.
pub(crate) struct Stack(String);

impl Stack {
    pub(crate) async fn of(lab: &Lab) -> Self {
        let fetch::Settings { table, secret_prefix, token_key, queue_url, stack, reach, .. } = &lab.settings;
        let ca = BASE64_STANDARD.encode(reach.extra_ca_pem.as_deref().unwrap_or_default());
        let parameter = |default: &str| json!({"Type": "String", "Default": default});
        let output = |value: &str| json!({"Value": value});
        let template = json!({
            "Parameters": {"AllowLocalServers": parameter("true"), "MailCa": parameter(&ca)},
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {
                "TableName": output(table), "SecretPrefix": output(secret_prefix),
                "TokenKeyId": output(token_key), "FetchQueueUrl": output(queue_url),
                "ConsoleUrl": output("https://post.test/"),
            },
        });
        let cloudformation = Client::new(&lab.aws);
        let create = cloudformation.create_stack().stack_name(stack).template_body(template.to_string());
        create.send().await.expect("a stack");
        for _ in 0..100 {
            let described =
                cloudformation.describe_stacks().stack_name(stack).send().await.expect("an answer");
            if described.stacks()[0].stack_status() == Some(&StackStatus::CreateComplete) {
                return Self(stack.clone());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the stack {stack} is not complete");
    }

    /// Runs a command.
    pub(crate) fn postroom(&self, arguments: &[&str]) -> Said {
        let output = Command::new(environment("POSTROOM_TEST_CLI"))
            .args(arguments)
            .env("AWS_ENDPOINT_URL", environment("POSTROOM_TEST_AWS_ENDPOINT"))
            .env("AWS_REGION", environment("POSTROOM_TEST_AWS_REGION"))
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("POSTROOM_STACK", &self.0)
            .env("TEST_CLIENT_SECRET", environment("POSTROOM_TEST_CLIENT_SECRET"))
            .output()
            .expect("postroom runs");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}
