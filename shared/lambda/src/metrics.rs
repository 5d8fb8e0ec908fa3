//! Metrics as CloudWatch takes them from log lines: the embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::Write;

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Metrics of one deployed stack, in the namespace `Postroom`.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
}

impl Metrics {
    /// Metrics of the stack of that name.
    pub fn new(stack: impl Into<String>) -> Self {
        Self { stack: stack.into() }
    }

    /// Writes one line with values that were measured together. Every value appears under the stack
    /// alone, and under the stack with the given dimension where there is one.
    pub fn emit(&self, now: Timestamp, dimension: Option<(&str, &str)>, values: &[(&str, Unit, f64)]) {
        let line = self.line(now, dimension, values);
        tracing::trace!(metrics = %line, "metrics are written");
        // A metric that cannot be written must not fail the work that it counts.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    fn line(&self, now: Timestamp, dimension: Option<(&str, &str)>, values: &[(&str, Unit, f64)]) -> Value {
        let mut dimensions = vec![vec!["Stack"]];
        let mut members = Map::new();
        members.insert("Stack".into(), json!(self.stack));
        if let Some((name, value)) = dimension {
            dimensions.push(vec!["Stack", name]);
            members.insert(name.into(), json!(value));
        }
        let definitions: Vec<_> =
            values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit.name()})).collect();
        members.extend(values.iter().map(|(name, _, value)| ((*name).into(), json!(value))));
        let metrics = json!([{"Namespace": "Postroom", "Dimensions": dimensions, "Metrics": definitions}]);
        members
            .insert("_aws".into(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": metrics}));
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_embedded_metric_format() {
        let now = Timestamp::from_second(1).expect("in range");
        let line =
            Metrics::new("s").line(now, Some(("Class", "timed_out")), &[("Failures", Unit::Count, 2.0)]);
        let expected = json!({
            "_aws": {"Timestamp": 1000, "CloudWatchMetrics": [{
                "Namespace": "Postroom",
                "Dimensions": [["Stack"], ["Stack", "Class"]],
                "Metrics": [{"Name": "Failures", "Unit": "Count"}],
            }]},
            "Stack": "s", "Class": "timed_out", "Failures": 2.0,
        });
        assert_eq!(line, expected);
    }
}
