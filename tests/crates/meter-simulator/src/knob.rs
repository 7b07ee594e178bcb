//! The faults a meter or bus can be told to show, one per row of facts H.1, drawn from a seeded
//! generator so that the same seed gives the same faults.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A fault, named as the bracketed names of facts H.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// The meter acts, its answer is lost (H.1 row 1).
    DropReply,
    /// The request is lost before the meter.
    DropRequest,
    /// The meter applies part of a write and refuses it (row 2).
    PartialApply,
    /// Garbage in front, preamble missing, a byte changed, or the request garbled (row 3).
    Noise,
    /// A second connection registers with the same identity and has no meters (row 4).
    DupId,
    /// The answer arrives in several TCP segments, `value` pieces, `ms` apart (row 5).
    Split,
    /// The answer is held back and glued to the next one, for `ms` at most (row 5).
    Merge,
    /// Another meter talks over the answer (row 6).
    Collide,
    /// The answer carries another meter's address (row 7).
    WrongAddr,
    /// The answer comes `ms` too late (row 8).
    Late,
    /// At once: `value` purchases of `amount_fen` made elsewhere (row 9).
    CountJump,
    /// At once: another meter hangs there, count 0, not opened (row 10).
    Replaced,
    /// At once: the clock is `value` seconds off (row 11).
    Clock,
    /// Relay or valve accepts commands and does not move (row 12).
    RelayStuck,
    /// Programming is locked: every password is refused (row 13).
    Lock,
    /// Site only: every DTU drops and all return after `ms` (row 14).
    Storm,
    /// The DTU forgets its socket without closing it and dials again after `ms` (row 15).
    HalfOpen,
    /// The registration stands in front of the packet (row 16).
    RegPrefix,
    /// A heartbeat lands inside the answer (row 16).
    HbInside,
    /// A heartbeat byte FE directly in front of the answer (row 17).
    Stuff,
    /// An unasked frame of the same meter in front of the answer (row 18).
    Spontaneous,
    /// The follow-up frame is never sent (row 19).
    Cut,
    /// Reads are answered from what an earlier equal read returned (row 20).
    Cache,
    /// Power flows backwards: sign bits of current and power are set (row 21).
    Sign,
    /// The item is answered with all FF (row 22).
    Absent,
    /// The DTU drops the connection on a request and redials after `ms`; `value` 0 loses the
    /// request, 1 loses only the answer, none tosses a coin.
    Reconnect,
    /// The meter is dead: no answer at all.
    Dead,
}

impl Knob {
    /// Every fault, in the order of H.1.
    pub const ALL: [Self; 27] = [
        Self::DropReply,
        Self::DropRequest,
        Self::PartialApply,
        Self::Noise,
        Self::DupId,
        Self::Split,
        Self::Merge,
        Self::Collide,
        Self::WrongAddr,
        Self::Late,
        Self::CountJump,
        Self::Replaced,
        Self::Clock,
        Self::RelayStuck,
        Self::Lock,
        Self::Storm,
        Self::HalfOpen,
        Self::RegPrefix,
        Self::HbInside,
        Self::Stuff,
        Self::Spontaneous,
        Self::Cut,
        Self::Cache,
        Self::Sign,
        Self::Absent,
        Self::Reconnect,
        Self::Dead,
    ];
}

/// How often and how a fault shows. Delays of faults are in the server's time, not scaled: they
/// exist to race the server's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setting {
    /// Probability in percent, 0 switches the fault off.
    pub percent: u8,
    /// How many times it may still fire; none means without end.
    pub times: Option<u32>,
    /// Only for requests with this control or function code (03H, 1CH, 10H, …).
    pub on: Option<u8>,
    /// Only for requests of this data identifier or first register.
    pub di: Option<u32>,
    /// A delay in milliseconds of the server's time; what it delays is said at the fault.
    pub ms: u64,
    /// A number; what it counts is said at the fault.
    pub value: Option<i64>,
    /// Amount of each foreign purchase of `count_jump`, fen.
    pub amount_fen: u32,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            percent: 100,
            times: None,
            on: None,
            di: None,
            ms: 50,
            value: None,
            amount_fen: 5_000,
        }
    }
}

impl Setting {
    /// Fires with this probability, for ever.
    pub fn percent(percent: u8) -> Self {
        Self { percent, ..Self::default() }
    }

    /// Fires on each of the next `times` occasions.
    pub fn times(times: u32) -> Self {
        Self { times: Some(times), ..Self::default() }
    }

    /// The same with a delay in milliseconds of the server's time.
    pub fn with_ms(self, ms: u64) -> Self {
        Self { ms, ..self }
    }

    /// The same with a number.
    pub fn with_value(self, value: i64) -> Self {
        Self { value: Some(value), ..self }
    }

    /// The same for one control or function code only.
    pub fn on(self, control: u8) -> Self {
        Self { on: Some(control), ..self }
    }

    /// The same for one data identifier or first register only.
    pub fn on_di(self, di: u32) -> Self {
        Self { di: Some(di), ..self }
    }
}

/// What a request asks for, as far as a fault may choose by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// Control or function code.
    pub control: u8,
    /// Data identifier or first register, 0 when the request has none.
    pub di: u32,
}

/// The faults set on one meter or bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnobSet(BTreeMap<Knob, Setting>);

impl KnobSet {
    /// Sets a fault; percent 0 removes it.
    pub fn set(&mut self, knob: Knob, setting: Setting) {
        if setting.percent == 0 {
            self.0.remove(&knob);
        } else {
            self.0.insert(knob, setting);
        }
    }

    /// The setting, when the fault is on.
    pub fn get(&self, knob: Knob) -> Option<Setting> {
        self.0.get(&knob).copied()
    }

    /// True when the fault is switched on at all.
    pub fn is_on(&self, knob: Knob) -> bool {
        self.0.contains_key(&knob)
    }

    /// Throws the dice for one occasion; counts down `times`.
    pub fn fires(&mut self, knob: Knob, topic: Topic, rng: &mut ChaCha8Rng) -> Option<Setting> {
        let setting = self.0.get_mut(&knob)?;
        let meant = setting.on.is_none_or(|c| c == topic.control)
            && setting.di.is_none_or(|di| di == topic.di);
        if !meant || setting.times == Some(0) || rng.random_range(0..100u8) >= setting.percent {
            return None;
        }
        if let Some(times) = setting.times.as_mut() {
            *times -= 1;
        }
        let fired = *setting;
        if fired.times == Some(0) {
            self.0.remove(&knob);
        }
        Some(fired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_fault_fires_as_often_as_told_and_only_on_its_topic() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut set = KnobSet::default();
        let top_up = Topic { control: 0x03, di: 0x0701_02ff };
        let read = Topic { control: 0x11, di: 0x0001_0000 };
        set.set(Knob::DropReply, Setting::times(2).on(0x03));
        assert_eq!(set.fires(Knob::DropReply, read, &mut rng), None);
        assert!(set.fires(Knob::DropReply, top_up, &mut rng).is_some());
        assert!(set.fires(Knob::DropReply, top_up, &mut rng).is_some());
        assert_eq!(set.fires(Knob::DropReply, top_up, &mut rng), None);
        assert!(!set.is_on(Knob::DropReply));
        set.set(Knob::Noise, Setting::percent(20));
        let hits = (0..1000).filter(|_| set.fires(Knob::Noise, read, &mut rng).is_some()).count();
        assert!((150..250).contains(&hits), "{hits}");
        set.set(Knob::Noise, Setting::percent(0));
        assert!(!set.is_on(Knob::Noise));
    }

    #[test]
    fn every_fault_has_its_name_of_the_fact_sheet() {
        let names: Vec<String> = Knob::ALL
            .iter()
            .map(|knob| serde_json::to_string(knob).unwrap().trim_matches('"').to_owned())
            .collect();
        for name in ["drop_reply", "partial_apply", "dup_id", "half_open", "hb_inside", "cache"] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        assert_eq!(names.len(), 27);
    }
}
