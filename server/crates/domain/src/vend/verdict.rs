//! The table of proof: what happened to a purchase, told only by the meter's registers.

use super::{
    proof::{BalanceCheck, Intent, Proof, balance_gap},
    state::QuarantineReason,
};

/// What two proofs, one from before and one from after the sending, say about a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The meter holds this purchase.
    Applied {
        /// Whether the balance agrees; a disagreement is shown and never undoes the purchase.
        balance: BalanceCheck,
    },
    /// The meter did not take it so far. Permits sending the *same* count again, nothing else: a
    /// copy may still sit in a DTU's queue (H.0 step 7).
    NotApplied,
    /// The registers match neither before nor after: the meter took a part (H.1 no. 2).
    Partial,
    /// The registers cannot be explained by this purchase.
    Quarantine(QuarantineReason),
    /// A register needed for the verdict was not there.
    Unreadable,
    /// Uncounted profile: the balance did not move. It may still land, so this proves nothing.
    NotSeen,
    /// Uncounted profile: the balance moved, but not by the amount.
    Unexplained,
}

/// Judges a purchase by the table of `meters.md` H.0 step 4, and by nothing else.
///
/// Invariant: without the meter's own count and amount nothing counts as applied and nothing as
/// not applied (I6); proved by `the_table_of_proof_decides`.
///
/// Two rows are stricter than the table: an unchanged count with a changed last amount or with a
/// balance that rose is a part of a purchase (H.1 no. 2, matrix 11X), because sending again could
/// then pay twice.
pub fn decide(before: &Proof, after: &Proof, intent: &Intent) -> Verdict {
    if let (Some(was), Some(is)) = (before.identity, after.identity)
        && was != is
    {
        return Verdict::Quarantine(QuarantineReason::MeterReplaced);
    }
    match intent.count {
        Some(count) => by_count(before, after, intent, count),
        None => by_balance(before, after, intent),
    }
}

fn by_count(before: &Proof, after: &Proof, intent: &Intent, count: u32) -> Verdict {
    let (Some(m0), Some(m1)) = (before.count, after.count) else {
        return Verdict::Unreadable;
    };
    if m1 == count {
        return match bought_fen(before, after) {
            None => Verdict::Unreadable,
            Some(fen) if fen == intent.amount_fen => {
                Verdict::Applied { balance: check_balance(before, after, intent) }
            }
            Some(_) => Verdict::Quarantine(QuarantineReason::OtherPurchase),
        };
    }
    if m1 < m0 {
        return Verdict::Quarantine(QuarantineReason::CountFell);
    }
    if m1 > m0 {
        return Verdict::Quarantine(QuarantineReason::CountJumped);
    }
    match (before.last_amount_fen, after.last_amount_fen) {
        (Some(_), None) => return Verdict::Unreadable,
        (Some(a0), Some(a1)) if a0 != a1 => return Verdict::Partial,
        _ => {}
    }
    if money_came_in(before, after, intent) { Verdict::Partial } else { Verdict::NotApplied }
}

/// Whether the balance shows money that the count does not. Use alone never raises a balance,
/// whatever the meter's own prices are; and a fall that fits the purchase better than it fits the
/// use alone is one too.
fn money_came_in(before: &Proof, after: &Proof, intent: &Intent) -> bool {
    let (Some(net0), Some(net1)) = (before.net_fen(), after.net_fen()) else {
        return false;
    };
    let with = balance_gap(before, after, intent, intent.amount_fen);
    let without = balance_gap(before, after, intent, 0);
    net1 > net0 || (with == Some(None) && without != Some(None))
}

/// The amount of the newest purchase: the register itself, or else the growth of the total.
fn bought_fen(before: &Proof, after: &Proof) -> Option<i64> {
    let grown = || after.cumulative_fen?.checked_sub(before.cumulative_fen?);
    after.last_amount_fen.or_else(grown)
}

fn check_balance(before: &Proof, after: &Proof, intent: &Intent) -> BalanceCheck {
    if let (Some(t0), Some(t1)) = (before.cumulative_fen, after.cumulative_fen) {
        let by_fen = t1.saturating_sub(t0).saturating_sub(intent.amount_fen);
        if by_fen != 0 {
            return BalanceCheck::TotalDiffers { by_fen };
        }
    }
    match balance_gap(before, after, intent, intent.amount_fen) {
        None => BalanceCheck::NotReadable,
        Some(None) => BalanceCheck::Agrees,
        Some(Some(by_fen)) => BalanceCheck::Differs { by_fen },
    }
}

fn by_balance(before: &Proof, after: &Proof, intent: &Intent) -> Verdict {
    let with = balance_gap(before, after, intent, intent.amount_fen);
    let without = balance_gap(before, after, intent, 0);
    match (with, without) {
        (None, _) | (_, None) => Verdict::Unreadable,
        // An amount as small as the tolerance could be read either way: a person decides.
        (Some(None), Some(None)) => Verdict::Unexplained,
        (Some(None), _) => Verdict::Applied { balance: BalanceCheck::Agrees },
        (_, Some(None)) => Verdict::NotSeen,
        _ => Verdict::Unexplained,
    }
}
