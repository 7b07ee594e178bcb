//! Measures the goals of `docs/performance.md`: one section per sub-command, so that each has a
//! process and a memory of its own. `scripts/bench` runs them all.
//!
//! Rules: a baseline and its subject take turns in the same run and only their ratio counts;
//! durability stays on; a rate whose books do not pass the audit is not printed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod figure;
mod program;

mod credit;
mod idle;
mod light;
mod sweep;
mod tenant;

mod books;
mod callback;
mod sender;

mod disk;
mod pgbench;
mod process;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What every section is told.
#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// Shorter and fewer rounds: for trying things out, not for quoting.
    #[arg(long, global = true)]
    quick: bool,
    /// An empty folder for databases and keys, on the disk to be measured.
    #[arg(long, global = true, default_value = ".")]
    dir: PathBuf,
    /// The `simulator` binary.
    #[arg(long, global = true, default_value = "simulator")]
    simulator: PathBuf,
    /// The `yufu` binary.
    #[arg(long, global = true, default_value = "yufu")]
    yufu: PathBuf,
}

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures the goals of docs/performance.md")]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    section: Section,
}

#[derive(Debug, Subcommand)]
enum Section {
    /// Binary size, start time, idle memory (goals R4, R5).
    Program,
    /// Callback → credited against pgbench, on both databases (goals P1, P2, P3, P4).
    Credit {
        /// A PostgreSQL server whose user may create databases.
        #[arg(long)]
        postgres: String,
        /// Only in this process: not the goal, but it tells what HTTP costs.
        #[arg(long)]
        without_http: bool,
    },
    /// Payment → light on buses of 2400 baud (goals P8, P9).
    Light,
    /// The tenant's API over 100,000 accounts at 200 requests a second.
    Tenant,
    /// 100,000 meters on 3,125 buses against the physical limit (goals G1, G2).
    Sweep,
    /// 18,000 idle connections (goals G4, G5).
    Idle,
}

fn main() {
    let Line { common, section } = Line::parse();
    std::fs::create_dir_all(&common.dir).expect("a folder to work in");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match section {
            Section::Program => program::run(&common).await,
            Section::Credit { postgres, without_http } => {
                credit::run(&common, &postgres, without_http).await;
            }
            Section::Light => light::run(&common).await,
            Section::Tenant => tenant::run(&common).await,
            Section::Sweep => sweep::run(&common).await,
            Section::Idle => idle::run(&common).await,
        }
    });
}
