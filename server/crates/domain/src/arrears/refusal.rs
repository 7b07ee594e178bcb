//! Why a supply is not cut, in words an operator can act on.

use std::{fmt, str::FromStr};

use crate::{id::IdError, provider::named_enum};

named_enum! {
    /// Why a supply is not cut now. The first rule that forbids it is named.
    TripRefusal, "trip refusal",
    /// The big red switch is thrown.
    TripsStopped = "trips-stopped",
    /// The house runs in safe mode after a restore.
    SafeMode = "safe-mode",
    /// A migration is running.
    Migrating = "migrating",
    /// The database is failing over.
    DatabaseDoubtful = "database-doubtful",
    /// The wall clock jumped a short while ago.
    ClockStepped = "clock-stepped",
    /// The project never trips.
    NeverTrips = "never-trips",
    /// The supply is off already.
    AlreadyOff = "already-off",
    /// Nothing is owed.
    NotInArrears = "not-in-arrears",
    /// The debt lies within the emergency credit.
    WithinOverdraft = "within-overdraft",
    /// The user is protected.
    UserProtected = "user-protected",
    /// Keep power is set.
    KeepPower = "keep-power",
    /// The meter or one of its readings is in quarantine.
    MeterQuarantined = "meter-quarantined",
    /// There is no reading.
    NoReading = "no-reading",
    /// The reading is estimated or doubtful.
    ReadingDoubtful = "reading-doubtful",
    /// The reading is too old, or from the future.
    ReadingStale = "reading-stale",
    /// The meter has not been read again for this decision.
    ReadingNotVerified = "reading-not-verified",
    /// A purchase of this meter is not settled.
    VendInDoubt = "vend-in-doubt",
    /// The balance was read too long ago.
    BalanceStale = "balance-stale",
    /// A payment may be under way.
    PaymentPending = "payment-pending",
    /// Money came in after the balance was read.
    CreditedSince = "credited-since",
    /// Supply is being restored.
    SupplyWanted = "supply-wanted",
    /// Today is a day without trips.
    NoTripDay = "no-trip-day",
    /// It is a protected hour.
    ProtectedHours = "protected-hours",
    /// It is a friendly hour.
    FriendlyHours = "friendly-hours",
    /// The project trips at another time of the day.
    NotTheTime = "not-the-time",
    /// The project has used up its trips of this hour.
    ProjectBudgetSpent = "project-budget-spent",
    /// The building has used up its trips of this hour.
    BuildingBudgetSpent = "building-budget-spent",
}

impl TripRefusal {
    /// The reason in Chinese and in English.
    pub fn texts(self) -> (&'static str, &'static str) {
        use TripRefusal::*;
        match self {
            TripsStopped => ("已启用禁止拉闸总开关", "all trips are stopped by the main switch"),
            SafeMode => ("系统处于安全模式", "the system runs in safe mode"),
            Migrating => ("系统正在升级", "a migration is running"),
            DatabaseDoubtful => ("数据库状态不确定", "the database cannot be trusted now"),
            ClockStepped => ("系统时钟刚发生跳变", "the clock jumped a short while ago"),
            NeverTrips => ("本项目不拉闸", "this project never trips"),
            AlreadyOff => ("已处于断开状态", "the supply is off already"),
            NotInArrears => ("未欠费", "nothing is owed"),
            WithinOverdraft => ("在透支额度内", "the debt is within the emergency credit"),
            UserProtected => ("受保护用户", "the user is protected"),
            KeepPower => ("已设置保电", "keep power is set"),
            MeterQuarantined => ("表计或读数已隔离", "the meter or a reading is in quarantine"),
            NoReading => ("没有读数", "there is no reading"),
            ReadingDoubtful => ("读数存疑或为估算", "the reading is doubtful or estimated"),
            ReadingStale => ("读数过期", "the reading is too old"),
            ReadingNotVerified => ("读数未经复核", "the meter was not read again to verify"),
            VendInDoubt => ("有未确认的购电下发", "a purchase of this meter is not settled"),
            BalanceStale => ("余额数据过期", "the balance was read too long ago"),
            PaymentPending => ("有支付正在进行", "a payment may be under way"),
            CreditedSince => ("计算余额后又有到账", "money came in after the balance was read"),
            SupplyWanted => ("正在恢复供电", "supply is being restored"),
            NoTripDay => ("今日为不拉闸日", "today is a day without trips"),
            ProtectedHours => ("处于保护时段", "this is a protected hour"),
            FriendlyHours => ("处于友好时段", "this is a friendly hour"),
            NotTheTime => ("未到每日拉闸时间", "the project trips at another time of the day"),
            ProjectBudgetSpent => {
                ("项目本小时拉闸数已达上限", "the project's hourly budget is spent")
            }
            BuildingBudgetSpent => {
                ("楼栋本小时拉闸数已达上限", "the building's hourly budget is spent")
            }
        }
    }

    /// The reason in Chinese.
    pub fn zh(self) -> &'static str {
        self.texts().0
    }

    /// The reason in English.
    pub fn en(self) -> &'static str {
        self.texts().1
    }
}
