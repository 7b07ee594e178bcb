//! Accounts: opened with their room; the meters of the room become theirs.

use domain::AccountId;
use store::account::Account;

use super::{
    cells::Cells,
    plan::{Maker, file},
};

/// Digits of a customer number.
const CUSTOMER_DIGITS: usize = 12;

impl Maker<'_> {
    pub fn account(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        cells.needed("account_no");
        let number = cells.matching("account_no", |text| {
            (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        let name = cells.name("name");
        let phone = cells.phone("phone");
        let customer = cells.matching("customer_no", |text| {
            text.len() == CUSTOMER_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
        });
        let opened = cells.date("opened_on").and_then(|day| self.day_start(day));
        let protected = cells.yes_no("protected");
        let project = project?;
        let room = self.room_of(cells, project);
        let key = (project, number?);
        let first = self.known.accounts.mention(&key, cells.number);
        self.twice(cells, "account_no", first)?;
        let old = self.known.accounts.get(&key).cloned();
        let (room, name) = (room?, name?);
        let new = match &old {
            Some(old) => {
                self.unchangeable(cells, old, room.id, customer.as_deref())?;
                Account {
                    name,
                    phone: phone.or_else(|| old.phone.clone()),
                    protected: protected.unwrap_or(old.protected),
                    version: old.version + 1,
                    ..old.clone()
                }
            }
            None => {
                if self.known.open_in_room.contains_key(&room.id) {
                    cells.fault("room", "房间已有在用的户", "the room has an open account");
                    return None;
                }
                let customer_no = customer.or_else(|| self.padded(cells, &key.1))?;
                Account {
                    project_id: project,
                    id: AccountId::generate(self.clock, self.rng).0,
                    account_no: key.1,
                    room_id: room.id,
                    name,
                    phone,
                    customer_no,
                    state: "open".to_owned(),
                    opened_at: opened.unwrap_or(self.now),
                    closed_at: None,
                    protected: protected.unwrap_or(false),
                    version: 1,
                }
            }
        };
        file(&mut self.plan.accounts, old.as_ref(), &new, |a, b| {
            (&a.name, &a.phone, a.protected) == (&b.name, &b.phone, b.protected)
        });
        self.known.put_account(new);
        Some(())
    }

    /// Room and customer number of an account follow it from opening to closing.
    fn unchangeable(
        &self,
        cells: &mut Cells<'_>,
        old: &Account,
        room: uuid::Uuid,
        customer: Option<&str>,
    ) -> Option<()> {
        if !old.is_open() {
            cells.fault("account_no", "户已销，不能再导入", "the account is closed");
            return None;
        }
        if old.room_id != room {
            let zh = "已开户的房间不能用导入更改，请销户后重开";
            cells.fault("room", zh, "an open account stays in its room: close it, open another");
            return None;
        }
        if customer.is_some_and(|customer| customer != old.customer_no) {
            let zh = "客户编号已写入电表，不能用导入更改";
            cells.fault("customer_no", zh, "the meter holds it, an import may not change it");
            return None;
        }
        Some(())
    }

    /// The account number as a customer number, where it is one.
    fn padded(&self, cells: &mut Cells<'_>, number: &str) -> Option<String> {
        if number.len() <= CUSTOMER_DIGITS && number.bytes().all(|b| b.is_ascii_digit()) {
            return Some(format!("{number:0>CUSTOMER_DIGITS$}"));
        }
        let zh = "户号不是 12 位以内的数字，须填客户编号";
        cells.fault("customer_no", zh, "the account number is not of digits, so it is needed");
        None
    }
}
