//! The judge: watches every step for broken rules and compares the books at the end.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    VendAction, VendEvent,
    vend::{Proof, SendOutcome},
};

use crate::meter::Meter;

/// What the platform believes of one order.
#[derive(Clone, Debug, Default)]
pub struct Order {
    pub amount_fen: i64,
    pub booked: u32,
    pub refunded: bool,
    pub by_persons: bool,
    pub count: Option<u32>,
    pub epoch: u32,
}

/// What is known of the vend on its way.
#[derive(Default)]
pub struct Watch {
    intent: Option<Option<u32>>,
    stopped: bool,
    sent: bool,
    proof: Option<Proof>,
    never_left: bool,
}

impl Watch {
    /// A person started the vend again, or it is a new one.
    pub fn restart(&mut self) {
        *self = Watch::default();
    }

    pub fn told(&mut self, event: VendEvent) {
        match event {
            VendEvent::ProofRead(proof) => self.proof = Some(proof),
            VendEvent::SendEnded(SendOutcome::NotSent) => self.never_left = true,
            _ => {}
        }
    }

    pub fn asked(
        &mut self,
        action: VendAction,
        platform_count: Option<u32>,
        counted: bool,
    ) -> Result<(), String> {
        match action {
            VendAction::PersistIntent { count } => {
                if let (Some(known), Some(count)) = (platform_count, count)
                    && count != known + 1
                {
                    return Err(format!("count {count} does not follow the platform's {known}"));
                }
                self.intent = Some(count);
            }
            VendAction::SendTopUp { count, .. } => {
                if self.stopped {
                    return Err("sent although the meter is quarantined".into());
                }
                if self.intent != Some(count) {
                    return Err(format!("sent {count:?} with the intent {:?}", self.intent));
                }
                let shown =
                    self.proof.is_some_and(|proof| counted && proof.count.map(|m| m + 1) == count);
                if self.sent && !self.never_left && !shown {
                    return Err("sent again without a proof that it was not taken".into());
                }
                (self.sent, self.never_left, self.proof) = (true, false, None);
            }
            VendAction::Quarantine { .. } => self.stopped = true,
            _ => {}
        }
        Ok(())
    }
}

/// The end of a life: the meter's log against the platform's books.
///
/// I5: the meter was given each order once, and exactly those that were booked. I7: refunded XOR
/// given. No two booked orders share a count of one epoch.
pub fn compare(orders: &[Order], meter: &Meter) -> Result<(), String> {
    let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let (mut booked_fen, mut given_fen) = (0, 0);
    for (no, order) in orders.iter().enumerate() {
        let times = meter.times(no);
        if times > 1 {
            return Err(format!("I5: order {no} is {times} times in the meter"));
        }
        if order.booked > 1 {
            return Err(format!("I5: order {no} was booked {} times", order.booked));
        }
        if order.refunded && times > 0 {
            return Err(format!("I7: order {no} was refunded and is in the meter"));
        }
        if order.refunded && order.booked > 0 {
            return Err(format!("I7: order {no} was refunded and booked"));
        }
        if !order.refunded && order.booked == 0 {
            return Err(format!("I2: order {no} was neither delivered nor refunded"));
        }
        if order.booked as usize != times {
            return Err(format!("I5: order {no} booked {} given {times}", order.booked));
        }
        booked_fen += order.amount_fen * i64::from(order.booked);
        if let (1, Some(count), false) = (order.booked, order.count, order.by_persons)
            && let Some(other) = counts.insert((order.epoch, count), no)
        {
            return Err(format!("I5: orders {other} and {no} share count {count}"));
        }
    }
    let ours: BTreeSet<usize> = meter.log.iter().filter_map(|given| given.order).collect();
    for given in meter.log.iter().filter(|given| given.order.is_some()) {
        given_fen += given.amount_fen;
    }
    if given_fen != booked_fen || ours.len() > orders.len() {
        return Err(format!("I5: the meter was given {given_fen} fen, booked are {booked_fen}"));
    }
    Ok(())
}
