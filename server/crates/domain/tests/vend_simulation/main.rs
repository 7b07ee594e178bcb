//! Twenty thousand lives of vends against a reference meter, in virtual time.
//!
//! Three books that cannot influence each other are compared at the end of every life: what the
//! meter logged, what the vends said, and what was refunded. `YUFU_SEED` repeats a run.

mod meter;
mod monitor;
mod subject;
mod trace;
mod world;

use domain::{Rng, SeededRng};

use subject::{Bug, Planted, Product, Subject};
use trace::Trace;
use world::World;

const LIVES: u64 = 20_000;

fn seed() -> u64 {
    let seed = std::env::var("YUFU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026);
    println!("YUFU_SEED={seed}");
    seed
}

/// One life; the trace tells it, and an error says what was wrong in it.
fn live(seed: u64, subject: &dyn Subject, trace: &mut Trace) -> Result<world::Tally, String> {
    let rng = SeededRng::new(seed);
    World::new(&rng, subject, trace).run()
}

/// Lives until the first that goes wrong.
fn lives(seed: u64, count: u64, subject: &dyn Subject) -> Result<world::Tally, (u64, String)> {
    let mut total = world::Tally::default();
    for life in 0..count {
        let one = seed.wrapping_mul(1_000_003).wrapping_add(life);
        total.add(&live(one, subject, &mut Trace::hashed()).map_err(|wrong| (one, wrong))?);
    }
    Ok(total)
}

#[test]
fn twenty_thousand_lifetimes_agree_with_the_meter() {
    match lives(seed(), LIVES, &Product) {
        Ok(total) => {
            println!("{total:?}");
            assert!(total.vends >= LIVES, "{total:?}");
            // A run that meets no trouble proves nothing.
            let troubles = [
                total.delivered_after_doubt,
                total.quarantined,
                total.settled_by_persons,
                total.refunded,
                total.crashes,
                total.late_copies,
            ];
            assert!(troubles.iter().all(|n| *n > LIVES / 50), "{total:?}");
        }
        Err((one, wrong)) => {
            let mut trace = Trace::kept();
            let _ = live(one, &Product, &mut trace);
            panic!("life {one}: {wrong}\n{}", trace.text());
        }
    }
}

#[test]
fn the_same_seed_lives_the_same_lives() {
    let seed = seed();
    let told = |seed: u64| {
        let mut trace = Trace::hashed();
        for life in 0..200 {
            live(seed.wrapping_add(life), &Product, &mut trace).unwrap();
        }
        trace.hash()
    };
    assert_eq!(told(seed), told(seed));
    assert_ne!(told(seed), told(SeededRng::new(seed).below(u64::MAX)));
}

#[test]
fn every_planted_bug_is_caught() {
    let seed = seed();
    let mut uncaught = Vec::new();
    for bug in Bug::ALL {
        match lives(seed, LIVES, &Planted(bug)) {
            Err((_, wrong)) => println!("{bug:?}: {wrong}"),
            Ok(_) => uncaught.push(bug),
        }
    }
    assert!(uncaught.is_empty(), "nobody noticed {uncaught:?}");
}
