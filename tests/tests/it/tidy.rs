//! The rules of the house as a test: who may depend on whom, licences, one crypto provider, the
//! SQLite version, sizes of files and words that must not stand in the tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// No source file is longer.
const FILE_LINES_MAX: usize = 600;
/// No test file is longer.
const TEST_FILE_LINES_MAX: usize = 1_000;
/// No function is longer, from its first line to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// No source line is longer, in characters.
const LINE_CHARS_MAX: usize = 100;

/// Who may depend on whom inside the house. A crate that is not listed fails the test.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ledger", &["domain"]),
    ("connector", &["domain"]),
    ("meter-protocol", &[]),
    ("gateway", &["domain", "meter-protocol"]),
    ("migrations", &[]),
    ("store", &["domain", "ledger", "migrations"]),
    ("vending", &["connector", "domain", "gateway", "ledger", "store"]),
    ("paper", &[]),
    (
        "mini-program-api",
        &["connector", "domain", "gateway", "ledger", "paper", "store", "vending"],
    ),
    (
        "server",
        &[
            "connector",
            "domain",
            "gateway",
            "kiosk-api",
            "kiosk-wire",
            "ledger",
            "meter-protocol",
            "mini-program-api",
            "paper",
            "store",
            "vending",
        ],
    ),
    ("kiosk-api", &["domain", "kiosk-wire", "mini-program-api", "store", "vending"]),
    ("kiosk-wire", &[]),
    ("terminal", &["kiosk-wire"]),
    ("kiosk-simulator", &[]),
    ("kiosk", &["kiosk-wire", "terminal"]),
    ("meter-simulator", &[]),
    ("provider-simulator", &[]),
    ("tests", &["*"]),
];

/// Licences a dependency may offer; one of the alternatives must be here.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not be built into anything: second crypto providers and their kin.
const FORBIDDEN_CRATES: &[&str] =
    &["ring", "rsa", "openssl-sys", "native-tls", "actix-governor", "rumqttc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec![
            "--locked".into(),
            "--filter-platform".into(),
            "x86_64-unknown-linux-gnu".into(),
        ])
        .exec()
        .unwrap()
}

fn members(metadata: &Metadata) -> Vec<&Package> {
    metadata.workspace_packages()
}

/// Every file git tracks or would track.
fn tracked() -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "git ls-files failed");
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| root().join(line)).filter(|path| path.is_file()).collect()
}

fn with_extension(files: &[PathBuf], wanted: &[&str]) -> Vec<PathBuf> {
    let is = |path: &PathBuf| {
        path.extension().and_then(|e| e.to_str()).is_some_and(|e| wanted.contains(&e))
    };
    files.iter().filter(|path| is(path)).cloned().collect()
}

#[test]
fn dependencies_point_only_in_the_agreed_directions() {
    let metadata = metadata();
    let names: BTreeSet<&str> = members(&metadata).iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in members(&metadata) {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} stands in no row of MAY_DEPEND_ON", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let inside = names.contains(name) && dependency.kind == DependencyKind::Normal;
            if inside && !allowed.contains(&name) && !allowed.contains(&"*") {
                wrong.push(format!("{} must not depend on {name}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_store_names_the_object_mapper_and_nothing_depends_on_the_tests() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in members(&metadata) {
        for dependency in &package.dependencies {
            let normal = dependency.kind == DependencyKind::Normal;
            let mapper = dependency.name.starts_with("sea-orm") || dependency.name == "sqlx";
            let store = ["store", "migrations"].contains(&package.name.as_str());
            if normal && mapper && !store {
                wrong.push(format!("{} names {}", package.name, dependency.name));
            }
            let tests = ["tests", "kiosk-simulator", "meter-simulator", "provider-simulator"];
            let test_package = tests.contains(&package.name.as_str());
            if normal && tests.contains(&dependency.name.as_str()) && !test_package {
                wrong.push(format!("{} depends on {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_dependency_offers_a_licence_we_may_use() {
    let metadata = metadata();
    let house: BTreeSet<_> = metadata.workspace_members.iter().collect();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|p| !house.contains(&p.id)) {
        let text = package.license.clone().unwrap_or_default().replace('/', " OR ");
        let offered = |term: &str| {
            let term = term.trim().trim_matches(|c| c == '(' || c == ')');
            term.split(" AND ").all(|part| {
                let part = part.trim().trim_matches(|c| c == '(' || c == ')');
                LICENCES.contains(&part)
            })
        };
        if text.is_empty() || !text.split(" OR ").any(offered) {
            wrong.push(format!("{} {}: {text:?}", package.name, package.version));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_is_one_crypto_provider_and_the_bundled_sqlite() {
    let metadata = metadata();
    // What is really built, features resolved: `cargo metadata` lists more than that.
    let out = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}"])
        .args(["--edges", "normal,build", "--target", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "cargo tree: {}", String::from_utf8_lossy(&out.stderr));
    let tree = String::from_utf8(out.stdout).unwrap();
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("aws-lc-rs"), "the tree was not read");
    let forbidden: Vec<_> = FORBIDDEN_CRATES.iter().filter(|name| built.contains(*name)).collect();
    assert!(forbidden.is_empty(), "built in: {forbidden:?}");
    let resolve = metadata.resolve.as_ref().unwrap();
    let packages: Vec<&Package> = metadata.packages.iter().collect();
    let sqlite: Vec<_> = packages.iter().filter(|p| p.name.as_str() == "libsqlite3-sys").collect();
    assert_eq!(sqlite.len(), 1, "exactly one SQLite");
    assert_eq!(sqlite[0].version.to_string(), "0.37.0", "0.37.0 bundles SQLite 3.51.3");
    let node = resolve.nodes.iter().find(|node| node.id == sqlite[0].id).unwrap();
    let bundled = node.features.iter().any(|feature| feature.as_str() == "bundled");
    assert!(bundled, "SQLite must be the bundled one");
}

#[test]
fn source_files_lines_and_functions_stay_readable() {
    let files = tracked();
    let mut wrong = Vec::new();
    for path in with_extension(&files, &["rs", "ts", "vue"]) {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        if shown.contains("generated") || shown.ends_with(".d.ts") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        let test = shown.contains("tests/") || shown.ends_with("tests.rs");
        let most = if test { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if lines > most {
            wrong.push(format!("{shown}: {lines} lines"));
        }
        if !shown.ends_with(".rs") {
            continue;
        }
        for (number, name, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("{shown}:{number}: {name} has {length} lines"));
            }
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX && !line.contains("http") && !test {
                wrong.push(format!("{shown}:{}: a line over {LINE_CHARS_MAX}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The name a line declares a function by.
fn declared(line: &str) -> Option<&str> {
    let (before, rest) = line.trim_start().split_once("fn ")?;
    let word = |w: &str| matches!(w, "async" | "const" | "unsafe") || w.starts_with("pub");
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (before.split_whitespace().all(word) && !name.is_empty()).then_some(name)
}

/// Every function of a file as rustfmt lays it out: the number of its first line, its name, and its
/// length up to the brace that stands under its beginning.
fn functions(text: &str) -> Vec<(usize, &str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = declared(line) else { continue };
        let one_line = line.ends_with('}') || line.ends_with(';');
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_end = |line: &&str| line.strip_prefix(indent) == Some("}");
        let length = if one_line { Some(0) } else { lines[at..].iter().position(is_end) };
        found.push((at + 1, name, length.map_or(1, |length| length + 1)));
    }
    found
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_brace() {
    let text = "pub(crate) async fn one(\n    a: u8,\n) {\n    if a {\n    }\n}\nimpl A {\n    \
                fn two() {}\n    fn three() {\n        fn inner() {\n        }\n    }\n}\n";
    let want = [(1, "one", 6), (8, "two", 1), (9, "three", 4), (10, "inner", 2)];
    assert_eq!(functions(text), want);
    let long = format!("fn long() {{\n{}}}\n", "    a();\n".repeat(FUNCTION_LINES_MAX));
    assert_eq!(functions(&long), [(1, "long", FUNCTION_LINES_MAX + 2)]);
}

#[test]
fn unfinished_work_and_float_money_do_not_stand_in_the_tree() {
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("#[ig", "nore"),
    ];
    let mut wrong = Vec::new();
    for path in with_extension(&tracked(), &["rs", "ts", "vue", "js", "mjs", "sh", "py"]) {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{shown}:{}: unfinished", number + 1));
            }
            let money = ["amount", "balance", "price", "_fen", "money"];
            let float = line.contains(": f64") || line.contains(": f32");
            if shown.ends_with(".rs") && float && money.iter().any(|m| line.contains(m)) {
                wrong.push(format!("{shown}:{}: money as a float", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_invariant_comment_names_the_test_that_proves_it() {
    let files = with_extension(&tracked(), &["rs"]);
    let texts: Vec<String> = files.iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    let names: BTreeSet<&str> = texts.iter().flat_map(|text| tests_of(text)).collect();
    assert!(names.contains("every_invariant_comment_names_the_test_that_proves_it"));
    assert!(!names.contains("tests_of"), "a function that is no test proves nothing");
    let mut wrong = Vec::new();
    for (path, text) in files.iter().zip(&texts) {
        for (at, _) in text.match_indices(concat!("Inv", "ariant:")) {
            // The sentence ends with its comment block; a test's name is written in backticks.
            let block: String = text[at..]
                .lines()
                .take_while(|line| at_comment(line) || line.contains("nvariant:"))
                .collect();
            let named = block.split('`').skip(1).step_by(2).any(|word| {
                let word = word.rsplit("::").next().unwrap_or(word);
                names.contains(word) && word.contains('_')
            });
            if !named {
                let line = text[..at].lines().count();
                wrong.push(format!("{}:{line}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "invariants without a test's name: {wrong:#?}");
}

/// The tests of a file: functions under an attribute that makes them one, and the bodies that a
/// list makes tests of, one for each database.
fn tests_of(text: &str) -> Vec<&str> {
    let (mut is_test, mut in_list) = (false, false);
    let mut found = Vec::new();
    for line in text.lines() {
        let bare = line.trim_start();
        if in_list {
            found.extend(bare.strip_suffix(','));
            in_list = bare != "}";
            continue;
        }
        in_list = line.ends_with("on_both_databases! {");
        if let Some(attribute) = bare.strip_prefix("#[") {
            let name = attribute.split(['(', ']']).next().unwrap_or_default();
            is_test |= name == "test" || name.ends_with("::test");
        } else if let Some(name) = declared(line) {
            if is_test {
                found.push(name);
            }
            is_test = false;
        } else if !bare.starts_with("//") && !bare.is_empty() {
            is_test = false;
        }
    }
    found
}

fn at_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn no_file_names_a_machine_or_a_package_registry() {
    let registries = [concat!("crates", ".io"), concat!("npmjs", ".org"), concat!("pypi", ".org")];
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/bash", "_jobs")];
    let mut wrong = Vec::new();
    for path in tracked() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let lock = path.file_name().is_some_and(|n| n == "Cargo.lock");
        for (number, line) in text.lines().enumerate() {
            let registry = !lock && registries.iter().any(|word| line.contains(word));
            if registry || paths.iter().any(|word| line.contains(word)) {
                let shown = path.strip_prefix(root()).unwrap().display();
                wrong.push(format!("{shown}:{}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Events that are named by a state or an alarm, and not where they are written.
const NAMED_ELSEWHERE: &[&str] = &[
    "paid",
    "credited",
    "duplicate",
    "mismatch",
    "held",
    "answered",
    "read-back",
    "unreadable",
    "resend",
    "close-sent",
    "allow-close-sent",
    "trip-sent",
    "keep-power-sent",
    "unkeep-sent",
    "supply.dark",
    "supply.stuck",
    "supply.refused",
    "supply.still_dark",
];

#[test]
fn every_event_of_an_order_has_words_on_the_live_page() {
    let words = std::fs::read_to_string(root().join("web/live/words.js")).unwrap();
    let events = words.split("const EVENT").nth(1).unwrap().split("};").next().unwrap();
    let mut kinds: BTreeSet<String> =
        NAMED_ELSEWHERE.iter().map(|kind| (*kind).to_owned()).collect();
    let house = root().join("server/crates/vending/src");
    for path in with_extension(&tracked(), &["rs"]).iter().filter(|p| p.starts_with(&house)) {
        let text = std::fs::read_to_string(path).unwrap();
        for call in ["timeline::add(", "timeline::add_by_id(", "advance(tx", "self.tell(tx"] {
            for (at, _) in text.match_indices(call) {
                let call = text[at..].split(';').next().unwrap();
                // The first text of the call; what is built there stands in the list above.
                let literal = call.split('"').nth(1).filter(|_| !call.contains("format!"));
                kinds.extend(literal.map(str::to_owned));
            }
        }
    }
    assert!(kinds.contains("placed") && kinds.contains("waiting-for-user"), "{kinds:?}");
    let has_words = |kind: &String| {
        events.contains(&format!("\t{kind}: [")) || events.contains(&format!("\t'{kind}': ["))
    };
    let missing: Vec<_> = kinds.iter().filter(|kind| !has_words(kind)).collect();
    assert!(missing.is_empty(), "without words: {missing:?}");
}
