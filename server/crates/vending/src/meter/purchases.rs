//! What a meter says of its own purchases: the evidence beside a quarantine (H.1 no. 9).

use chrono::{DateTime, Utc};
use domain::{MeterId, ProjectId, vend::QuarantineReason};
use gateway::{Action, Item, MeterCommand, Priority, Value, profile::purchase_log::RECORDS_MAX};
use serde_json::{Value as Json, json};
use store::{
    meter::{self, Meter},
    work_item,
};

use crate::{
    house::House,
    refusal::{Refusal, Result, VendingError},
};

/// How long the log may wait for its turn on the bus.
const QUEUE_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// One purchase as the meter remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The meter's count after it; `None` where its log tells none.
    pub count: Option<i64>,
    /// How much, in fen.
    pub amount_fen: Option<i64>,
    /// When, by the meter's clock.
    pub at: Option<DateTime<Utc>>,
}

impl House {
    /// Reads the meter's own log of its last purchases, the newest first; empty places are left
    /// out.
    ///
    /// Errors: [`Refusal::NotSupported`] where the model keeps none, [`Refusal::MeterSilent`] and
    /// [`Refusal::GatewayOffline`] where it cannot be read just now.
    pub async fn read_purchases(
        &self,
        project: ProjectId,
        id: MeterId,
        records: u8,
    ) -> Result<Vec<Purchase>> {
        let row = meter::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
        let profile = self.gateway().profiles().get(&row.profile);
        if profile.is_none_or(|profile| profile.purchase_log.is_none()) {
            return Err(Refusal::NotSupported.into());
        }
        self.purchases_of(&row, records).await
    }

    async fn purchases_of(&self, row: &Meter, records: u8) -> Result<Vec<Purchase>> {
        let command = MeterCommand {
            meter: row.id,
            action: Action::ReadPurchases { records },
            priority: Priority::OnDemand,
            not_after: Some(self.clock().monotonic() + QUEUE_TIME_MAX),
            operator_tag: 0,
        };
        let told = self.gateway().execute(command).await.map_err(|failure| match failure {
            gateway::CommandFailure::Offline => Refusal::GatewayOffline,
            gateway::CommandFailure::Unsupported(_) => Refusal::NotSupported,
            _ => Refusal::MeterSilent,
        })?;
        let purchases = told.records().into_iter().map(purchase);
        Ok(purchases.filter(|purchase| purchase.amount_fen.is_some_and(|fen| fen != 0)).collect())
    }

    /// Puts what the meter says of the purchases that are not ours beside its quarantine, so that
    /// whoever decides has evidence. The quarantine stands already; a meter that cannot be read
    /// leaves it without.
    pub(crate) async fn note_purchases(
        &self,
        row: &Meter,
        order: domain::OrderId,
        (reason, known, seen): (QuarantineReason, Option<u32>, Option<u32>),
    ) {
        use QuarantineReason::{CountAhead, CountJumped, OtherPurchase};
        let jumped = matches!(reason, CountAhead | CountJumped | OtherPurchase);
        let Some((known, seen)) = known.zip(seen).filter(|_| jumped) else { return };
        let records = seen.saturating_sub(known).clamp(1, u32::from(RECORDS_MAX));
        let noted = match self.purchases_of(row, records as u8).await {
            Ok(purchases) => self.keep_purchases(row, order, known, purchases).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(meter = row.meter_no, %error, "the purchase log could not be noted");
        }
    }

    async fn keep_purchases(
        &self,
        row: &Meter,
        order: domain::OrderId,
        known: u32,
        purchases: Vec<Purchase>,
    ) -> Result<()> {
        let foreign = |purchase: &&Purchase| purchase.count.is_none_or(|n| n > i64::from(known));
        let foreign: Vec<Json> = purchases.iter().filter(foreign).map(shown).collect();
        let more = json!({
            "platform_count": known,
            "foreign_purchases": foreign,
            "log_read_at": self.now(),
        });
        let (project, subject) = (row.project(), order.0.to_string());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    work_item::add_detail(tx, project, "vend.quarantined", &subject, &more).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }
}

fn purchase(record: &[(Item, Value)]) -> Purchase {
    let number = |wanted: Item| {
        record.iter().find(|(item, _)| *item == wanted).and_then(|(_, value)| value.number())
    };
    Purchase {
        count: number(Item::PurchaseCount),
        amount_fen: number(Item::LastPurchaseAmount),
        at: number(Item::LastPurchaseTime).and_then(|s| DateTime::from_timestamp(s, 0)),
    }
}

/// A purchase as a work item shows it.
fn shown(purchase: &Purchase) -> Json {
    json!({ "count": purchase.count, "amount_fen": purchase.amount_fen, "at": purchase.at })
}
