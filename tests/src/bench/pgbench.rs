//! T of `docs/performance.md`: what PostgreSQL does of TPC-B on this machine at this moment.

use std::process::Command;

/// Clients of the two runs whose better one counts.
const CLIENTS: [u32; 2] = [16, 32];

/// A database of its own on a server, filled by `pgbench -i`.
pub struct Pgbench {
    url: String,
    seconds: u32,
}

/// Runs a program to its end and answers what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output();
    let out = out.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} failed: {text}{errors}");
    text
}

/// The address of another database on the same server.
pub fn sibling(server: &str, name: &str) -> String {
    let (front, _) = server.rsplit_once('/').expect("an address with a database");
    format!("{front}/{name}")
}

/// Makes a fresh database and answers its address.
pub fn create_database(server: &str, name: &str) -> String {
    for sql in [format!("drop database if exists {name}"), format!("create database {name}")] {
        run("psql", &["-q", "-d", server, "-c", &sql]);
    }
    sibling(server, name)
}

impl Pgbench {
    /// Fills a fresh database; `scale` counts 100,000 accounts each.
    pub fn prepare(server: &str, scale: u32, seconds: u32) -> Pgbench {
        let url = create_database(server, "pgbench");
        for setting in ["fsync", "synchronous_commit"] {
            let value = run("psql", &["-Atq", "-d", &url, "-c", &format!("show {setting}")]);
            assert_eq!(value.trim(), "on", "the baseline must be durable too: {setting}");
        }
        run("pgbench", &["-q", "-i", "-s", &scale.to_string(), &url]);
        Pgbench { url, seconds }
    }

    /// Transactions a second: the better of 16 and 32 clients.
    pub fn measure(&self) -> f64 {
        CLIENTS.into_iter().map(|clients| self.tps(clients)).fold(0.0, f64::max)
    }

    fn tps(&self, clients: u32) -> f64 {
        let (clients, seconds) = (clients.to_string(), self.seconds.to_string());
        let line = ["-n", "-M", "prepared", "-j", "2", "-T", &seconds, "-c", &clients, &self.url];
        let text = run("pgbench", &line);
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        tps.unwrap_or_else(|| panic!("pgbench told no tps: {text}"))
    }
}
