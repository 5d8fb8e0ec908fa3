//! Whether an alarm of the template rings, judged from what functions write as CloudWatch does.
//!
//! Left out: alarms on what AWS itself measures, and on several metrics at once.

use jiff::{SignedDuration, Timestamp};
use postroom_tests::own_log;
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;
use std::fs;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/template.yaml");
/// How the log names metrics that were written.
const WRITTEN: &str = "metrics";

/// An alarm on one of Postroom's metrics.
#[derive(Debug)]
pub(super) struct Alarm {
    metric: String,
    statistic: String,
    period: i64,
    /// So many of the latest periods are looked at, and so many of them must be bad.
    periods: i64,
    bad: i64,
    comparison: String,
    threshold: f64,
    silence_is_bad: bool,
}

impl Alarm {
    /// The alarm of that name; `None`: what it watches is written by AWS.
    pub(super) fn named(name: &str) -> Option<Self> {
        let text = fs::read_to_string(TEMPLATE).expect("the template");
        let template = Yaml::load_from_str(&text).expect("a template in YAML");
        let resource = &template[0]["Resources"][name];
        assert_eq!(resource["Type"].as_str(), Some("AWS::CloudWatch::Alarm"), "{name}");
        let alarm = &resource["Properties"];
        if alarm["Namespace"].as_str() != Some("Postroom") {
            return None;
        }
        let dimensions = alarm["Dimensions"].as_vec().expect("dimensions");
        assert_eq!(dimensions.len(), 1, "{name}: metrics are judged that are the stack's alone");
        let text = |key: &str| alarm[key].as_str().expect("a text").to_owned();
        let number = |key: &str| alarm[key].as_integer().expect("a number");
        let periods = number("EvaluationPeriods");
        let bad = alarm.as_mapping_get("DatapointsToAlarm").and_then(Yaml::as_integer).unwrap_or(periods);
        let threshold = alarm["Threshold"].as_integer().unwrap_or_else(|| {
            template[0]["Parameters"]["FetchLagLimitSeconds"]["Default"].as_integer().expect("a default")
        });
        Some(Self {
            metric: text("MetricName"),
            statistic: text("Statistic"),
            period: number("Period"),
            periods,
            bad,
            comparison: text("ComparisonOperator"),
            threshold: threshold as f64,
            silence_is_bad: text("TreatMissingData") == "breaching",
        })
    }

    /// Whether it rings at a moment, by what the functions of a stack have written up to then.
    pub(super) fn rings(&self, stack: &str, now: Timestamp) -> bool {
        let points = points(stack, &self.metric);
        let is_bad = |back: &i64| {
            let end = now.saturating_sub(SignedDuration::from_secs(back * self.period)).expect("in range");
            let start = end.saturating_sub(SignedDuration::from_secs(self.period)).expect("in range");
            let values = points.iter().filter(|(at, _)| start < *at && *at <= end).map(|(_, value)| *value);
            match (values.collect::<Vec<f64>>().as_slice(), &*self.statistic) {
                ([], _) => self.silence_is_bad,
                (values, "Sum") => self.is_beyond(values.iter().sum()),
                (values, "Maximum") => self.is_beyond(values.iter().copied().fold(f64::MIN, f64::max)),
                (_, other) => panic!("{other} is not known here"),
            }
        };
        let bad = (0..self.periods).filter(is_bad).count();
        i64::try_from(bad).expect("few periods") >= self.bad
    }

    fn is_beyond(&self, value: f64) -> bool {
        match &*self.comparison {
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            other => panic!("{other} is not known here"),
        }
    }
}

/// The values that the functions of a stack have written for a metric, and when.
fn points(stack: &str, metric: &str) -> Vec<(Timestamp, f64)> {
    let log = fs::read(own_log()).expect("a log");
    let lines = String::from_utf8_lossy(&log);
    let lines = lines.lines().filter(|line| line.contains(stack) && line.contains(metric));
    let written = lines.filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        serde_json::from_str(line["fields"][WRITTEN].as_str()?).ok()
    });
    let of_stack = written.filter(|line: &Value| line["Stack"] == stack);
    let points = of_stack.filter_map(|line| {
        let at = Timestamp::from_millisecond(line["_aws"]["Timestamp"].as_i64()?).ok()?;
        Some((at, line[metric].as_f64()?))
    });
    points.collect()
}
