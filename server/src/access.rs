//! Who may do what: roles, the permissions they hold, and in which projects.
//!
//! Every route of the operators' API names the permission it needs (`http::route`); nothing is
//! reachable that does not. Rights are read anew with every request, so that what an owner takes
//! away is gone at once (S10).

use std::{fmt, str::FromStr};

use domain::ProjectId;
use store::operator::{EVERYWHERE, OperatorRole};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $($(#[$vdoc:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value there is.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The stable name in the database and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// One thing somebody may do in a project.
    Perm,
    /// See rooms, meters, gateways, tariffs, alarms; names and phones only masked.
    ViewSite = "site.view",
    /// See orders, balances and deliveries.
    ViewMoney = "money.view",
    /// Place orders, take money at the counter, cancel.
    Sell = "order.sell",
    /// Sell a whole list of top-ups that were paid by hand.
    ImportTopUps = "order.import",
    /// Open and close accounts; see names and phones in full.
    ManageAccounts = "account.manage",
    /// Read a meter now.
    ReadMeter = "meter.read",
    /// Switch supply on, or keep it on whatever the balance.
    SwitchSupply = "supply.switch",
    /// Let a quarantined meter take money again.
    ReleaseMeter = "meter.release",
    /// Say, together with a second person, what became of a replaced meter.
    ReplaceMeter = "meter.replace",
    /// Send a delivery again, where nothing is in doubt.
    ResendVend = "vend.resend",
    /// Settle a delivery in doubt, together with a second person.
    SettleVend = "vend.settle",
    /// Tell WeChat again of a delivery it was not told of.
    ShipAgain = "shipping.again",
    /// Close work items.
    CloseWork = "work.close",
    /// Let parked jobs run again.
    RunJobs = "job.run",
    /// Prove the books and read the operation log.
    Audit = "audit",
    /// Take kiosks up and put them out, ask them for something, write what they show.
    ManageKiosks = "kiosk.manage",
    /// Create operators, give and take roles, end other people's logins.
    ManageOperators = "operator.manage",
}

named! {
    /// What an operator is in a project.
    Role,
    /// Answers for the site (负责人): may do everything.
    Owner = "owner",
    /// Runs the site day by day (运营): sells, opens and closes accounts, settles doubts.
    Operator = "operator",
    /// Takes money at the counter (收银).
    Cashier = "cashier",
    /// Looks after meters and gateways (维修).
    Engineer = "engineer",
    /// Looks at everything and changes nothing (审计).
    Auditor = "auditor",
}

/// The name is none of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such role")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Role::ALL.iter().copied().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl Role {
    /// What the role may do. A permission that is not listed is not held.
    pub const fn perms(self) -> &'static [Perm] {
        use Perm::*;
        match self {
            Role::Owner => Perm::ALL,
            Role::Operator => &[
                ViewSite,
                ViewMoney,
                Sell,
                ImportTopUps,
                ManageAccounts,
                ReadMeter,
                SwitchSupply,
                ReplaceMeter,
                ResendVend,
                SettleVend,
                ShipAgain,
                CloseWork,
                ManageKiosks,
            ],
            Role::Cashier => &[ViewSite, ViewMoney, Sell, ReadMeter],
            Role::Engineer => &[
                ViewSite,
                ViewMoney,
                ReadMeter,
                SwitchSupply,
                ReleaseMeter,
                ReplaceMeter,
                ResendVend,
                SettleVend,
                CloseWork,
                RunJobs,
                ManageKiosks,
            ],
            Role::Auditor => &[ViewSite, ViewMoney, Audit],
        }
    }

    /// True if the role may do it.
    pub fn may(self, perm: Perm) -> bool {
        self.perms().contains(&perm)
    }
}

/// The projects an operator reaches, with their roles there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Vec<(ProjectId, Role)>);

/// What a look at somebody's rights found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is theirs to do.
    Granted,
    /// They see the project, but may not do this in it.
    Denied,
    /// The project is none of theirs: it answers as if it did not exist (S8).
    Invisible,
}

impl Reach {
    /// Reads stored roles. A name that is no role gives no right.
    pub fn of(rows: &[OperatorRole]) -> Reach {
        let known = |row: &OperatorRole| Some((ProjectId(row.project_id), row.role.parse().ok()?));
        Reach(rows.iter().filter_map(known).collect())
    }

    /// The roles in a project; those held everywhere count in each.
    pub fn roles_in(&self, project: ProjectId) -> impl Iterator<Item = Role> {
        let here = move |(at, _): &&(ProjectId, Role)| *at == project || *at == EVERYWHERE;
        self.0.iter().filter(here).map(|(_, role)| *role)
    }

    /// Whether something may be done in a project.
    pub fn access(&self, project: ProjectId, perm: Perm) -> Access {
        let mut roles = self.roles_in(project).peekable();
        if roles.peek().is_none() {
            return Access::Invisible;
        }
        if roles.any(|role| role.may(perm)) { Access::Granted } else { Access::Denied }
    }

    /// Whether something may be done that concerns the whole site.
    pub fn everywhere(&self, perm: Perm) -> bool {
        self.0.iter().any(|(at, role)| *at == EVERYWHERE && role.may(perm))
    }

    /// Whether a project is visible at all.
    pub fn sees(&self, project: ProjectId) -> bool {
        self.roles_in(project).next().is_some()
    }

    /// Every role with its project, for showing.
    pub fn roles(&self) -> &[(ProjectId, Role)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(roles: &[(i64, &str)]) -> Reach {
        let row = |(project_id, role): &(i64, &str)| OperatorRole {
            operator_id: uuid::Uuid::nil(),
            project_id: *project_id,
            role: (*role).to_owned(),
        };
        Reach::of(&roles.iter().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn a_role_counts_in_its_project_and_an_unknown_project_is_invisible() {
        use Access::*;
        type Row = (&'static [(i64, &'static str)], i64, Perm, Access);
        let table: &[Row] = &[
            (&[(1, "cashier")], 1, Perm::Sell, Granted),
            (&[(1, "cashier")], 1, Perm::ManageAccounts, Denied),
            (&[(1, "cashier")], 2, Perm::Sell, Invisible),
            (&[(0, "auditor")], 2, Perm::Audit, Granted),
            (&[(0, "auditor")], 2, Perm::Sell, Denied),
            (&[(0, "auditor"), (2, "cashier")], 2, Perm::Sell, Granted),
            (&[(0, "auditor"), (2, "cashier")], 1, Perm::Sell, Denied),
            (&[(1, "king")], 1, Perm::ViewSite, Invisible),
            (&[], 1, Perm::ViewSite, Invisible),
        ];
        for (roles, project, perm, want) in table {
            assert_eq!(reach(roles).access(ProjectId(*project), *perm), *want, "{roles:?} {perm}");
        }
    }

    #[test]
    fn only_an_owner_of_everything_manages_operators() {
        let table: &[(&[(i64, &str)], bool)] =
            &[(&[(0, "owner")], true), (&[(1, "owner")], false), (&[(0, "operator")], false)];
        for (roles, want) in table {
            assert_eq!(reach(roles).everywhere(Perm::ManageOperators), *want, "{roles:?}");
        }
    }

    #[test]
    fn the_auditor_changes_nothing_and_the_cashier_settles_nothing() {
        let looks = [Perm::ViewSite, Perm::ViewMoney, Perm::Audit];
        assert!(Role::Auditor.perms().iter().all(|perm| looks.contains(perm)));
        for perm in [Perm::SettleVend, Perm::ManageOperators, Perm::ReleaseMeter, Perm::ShipAgain] {
            assert!(!Role::Cashier.may(perm), "{perm}");
        }
        assert!(Perm::ALL.iter().all(|perm| Role::Owner.may(*perm)));
    }
}
