//! The servers that are written down, compared with the tests that are there.

use std::{
    fs,
    path::{Path, PathBuf},
};

const SERVERS: &str = include_str!("../../../docs/servers.md");

/// Every test of the project, as `file::test`, by the name of its file without its ending.
fn tests() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> = ["shared/mail/tests", "tests/e2e"].map(|folder| root.join(folder)).into();
    let mut tests = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2).filter(|pair| pair[0].contains("test")) {
                let name = pair[1].strip_prefix("async fn ").or(pair[1].strip_prefix("fn "));
                tests.extend(name.and_then(|name| Some(format!("{file}::{}", name.split_once('(')?.0))));
            }
        }
    }
    tests
}

/// What the last cell of each row names, and what else is named as a test.
fn named() -> Vec<&'static str> {
    let quoted = SERVERS.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains("::") && !text.contains(' ')).collect()
}

#[test]
fn every_server_in_the_documents_has_its_source_and_its_tests() {
    let tests = tests();
    for named in named() {
        assert!(tests.iter().any(|test| test == named), "there is no test {named}");
    }
    let rows = SERVERS.lines().filter(|line| line.starts_with("| ") && line.contains("::"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.trim_matches('|').split(" | ").collect()).collect();
    assert!(rows.len() >= 40, "{} rows", rows.len());
    for row in rows {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row[3].contains("](https://"), "no source: {row:?}");
        assert!(row[4].contains("::"), "no test: {row:?}");
    }
}

#[test]
fn every_test_of_a_servers_habit_has_its_row() {
    let named = named();
    let habits = ["microsoft::", "google::", "coremail::", "others::", "providers::", "compression::"];
    // Not a server's habit, but what is used where it is offered.
    let extensions = [
        "coremail::literals_go_unasked_where_the_server_takes_them_so",
        "compression::what_comes_with_the_agreement_is_compressed_already",
    ];
    for test in tests().iter().filter(|test| habits.iter().any(|habit| test.starts_with(habit))) {
        assert!(named.contains(&test.as_str()) || extensions.contains(&test.as_str()), "{test} has no row");
    }
}
