//! Public prices of AWS, of the region us-east-1.
//!
//! As AWS's pages had them on [`READ_ON`], first tier. Left out: what AWS gives for nothing each month, discounts,
//! and taxes.

use serde::Serialize;

/// The region whose prices these are. Others cost up to a fifth more.
pub const REGION: &str = "us-east-1";
/// When the pages were read.
pub const READ_ON: &str = "2026-11-22";

/// What AWS is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Starts of functions.
    LambdaRequests,
    /// Their time on arm64.
    ComputeArm,
    /// Their time on x86-64.
    ComputeX86,
    /// Reads of the table.
    ReadUnits,
    /// Writes of the table and its indexes.
    WriteUnits,
    /// What the table holds.
    TableStorage,
    /// Its backup to any point in time.
    TableBackup,
    /// Puts of objects, and the requests of a multipart upload.
    ObjectWrites,
    /// Gets and heads of objects.
    ObjectReads,
    /// What the archive holds.
    ObjectStorage,
    /// Secrets that are there.
    Secrets,
    /// Calls of Secrets Manager.
    SecretCalls,
    /// Keys that are there.
    Keys,
    /// Calls of KMS.
    KeyCalls,
    /// Requests of the queue.
    QueueRequests,
    /// Ticks of the schedules.
    ScheduledStarts,
    /// Events that are put.
    Events,
    /// Mails that are sent.
    Mails,
    /// Requests of the console.
    ApiRequests,
    /// Log lines.
    LogIngestion,
    /// Logs that are kept.
    LogStorage,
    /// Custom metrics.
    Metrics,
    /// Metrics that alarms watch.
    AlarmMetrics,
    /// Dashboards.
    Dashboards,
    /// Traces that are recorded.
    Traces,
    /// Bytes that leave AWS for mail servers.
    TrafficOut,
}

/// So many dollars for so many units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Price {
    /// US dollars.
    pub dollars: f64,
    /// For so many units.
    pub per: f64,
    /// What a unit is.
    pub unit: &'static str,
    /// The page that says so.
    pub page: &'static str,
}

const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const SECRETS: &str = "https://aws.amazon.com/secrets-manager/pricing/";
const KMS: &str = "https://aws.amazon.com/kms/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";
const SES: &str = "https://aws.amazon.com/ses/pricing/";
const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const XRAY: &str = "https://aws.amazon.com/xray/pricing/";
const TRAFFIC: &str = "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer";

impl Rate {
    /// What it is called on a bill.
    pub fn name(self) -> &'static str {
        match self {
            Self::LambdaRequests => "Lambda, starts",
            Self::ComputeArm => "Lambda, time on arm64",
            Self::ComputeX86 => "Lambda, time on x86-64",
            Self::ReadUnits => "DynamoDB, reads",
            Self::WriteUnits => "DynamoDB, writes",
            Self::TableStorage => "DynamoDB, storage",
            Self::TableBackup => "DynamoDB, backup",
            Self::ObjectWrites => "S3, puts",
            Self::ObjectReads => "S3, gets",
            Self::ObjectStorage => "S3, storage",
            Self::Secrets => "Secrets Manager, secrets",
            Self::SecretCalls => "Secrets Manager, calls",
            Self::Keys => "KMS, keys",
            Self::KeyCalls => "KMS, calls",
            Self::QueueRequests => "SQS, requests",
            Self::ScheduledStarts => "Scheduler, ticks",
            Self::Events => "EventBridge, events",
            Self::Mails => "SES, mails",
            Self::ApiRequests => "API Gateway, requests",
            Self::LogIngestion => "CloudWatch, log lines",
            Self::LogStorage => "CloudWatch, logs kept",
            Self::Metrics => "CloudWatch, metrics",
            Self::AlarmMetrics => "CloudWatch, alarms",
            Self::Dashboards => "CloudWatch, dashboard",
            Self::Traces => "X-Ray, traces",
            Self::TrafficOut => "traffic to mail servers",
        }
    }

    /// Its price.
    pub fn price(self) -> Price {
        let (dollars, per, unit, page) = match self {
            Self::LambdaRequests => (0.20, 1e6, "starts", LAMBDA),
            Self::ComputeArm => (0.000_013_333_4, 1.0, "GB-s", LAMBDA),
            Self::ComputeX86 => (0.000_016_666_7, 1.0, "GB-s", LAMBDA),
            Self::ReadUnits => (0.125, 1e6, "units", DYNAMODB),
            Self::WriteUnits => (0.625, 1e6, "units", DYNAMODB),
            Self::TableStorage => (0.25, 1.0, "GB", DYNAMODB),
            Self::TableBackup => (0.20, 1.0, "GB", DYNAMODB),
            Self::ObjectWrites => (0.005, 1e3, "requests", S3),
            Self::ObjectReads => (0.0004, 1e3, "requests", S3),
            Self::ObjectStorage => (0.023, 1.0, "GB", S3),
            Self::Secrets => (0.40, 1.0, "secrets", SECRETS),
            Self::SecretCalls => (0.05, 1e4, "calls", SECRETS),
            Self::Keys => (1.0, 1.0, "keys", KMS),
            Self::KeyCalls => (0.03, 1e4, "calls", KMS),
            Self::QueueRequests => (0.40, 1e6, "requests", SQS),
            Self::ScheduledStarts => (1.0, 1e6, "ticks", EVENTBRIDGE),
            Self::Events => (1.0, 1e6, "events", EVENTBRIDGE),
            Self::Mails => (0.10, 1e3, "mails", SES),
            Self::ApiRequests => (1.0, 1e6, "requests", API_GATEWAY),
            Self::LogIngestion => (0.50, 1.0, "GB", CLOUDWATCH),
            Self::LogStorage => (0.03, 1.0, "GB", CLOUDWATCH),
            Self::Metrics => (0.30, 1.0, "metrics", CLOUDWATCH),
            Self::AlarmMetrics => (0.10, 1.0, "metrics", CLOUDWATCH),
            Self::Dashboards => (3.0, 1.0, "dashboards", CLOUDWATCH),
            Self::Traces => (5.0, 1e6, "traces", XRAY),
            Self::TrafficOut => (0.09, 1.0, "GB", TRAFFIC),
        };
        Price { dollars, per, unit, page }
    }

    /// What so many units cost, in US dollars.
    pub fn cost(self, quantity: f64) -> f64 {
        let Price { dollars, per, .. } = self.price();
        quantity / per * dollars
    }
}
