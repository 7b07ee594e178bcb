//! One request on a bus: which meters answer, and which faults befall the answer.

use rand::Rng;

use crate::bus::{Bus, Passing};
use crate::clock::Now;
use crate::fault::{self, Noise};
use crate::knob::{Knob, Topic};
use crate::meter::{Message, Mood, encode, topic};
use crate::snapshot::Outcome;

/// FE bytes in front of a 645 or 188 answer.
const PREAMBLE: usize = 4;

impl Bus {
    /// Lets every meter that hears the message act; several answers at once overlap.
    pub(crate) fn exchange(&mut self, message: &Message, now: Now) -> Option<(Vec<u8>, Passing)> {
        let topic = topic(message);
        let mut line: Option<(Vec<u8>, Passing)> = None;
        let mut talked = Vec::new();
        for place in 0..self.meters.len() {
            if !self.meters[place].hears(message) {
                continue;
            }
            self.meters[place].advance(now);
            let (bytes, passing) = match self.ask(place, message, topic) {
                Ok(answer) => answer,
                Err(outcome) => {
                    self.meters[place].log(topic, now.sim_us, None, outcome);
                    continue;
                }
            };
            talked.push(place);
            line = Some(match line {
                None => (bytes, passing),
                Some((first, kept)) => (fault::overlap(&first, &bytes), kept),
            });
        }
        let ended = line.as_ref().map(|(bytes, _)| self.answered_at(now.sim_us, bytes.len()));
        for place in talked {
            self.meters[place].log(topic, now.sim_us, ended, Outcome::Answered);
        }
        line
    }

    /// One meter and its faults; the error says why no answer comes from it.
    fn ask(
        &mut self,
        place: usize,
        message: &Message,
        topic: Topic,
    ) -> Result<(Vec<u8>, Passing), Outcome> {
        if self.fires(place, Knob::Dead, topic).is_some() {
            return Err(Outcome::Silent);
        }
        if self.fires(place, Knob::DropRequest, topic).is_some() {
            return Err(Outcome::RequestLost);
        }
        let noisy = self.fires(place, Knob::Noise, topic).is_some();
        let noise = noisy.then(|| Noise::draw(&mut self.meters[place].rng));
        if noise == Some(Noise::Request) {
            return Err(Outcome::RequestLost);
        }
        let writes = writes(message);
        let mood = Mood {
            partly: writes && self.fires(place, Knob::PartialApply, topic).is_some(),
            absent: !writes && self.fires(place, Knob::Absent, topic).is_some(),
            cut: self.fires(place, Knob::Cut, topic).is_some(),
        };
        let reply = self.reply(place, message, topic, mood).ok_or(Outcome::Silent)?;
        if self.fires(place, Knob::DropReply, topic).is_some() {
            return Err(Outcome::ReplyLost);
        }
        let bytes = self.spoil(place, reply, topic, noise);
        Ok((bytes, self.passing(place, topic)))
    }

    /// The answer, or what a caching gateway remembers of an earlier equal read.
    fn reply(
        &mut self,
        place: usize,
        message: &Message,
        topic: Topic,
        mood: Mood,
    ) -> Option<Message> {
        if writes(message) || self.fires(place, Knob::Cache, topic).is_none() {
            return self.meters[place].answer(message, mood);
        }
        let key = encode(message, 0);
        let meter = &mut self.meters[place];
        if let Some(reply) = meter.remembered(&key) {
            return Some(reply);
        }
        let reply = meter.answer(message, mood)?;
        meter.remember(key, &reply);
        Some(reply)
    }

    /// What the faults make of the answer's bytes on the line.
    fn spoil(
        &mut self,
        place: usize,
        reply: Message,
        topic: Topic,
        noise: Option<Noise>,
    ) -> Vec<u8> {
        let mut reply = reply;
        if self.fires(place, Knob::WrongAddr, topic).is_some() {
            let next = (place + 1) % self.meters.len();
            let other = self.meters.get(next).filter(|_| next != place).map(|m| m.address);
            reply = fault::readdressed(reply, other);
        }
        let mut bytes = encode(&reply, PREAMBLE);
        if self.fires(place, Knob::Spontaneous, topic).is_some() {
            let mut unasked = fault::unasked(&self.meters[place]);
            unasked.append(&mut bytes);
            bytes = unasked;
        }
        if self.fires(place, Knob::Collide, topic).is_some() {
            let rng = &mut self.meters[place].rng;
            let other: Vec<u8> = bytes.iter().map(|b| b ^ rng.random_range(1..=0x0f)).collect();
            bytes = fault::overlap(&bytes, &other);
            // Two equal preambles hide the clash; the addresses never do.
            let address = PREAMBLE.min(bytes.len() - 1) + 1;
            if let Some(byte) = bytes.get_mut(address) {
                *byte = !*byte;
            }
        }
        match noise {
            Some(noise) => noise.spoil(bytes, &mut self.meters[place].rng),
            None => bytes,
        }
    }

    /// What the faults make of the answer behind the line, in DTU and network.
    fn passing(&mut self, place: usize, topic: Topic) -> Passing {
        let speed = self.speed;
        let wall_us = |ms: u64| ms * 1_000 * speed;
        let mut fires = |knob| self.fires(place, knob, topic);
        let mut passing = Passing {
            late_us: fires(Knob::Late).map_or(0, |s| wall_us(s.ms)),
            prefixed: fires(Knob::RegPrefix).is_some(),
            heartbeat_inside: fires(Knob::HbInside).is_some(),
            heartbeat_before: fires(Knob::Stuff).is_some(),
            split: None,
            merge: fires(Knob::Merge).map(|s| wall_us(s.ms)),
        };
        if let Some(setting) = self.fires(place, Knob::Split, topic) {
            let drawn = self.meters[place].rng.random_range(2..=5);
            let pieces = setting.value.map_or(drawn, |v| v.clamp(2, 64) as usize);
            passing.split = Some((pieces, wall_us(setting.ms)));
        }
        passing
    }
}

/// Whether a request changes the meter.
fn writes(message: &Message) -> bool {
    match message {
        Message::Dlt645(frame) => {
            let only_asks = frame.di().is_some_and(|di| di == 0x0781_02ff);
            matches!(frame.control, 0x14 | 0x1c | 0x04) || (frame.control == 0x03 && !only_asks)
        }
        Message::Cjt188(frame) => !matches!(frame.control, 0x01 | 0x03),
        Message::Modbus(pdu) => pdu.function > 0x04,
    }
}
