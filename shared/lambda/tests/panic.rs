//! What a panic leaves in the log. It runs this program again, because a hook is the whole process's.

use std::{env, process::Command};

const CHILD: &str = "POSTROOM_TEST_PANICS";
const TEXT: &str = "Dear Ann, the password is";

#[test]
fn a_panic_is_told_without_its_message() {
    if env::var_os(CHILD).is_some() {
        postroom_lambda::log();
        let text = format!("{TEXT} hunter2");
        panic!("{text}");
    }
    let program = env::current_exe().expect("a program");
    let output = Command::new(program)
        .args(["--exact", "a_panic_is_told_without_its_message", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("this is a bug") && said.contains("tests/panic.rs:"), "{said}");
    assert!(!said.contains(TEXT), "{said}");
}
