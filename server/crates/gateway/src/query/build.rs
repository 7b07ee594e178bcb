//! From an action and a profile to requests.

use chrono::{DateTime, Datelike, Duration, Timelike, Utc};
use meter_protocol::{
    MeterTime,
    cjt188::{self, DiOrder, Dialect, MeterType},
    dlt645::{self, CustomerNo, FeeControl, Operator, Password, Prepaid, RelayAction},
    dlt645_1997, modbus,
};

use super::{MeterAddress, Query};
use crate::{
    command::RelayCommand,
    profile::{Profile, Protocol, Read, Relay, RelayForm, TopUpForm, field::METER_UTC_OFFSET_S},
};

/// The meter a request is built for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub profile: &'a Profile,
    pub address: MeterAddress,
    /// A password of the site's own, instead of the profile's.
    pub password: Option<crate::line::Password>,
    /// Repeated by CJ/T 188 meters; differs between neighbouring requests.
    pub serial: u8,
    pub operator_tag: u32,
}

/// Reads an address as a profile's protocol writes it: twelve digits, fourteen digits, or a slave
/// number 1 to 247.
pub(crate) fn address(protocol: Protocol, text: &str) -> Result<MeterAddress, String> {
    match protocol {
        Protocol::Dlt645 | Protocol::Dlt645V1997 => {
            let address: dlt645::Address = text.parse().map_err(said)?;
            match address.is_exact() {
                true => Ok(MeterAddress::Dlt645(address)),
                false => Err(format!("{text} is not the address of one meter")),
            }
        }
        Protocol::Cjt188 => {
            let address: cjt188::Address = text.parse().map_err(said)?;
            match address.is_exact() {
                true => Ok(MeterAddress::Cjt188(address)),
                false => Err(format!("{text} is not the address of one meter")),
            }
        }
        Protocol::Modbus => match text.parse::<u8>() {
            Ok(slave @ 1..=247) => Ok(MeterAddress::Modbus(slave)),
            _ => Err(format!("{text} is not a slave number 1 to 247")),
        },
    }
}

/// A meter's time for a moment, or what is wrong with the moment.
pub(crate) fn meter_time(moment: DateTime<Utc>) -> Result<MeterTime, String> {
    let local = (moment + Duration::seconds(METER_UTC_OFFSET_S)).naive_utc();
    let year = u16::try_from(local.year()).unwrap_or(0);
    let [month, day] = [local.month(), local.day()].map(|n| n as u8);
    let [hour, minute, second] = [local.hour(), local.minute(), local.second()].map(|n| n as u8);
    MeterTime::new(year, month, day, hour, minute, second).map_err(said)
}

impl Target<'_> {
    /// One of the profile's reads.
    pub(crate) fn read(&self, read: &Read) -> Result<Query, String> {
        let identifier = read.identifier.map_or(0, |identifier| identifier.number);
        match (self.address, self.profile.protocol) {
            (MeterAddress::Dlt645(address), Protocol::Dlt645V1997) => {
                let di = dlt645_1997::Di(identifier as u16);
                let command = dlt645_1997::Command::Read(di);
                dlt645_1997::Request::new(address, command).map(Query::Dlt645V1997).map_err(said)
            }
            (MeterAddress::Dlt645(address), _) => {
                let request = dlt645::Request::read(address, dlt645::Di(identifier));
                request.map(Query::Dlt645).map_err(said)
            }
            (MeterAddress::Cjt188(_), _) => {
                self.cjt188(cjt188::Command::Read(cjt188::Di(identifier as u16)))
            }
            (MeterAddress::Modbus(slave), _) => {
                let (start, count) = (read.register.unwrap_or(0), read.count.unwrap_or(0));
                let request = match read.function {
                    Some(4) => modbus::Request::read_input(slave, start, count),
                    _ => modbus::Request::read_holding(slave, start, count),
                };
                request.map(Query::Modbus).map_err(said)
            }
        }
    }

    /// The next part of a long value whose first part was `query`.
    pub(crate) fn follow_up(&self, query: &Query, sequence: u8) -> Option<Query> {
        match (query, self.address) {
            (Query::Dlt645(request), MeterAddress::Dlt645(address)) => {
                let di = request.command().di()?;
                let command = dlt645::Command::ReadFollowUp { di, sequence };
                dlt645::Request::new(address, command).ok().map(Query::Dlt645)
            }
            (Query::Dlt645V1997(request), MeterAddress::Dlt645(address)) => {
                let dlt645_1997::Command::Read(di) = request.command() else { return None };
                let command = dlt645_1997::Command::ReadFollowUp(di);
                dlt645_1997::Request::new(address, command).ok().map(Query::Dlt645V1997)
            }
            _ => None,
        }
    }

    /// A top-up.
    pub(crate) fn top_up(
        &self,
        amount_fen: i64,
        count: u32,
        customer_no: &str,
    ) -> Result<Query, String> {
        let amount_fen = u32::try_from(amount_fen).ok().filter(|amount| *amount > 0);
        let amount_fen = amount_fen.ok_or("the amount does not fit a meter")?;
        let prepaid = match self.profile.top_up.form {
            TopUpForm::None => return Err("the model takes no money".to_owned()),
            TopUpForm::FeeControl => Prepaid::Recharge(FeeControl {
                operator: Operator(self.operator_tag),
                amount_fen,
                purchase_count: count,
                // Meters of this form without a key server take zeros (`meters.md`, first of the
                // three things to know).
                mac_amount: [0; 4],
                customer: customer_no.parse::<CustomerNo>().map_err(said)?,
                mac_customer: [0; 4],
            }),
            TopUpForm::OrderNumber => Prepaid::OrderRecharge(dlt645::OrderFamily {
                amount_fen,
                order_no: format!("{count:016}").parse().map_err(said)?,
            }),
        };
        self.dlt645(dlt645::Command::Prepaid(prepaid))
    }

    /// A relay or valve command, obeyed until `valid_until` where the meter checks it.
    pub(crate) fn relay(
        &self,
        command: RelayCommand,
        valid_until: DateTime<Utc>,
    ) -> Result<Query, String> {
        let relay = self.profile.relay.as_ref().ok_or("the model has no relay")?;
        if !relay.commands.contains(&command) {
            return Err(format!("the model does not take {command:?}"));
        }
        match relay.form {
            RelayForm::Dlt645Control => self.dlt645_relay(relay, command, valid_until),
            RelayForm::ModbusWrite => {
                let values = if command == RelayCommand::Trip { &relay.trip } else { &relay.close };
                let values = values.as_deref().unwrap_or_default();
                let MeterAddress::Modbus(slave) = self.address else {
                    return Err("no Modbus address".to_owned());
                };
                let start = relay.register.unwrap_or(0);
                let request = modbus::Request::write_multiple(slave, start, values);
                request.map(Query::Modbus).map_err(said)
            }
            RelayForm::Cjt188Valve => {
                self.cjt188(cjt188::Command::Valve { open: command == RelayCommand::Close })
            }
        }
    }

    /// One of the two writes that set a clock: 0 the date, 1 the time.
    pub(crate) fn set_clock(&self, part: u8, now: DateTime<Utc>) -> Result<Query, String> {
        let clock = self.profile.clock.as_ref().ok_or("the model's clock cannot be set")?;
        let time = meter_time(now)?;
        let [ss, mm, hh, day, month, year] = time.second_first();
        let (di, value) = match part {
            0 => (0x0400_0101, vec![time.weekday(), day, month, year]),
            _ => (0x0400_0102, vec![ss, mm, hh]),
        };
        self.dlt645(dlt645::Command::Write {
            di: dlt645::Di(di),
            password: self.password(clock.level, &clock.password)?,
            operator: Operator(self.operator_tag),
            value,
        })
    }

    /// The time for every meter of the line.
    pub(crate) fn broadcast_time(&self, now: DateTime<Utc>) -> Result<Query, String> {
        let time = meter_time(now)?;
        match self.profile.protocol {
            Protocol::Dlt645 => {
                let command = dlt645::Command::BroadcastTime(time);
                let request = dlt645::Request::new(dlt645::Address::BROADCAST, command);
                request.map(Query::Dlt645).map_err(said)
            }
            Protocol::Dlt645V1997 => {
                let command = dlt645_1997::Command::BroadcastTime(time);
                let request = dlt645_1997::Request::new(dlt645::Address::BROADCAST, command);
                request.map(Query::Dlt645V1997).map_err(said)
            }
            _ => Err("the model's protocol has no broadcast of the time".to_owned()),
        }
    }

    /// The address of the only meter on the line.
    pub(crate) fn read_address(&self) -> Result<Query, String> {
        match self.profile.protocol {
            Protocol::Dlt645 => {
                let command = dlt645::Command::ReadAddress;
                let request = dlt645::Request::new(dlt645::Address::WILDCARD, command);
                request.map(Query::Dlt645).map_err(said)
            }
            Protocol::Cjt188 => {
                let kind = MeterType(self.profile.quirks.meter_type);
                let command = cjt188::Command::ReadAddress;
                let anyone = cjt188::Address::WILDCARD;
                let request =
                    cjt188::Request::new(kind, anyone, command, self.serial, self.dialect());
                request.map(Query::Cjt188).map_err(said)
            }
            _ => Err("the model's protocol cannot tell an address".to_owned()),
        }
    }

    fn dlt645(&self, command: dlt645::Command) -> Result<Query, String> {
        let MeterAddress::Dlt645(address) = self.address else {
            return Err("no DL/T 645 address".to_owned());
        };
        dlt645::Request::new(address, command).map(Query::Dlt645).map_err(said)
    }

    fn cjt188(&self, command: cjt188::Command) -> Result<Query, String> {
        let MeterAddress::Cjt188(address) = self.address else {
            return Err("no CJ/T 188 address".to_owned());
        };
        let kind = MeterType(self.profile.quirks.meter_type);
        let request = cjt188::Request::new(kind, address, command, self.serial, self.dialect());
        request.map(Query::Cjt188).map_err(said)
    }

    fn dialect(&self) -> Dialect {
        let high_first = self.profile.quirks.di_high_first;
        let order = if high_first { DiOrder::HighFirst } else { DiOrder::LowFirst };
        Dialect { read_order: order, write_order: order, status_mirrored: false }
    }

    fn dlt645_relay(
        &self,
        relay: &Relay,
        command: RelayCommand,
        valid_until: DateTime<Utc>,
    ) -> Result<Query, String> {
        let password = relay.password.as_deref().unwrap_or_default();
        let authority = dlt645::RelayAuthority::Plain {
            password: self.password(relay.level.unwrap_or(0), password)?,
            action: match command {
                RelayCommand::Close => RelayAction::DirectClose,
                RelayCommand::AllowClose => RelayAction::AllowClose,
                RelayCommand::Trip => RelayAction::Trip,
                RelayCommand::KeepPower => RelayAction::KeepPower,
                RelayCommand::Unkeep => RelayAction::EndKeepPower,
            },
            delay_five_minutes: 0,
            valid_until: meter_time(valid_until)?,
        };
        let operator = Operator(self.operator_tag);
        self.dlt645(dlt645::Command::Relay(dlt645::Relay { operator, authority }))
    }

    fn password(&self, level: u8, factory: &str) -> Result<Password, String> {
        let number = match self.password {
            Some(own) => own.number().ok_or("the meter's own password is not known")?,
            None => factory.parse().map_err(said)?,
        };
        Password::new(level, number).map_err(said)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
