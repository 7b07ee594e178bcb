//! Tariff versions: added, never edited.

use domain::TariffId;
use store::tariff::Tariff;

use super::{
    cells::Cells,
    plan::{Maker, file},
};

/// Decimals of a price: micro-yuan.
const PRICE_DECIMALS: usize = 6;
/// The highest price, in micro-yuan.
const PRICE_MAX: i64 = domain::FlatPrice::MAX_MICRO_YUAN;

impl Maker<'_> {
    pub fn tariff(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        let name = cells.name("name");
        for key in ["purpose", "valid_from", "price"] {
            cells.needed(key);
        }
        let words: &[(&'static str, &[&str])] =
            &[("electricity", &["电"]), ("water", &["水"]), ("gas", &["气"])];
        let purpose = cells.choice("purpose", words);
        let valid_from = cells.date("valid_from").and_then(|day| self.day_start(day));
        let price = cells.decimal("price", PRICE_DECIMALS, PRICE_MAX);
        let (project, name) = (project?, name?);
        let named = (project, name.clone());
        let (Some(purpose), Some(valid_from), Some(micro_yuan)) = (purpose, valid_from, price)
        else {
            self.known.bad_tariffs.insert(named);
            return None;
        };
        let key = (project, name, valid_from.timestamp());
        let first = self.known.tariffs.mention(&key, cells.number);
        self.twice(cells, "valid_from", first)?;
        let of_name = self.known.tariff_names.get(&named);
        if of_name.is_some_and(|(_, known)| known != purpose) {
            cells.fault("purpose", "同名费率的用途不同", "the tariff of this name is for another");
            return None;
        }
        let old = self.known.tariffs.get(&key).cloned();
        if old.as_ref().is_some_and(|old| old.micro_yuan != micro_yuan) {
            let zh = "已有的费率版本不能改价，请用新的生效日期";
            cells.fault("price", zh, "a version is never edited: add one with another date");
            return None;
        }
        let new = old.clone().unwrap_or_else(|| Tariff {
            project_id: project,
            id: TariffId::generate(self.clock, self.rng).0,
            name: key.1.clone(),
            purpose: purpose.to_owned(),
            valid_from,
            micro_yuan,
            created_at: self.now,
        });
        file(&mut self.plan.tariffs, old.as_ref(), &new, |a, b| a == b);
        self.known.put_tariff(new);
        Some(())
    }
}
