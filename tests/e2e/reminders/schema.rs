//! Events are as `docs/events` says they are.

use serde_json::{Value, json};

/// An event as EventBridge delivers it fits the schema of its kind.
pub(super) fn assert_valid(event: &Value) {
    if let Err(why) = check(event) {
        panic!("{why}: {event}");
    }
}

fn check(event: &Value) -> Result<(), String> {
    if event["source"] != "postroom" {
        return Err("not from postroom".to_owned());
    }
    let name = match event["detail-type"].as_str() {
        Some("Postroom Expiry") => "expiry",
        Some("Postroom Incident") => "incident",
        _ => return Err("an event of no known kind".to_owned()),
    };
    let path = format!("{}/../docs/events/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let schema: Value = serde_json::from_str(&schema).map_err(|error| error.to_string())?;
    let properties = schema["properties"].as_object().ok_or("a schema without properties")?;
    let surplus =
        event["detail"].as_object().ok_or("no detail")?.keys().find(|key| !properties.contains_key(*key));
    if let Some(key) = surplus {
        return Err(format!("{key} is not documented"));
    }
    let options = jsonschema::options().should_validate_formats(true);
    let schema = options.build(&schema).map_err(|error| error.to_string())?;
    schema.validate(&event["detail"]).map_err(|error| error.to_string())
}

#[test]
fn a_wrong_event_is_found_out() {
    let right = json!({
        "source": "postroom", "detail-type": "Postroom Expiry", "detail": {
            "version": 1, "stack": "post", "subject": {"kind": "account", "id": "diary"},
            "at": "2027-03-01T11:05:00Z", "summary": "It ends.", "ends_at": "2027-04-01T10:00:00Z", "governs": "idle_limit",
            "stage": "month", "repeat": 0, "provider": "contoso", "mailboxes": 2,
        },
    });
    assert_valid(&right);
    for (pointer, wrong) in [
        ("/source", json!("aws.ses")),
        ("/detail-type", json!("Other")),
        ("/detail/version", json!(2)),
        ("/detail/subject/kind", json!("address")),
        ("/detail/at", json!("2027-03-01T11:05:00.123Z")),
        ("/detail/ends_at", json!("2027-13-01T10:00:00Z")),
        ("/detail/governs", json!("a whim")),
        ("/detail/stage", json!("year")),
        ("/detail/repeat", json!(1)),
        ("/detail/provider", json!(null)),
    ] {
        let mut event = right.clone();
        *event.pointer_mut(pointer).expect("a field") = wrong;
        assert!(check(&event).is_err(), "{pointer}");
    }
    let mut event = right.clone();
    event["detail"]["owner"] = json!("ann@contoso.com");
    assert!(check(&event).is_err(), "what is not documented");
    event = right;
    event["detail"].as_object_mut().expect("fields").remove("stack");
    assert!(check(&event).is_err(), "what is missing");
}
