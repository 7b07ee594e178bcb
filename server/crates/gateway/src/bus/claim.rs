//! Two connections, one registration: which is right?

use std::{mem, sync::atomic::Ordering};

use tokio::time::Instant;

use super::Bus;
use crate::{
    conn::{Ask, Outcome},
    event::{GatewayEvent, OfflineReason},
    query::{MeterAddress, Target},
    timing::Timing,
    wire::Wire,
};

/// How often both connections are asked before the present one counts as failed.
pub const CLAIM_ROUNDS_MAX: u8 = 2;

/// How many meters are asked on each connection in a round.
const PROBES: usize = 2;

impl Bus {
    /// Settles a claim. `Some`: the connection that was there has to go, and the claimant follows.
    ///
    /// Invariant: while two connections claim the line no relay and no top-up is sent, and the one
    /// whose meters answer stays (tests `h1_04_two_dtus_with_one_id_are_weighed_by_their_meters`,
    /// `h1_04_no_relay_or_top_up_while_two_connections_claim_a_line`).
    pub(super) async fn settle(&mut self, wire: &mut Wire) -> Option<OfflineReason> {
        let heartbeat = self.plan.line.heartbeat;
        let quiet = !heartbeat.is_zero() && wire.silence() > heartbeat * 2;
        let askable = self.plan.meters.iter().any(|meter| !meter.profile.read.is_empty());
        let mut replace = quiet || !askable;
        let mut settled = replace;
        for _ in 0..CLAIM_ROUNDS_MAX {
            if settled {
                break;
            }
            if let Some(reason) = self.take_waiting(wire) {
                return Some(reason);
            }
            if wire.closed().is_some() {
                (replace, settled) = (true, true);
            } else if self.probe(wire).await {
                (replace, settled) = (false, true);
            } else {
                // While the claimant is out of its place no message is taken, so that no command
                // slips in as if the line were nobody's but ours.
                if let Some(reason) = self.take_waiting(wire) {
                    return Some(reason);
                }
                let conn = self.claimant.take()?;
                let mut other = Wire::Stream(conn);
                let answered = self.probe(&mut other).await;
                let gone = other.closed().is_some();
                if let Wire::Stream(conn) = other {
                    self.claimant = Some(conn);
                }
                (replace, settled) = (answered && !gone, answered || gone);
            }
        }
        // The present connection failed every probe and the claimant is no worse: it is newer.
        let replace = replace || !settled;
        self.status.contested.store(false, Ordering::Relaxed);
        self.claim_rest = Some(Instant::now() + self.shared.timing.claim_rest);
        let claimant = self.claimant.take()?;
        let kept = if replace { claimant.remote } else { wire.remote() };
        let gateway = self.plan.line.gateway;
        self.shared
            .outbox
            .event(GatewayEvent::DuplicateSettled { gateway, kept: kept.to_string() });
        if replace {
            self.claimant = Some(claimant);
            return Some(wire.closed().unwrap_or(OfflineReason::Replaced));
        }
        None
    }

    fn take_waiting(&mut self, wire: &Wire) -> Option<OfflineReason> {
        while let Ok(message) = self.inbox.try_recv() {
            if let Some(reason) = self.take(*message, wire) {
                return Some(reason);
            }
        }
        None
    }

    /// Whether a meter of this line answers through a connection.
    async fn probe(&mut self, wire: &mut Wire) -> bool {
        let mut meters: Vec<usize> = (0..self.plan.meters.len()).collect();
        let scans = self.schedule.scans();
        meters.sort_by_key(|at| scans.get(*at).map_or(0, |scan| scan.misses()));
        for at in meters.into_iter().take(PROBES) {
            let meter = &self.plan.meters[at];
            let first = meter.reads.first().copied().unwrap_or(0);
            let Some(read) = meter.profile.read.get(usize::from(first)) else { continue };
            self.serial = self.serial.wrapping_add(1);
            let target = Target {
                profile: &meter.profile,
                address: meter.address,
                password: None,
                serial: self.serial,
                operator_tag: 0,
            };
            let Ok(query) = target.read(read) else { continue };
            let (baud, patience) = (self.plan.baud(), self.patience(at));
            let expected = super::exchange::expected(meter, read);
            let quirks = &meter.profile.quirks;
            let timeout = Timing::line_time(baud, query.length(quirks) + expected) + patience;
            let ask = Ask { query: &query, quirks, baud, patience, expected, frames: None };
            let outcome = wire.ask(&self.shared, ask).await;
            mem::take(wire.value());
            let answered = matches!(outcome, Outcome::Answer(_));
            if !answered {
                let quiet = self.quiet_after(timeout);
                let address: Option<MeterAddress> = self.plan.wire();
                wire.drain(quiet, address, &self.shared).await;
            }
            self.note_strays(wire, Some(at as u16));
            if answered {
                return true;
            }
        }
        false
    }
}
