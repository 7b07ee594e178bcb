//! The two fault tables in `docs/` name, beside each row, the tests that hold it; this test holds
//! the tables to the tree.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

/// A table: its page and the rows it must have.
struct Table {
    page: &'static str,
    rows: fn() -> BTreeSet<u32>,
}

const TABLES: &[Table] = &[
    Table { page: "docs/faults-payment.md", rows: || (1..=24).chain([28, 31, 32]).collect() },
    Table { page: "docs/faults-meter.md", rows: || (1..=25).collect() },
];

/// Columns of a row: number, what happens, what is done, tests.
const COLUMNS: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// One row as it stands on a page.
struct Row {
    number: u32,
    outcome: String,
    tests: Vec<String>,
}

/// The rows of a page; a line that begins with a number but is no row is an error.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells.first().and_then(|cell| cell.parse().ok()) else { continue };
        if cells.len() != COLUMNS {
            return Err(format!("row {number} has {} columns, not {COLUMNS}", cells.len()));
        }
        let named = cells[3].split('`').skip(1).step_by(2).map(str::to_owned);
        found.push(Row { number, outcome: cells[2].to_owned(), tests: named.collect() });
    }
    Ok(found)
}

/// The names of every test function in the tree, tracked or about to be.
fn tests_in_the_tree() -> BTreeSet<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "*.rs"])
        .current_dir(root())
        .output()
        .unwrap();
    let mut names = BTreeSet::new();
    for file in String::from_utf8(listed.stdout).unwrap().lines() {
        // A file that was removed but not yet committed is still listed.
        let Ok(text) = std::fs::read_to_string(root().join(file)) else { continue };
        names.extend(test_functions(&text));
    }
    names
}

/// The functions of a source file that carry a test attribute.
fn test_functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            let attribute = line.trim_start_matches("#[");
            let path = attribute.split(['(', ']']).next().unwrap_or_default();
            is_test |= path == "test" || path.ends_with("::test");
        } else if let Some(rest) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") {
            if is_test {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                found.push(rest[..end.unwrap_or(rest.len())].to_owned());
            }
            is_test = false;
        }
    }
    found
}

#[test]
fn every_row_of_the_fault_tables_names_tests_that_exist() {
    let known = tests_in_the_tree();
    let mut wrong = Vec::new();
    for table in TABLES {
        let page = table.page;
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let found = rows(&text).unwrap_or_else(|error| panic!("{page}: {error}"));
        let numbers: BTreeSet<u32> = found.iter().map(|row| row.number).collect();
        if numbers.len() != found.len() {
            wrong.push(format!("{page}: a number stands there twice"));
        }
        let missing: Vec<_> = (table.rows)().difference(&numbers).copied().collect();
        if !missing.is_empty() {
            wrong.push(format!("{page}: rows {missing:?} are missing"));
        }
        for row in &found {
            if row.outcome.is_empty() || row.tests.is_empty() {
                wrong.push(format!("{page}: row {} has no outcome or no test", row.number));
            }
            for test in row.tests.iter().filter(|test| !known.contains(*test)) {
                wrong.push(format!("{page}: row {} names {test}, which is no test", row.number));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_with_a_broken_row_or_a_function_that_is_no_test_is_noticed() {
    let page = "| no. | what | done | tests |\n|---|---|---|---|\n| 7 | a | b | `one`, `two` |\n";
    let found = rows(page).unwrap();
    assert_eq!((found[0].number, found[0].tests.len()), (7, 2));
    assert!(rows("| 8 | a | `b` |").is_err());
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(flavor = \"x\")]\n\
                  #[cfg(unix)]\nasync fn three() {}\n#[cfg(test)]\nmod tests {}\nfn four() {}";
    assert_eq!(test_functions(source), ["one", "three"]);
}
