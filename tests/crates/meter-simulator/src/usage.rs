//! Energy or water that flows with load and time, and what it costs. Everything is an integer:
//! amounts are kept in load × microseconds, so that no fraction is ever lost.

/// Load-microseconds in one watt-hour or litre.
pub(crate) const UNIT: u128 = 3_600_000_000;

/// Load-microseconds × price (1/10,000 yuan per 1,000 units) in one fen.
const FEN: u128 = UNIT * 1_000 * 100;

/// Number of tariffs: sharp, peak, flat, valley.
pub(crate) const TARIFFS: usize = 4;

/// Counters of what flowed, per tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    flowed: [u128; TARIFFS],
    cost_rest: u128,
    /// Totals and tariffs at the end of the last months, newest first (settlement 1..12).
    pub settled: Vec<[u64; TARIFFS + 1]>,
}

impl Usage {
    /// Starts at `amount` watt-hours or litres, all on the flat tariff.
    pub fn starting_at(amount: u64) -> Self {
        let mut flowed = [0; TARIFFS];
        flowed[2] = u128::from(amount) * UNIT;
        Self { flowed, cost_rest: 0, settled: Vec::new() }
    }

    /// Total, Wh or litres.
    pub fn total(&self) -> u64 {
        (self.flowed.iter().sum::<u128>() / UNIT) as u64
    }

    /// Total and tariffs sharp, peak, flat, valley in Wh or litres.
    pub fn all(&self) -> [u64; TARIFFS + 1] {
        let mut out = [0; TARIFFS + 1];
        out[0] = self.total();
        for (slot, flowed) in out[1..].iter_mut().zip(self.flowed) {
            *slot = (flowed / UNIT) as u64;
        }
        out
    }

    /// Lets `load` flow for `dt_us` in `tariff` at `price_e4` and returns its cost in whole fen;
    /// the fraction is kept for the next call.
    pub fn flow(&mut self, load: u64, dt_us: u64, tariff: usize, price_e4: u64) -> u64 {
        let amount = u128::from(load) * u128::from(dt_us);
        self.flowed[tariff.min(TARIFFS - 1)] += amount;
        let cost = amount * u128::from(price_e4) + self.cost_rest;
        self.cost_rest = cost % FEN;
        (cost / FEN) as u64
    }

    /// Microseconds after which `fen` are used up at this load and price; `None` when never.
    pub fn lasts_us(&self, load: u64, price_e4: u64, fen: u64) -> Option<u64> {
        let per_us = u128::from(load) * u128::from(price_e4);
        if per_us == 0 {
            return None;
        }
        let need = (u128::from(fen) * FEN).saturating_sub(self.cost_rest);
        Some(need.div_ceil(per_us) as u64)
    }

    /// Remembers the month's end, keeping twelve.
    pub fn settle(&mut self) {
        self.settled.insert(0, self.all());
        self.settled.truncate(12);
    }
}

/// Tariff by the hour of a usual day table: 0 sharp, 1 peak, 2 flat, 3 valley.
pub(crate) fn tariff_at(hour: u64) -> usize {
    match hour {
        19 | 20 => 0,
        8..=10 | 17 | 18 | 21 => 1,
        23 | 0..=6 => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kilowatt_for_an_hour_costs_the_price_whatever_the_steps() {
        for steps in [1u64, 7, 3_600] {
            let mut usage = Usage::starting_at(500);
            let mut fen = 0;
            for step in 0..steps {
                let dt = 3_600_000_000 / steps + u64::from(step < 3_600_000_000 % steps);
                fen += usage.flow(1_000, dt, 1, 6_150);
            }
            assert_eq!((usage.total(), fen, usage.all()[2]), (1_500, 61, 1_000), "{steps}");
        }
    }

    #[test]
    fn money_lasts_exactly_until_it_is_gone() {
        let mut usage = Usage::starting_at(0);
        let us = usage.lasts_us(2_000, 6_000, 120).unwrap();
        assert_eq!(us, 3_600_000_000);
        assert_eq!(usage.flow(2_000, us - 1, 2, 6_000), 119);
        assert_eq!(usage.flow(2_000, 1, 2, 6_000), 1);
        assert_eq!(usage.lasts_us(0, 6_000, 1), None);
    }
}
