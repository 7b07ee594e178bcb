//! The one reducer: whatever a provider proves — by callback, query or bill — becomes money here,
//! once.

use chrono::TimeDelta;
use connector::{PaymentFact, PaymentStatus};
use domain::{
    AttemptId, AttemptState, Money, MoneyModel, NoticeKind, OrderId, OrderState, ProjectId,
};
use serde_json::json;
use store::{
    Tx,
    attempt::{self, Attempt},
    credit::{Credit, Credited, Target},
    fact::{self, ProviderFact},
    meter::Meter,
    order::{self, Order},
    timeline,
    work_item::{self, WorkItem},
};

use crate::{
    house::House,
    job,
    merchant::Merchant,
    notice::{self, fact::Fact},
    order::advance,
    posting,
    refusal::{Result, VendingError},
};

/// Which way a fact came. Loss, repetition and order of the ways do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The provider called.
    Callback,
    /// We asked.
    Query,
    /// It stood in the daily bill.
    Bill,
}

impl Source {
    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Callback => "callback",
            Source::Query => "query",
            Source::Bill => "bill",
        }
    }
}

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduced {
    /// The money was booked now.
    Credited,
    /// The same fact was known before; nothing changed.
    Already,
    /// A second payment of an order that was already paid: booked as unmatched, to be paid back.
    Duplicate,
    /// The amount is not the order's: booked as unmatched, held for a person.
    Mismatch,
    /// No order of ours has this number (yet): kept in the inbox, to be told again.
    Unmatched,
    /// The same trade was told before with another amount or order: the books keep what was first,
    /// nothing moved, a person is told.
    Contradiction,
    /// The fact says that nothing was paid; there is nothing to book.
    NothingPaid,
}

impl House {
    /// Turns a verified payment fact into money, or into a case for a person.
    ///
    /// Invariant: at most one credit per provider trade number and per order, for ever (I3); the
    /// unique keys decide, not this look; proved by
    /// `one_payment_told_ten_times_at_once_is_credited_once`.
    pub async fn reduce(
        &self,
        merchant: &Merchant,
        fact: &PaymentFact,
        source: Source,
        raw: &[u8],
    ) -> Result<Reduced> {
        if fact.status != PaymentStatus::Paid {
            return Ok(Reduced::NothingPaid);
        }
        let target = self.store().target_of(merchant.id, &fact.out_trade_no).await?;
        let Some(Target { attempt, order, meter }) = target else {
            return Ok(Reduced::Unmatched);
        };
        let (Some(total), Some(trade_no)) = (fact.total, fact.provider_trade_no.as_deref()) else {
            // Paid, but in another currency or without a number: real money that cannot be booked.
            return self.hold_unbookable(merchant, &order, fact, source).await;
        };
        let facts = Facts { merchant, fact, source, raw, trade_no, total };
        if total != attempt.amount() || total != order.amount() {
            return self.review(&facts, &attempt, Verdict::Mismatch).await;
        }
        let credit = self.credit_of(&facts, &order, &attempt, meter.as_ref())?;
        match self.apply(&order, credit).await? {
            Credited::New => Ok(Reduced::Credited),
            Credited::Already => Ok(Reduced::Already),
            Credited::NeedsReview => self.review(&facts, &attempt, Verdict::Duplicate).await,
        }
    }

    /// Money in a currency we keep no books in is never credited and never forgotten: the order is
    /// held if it waits for money, and a person is told once (F4 no. 9).
    async fn hold_unbookable(
        &self,
        merchant: &Merchant,
        order: &Order,
        fact: &PaymentFact,
        source: Source,
    ) -> Result<Reduced> {
        let (house, now, id) = (self.clone(), self.now(), order.order_id());
        let project = order.project();
        let trade_no = fact.provider_trade_no.clone().unwrap_or_default();
        let name = ["unbookable", &merchant.merchant_no, &fact.out_trade_no, &trade_no];
        let item_id = work_item::id_of(&name);
        let detail = json!({
            "provider_trade_no": fact.provider_trade_no,
            "out_trade_no": fact.out_trade_no,
            "source": source.as_str(),
            "reason": "currency",
        });
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let Some(order) = order::by_id(tx, project, id).await? else {
                        return Ok(Reduced::Unmatched);
                    };
                    let item = Verdict::Mismatch.work_item(&house, &order, detail.clone(), now);
                    if !work_item::open_once(tx, WorkItem { id: item_id.0, ..item }).await? {
                        return Ok(Reduced::Already);
                    }
                    if waits_for_money(&order)? {
                        advance(tx, &order, OrderState::Held, now, "held", detail).await?;
                        Verdict::Mismatch.tell(tx, &house, &order, None).await?;
                    } else {
                        timeline::add(tx, &order, "mismatch", now, detail).await?;
                    }
                    Ok::<_, VendingError>(Reduced::Mismatch)
                })
            })
            .await
    }

    /// Everything the credit changes, decided beforehand, so that the store only has to apply it.
    fn credit_of(
        &self,
        facts: &Facts<'_>,
        order: &Order,
        attempt: &Attempt,
        meter: Option<&Meter>,
    ) -> Result<Credit> {
        let now = self.now();
        let model = meter.map(Meter::money_model).transpose()?;
        let next = match model {
            Some(MoneyModel::MeterHeld) => job::vend_parts(self, order, meter, now),
            _ => job::supply_parts(self, order, meter, now),
        }?;
        let merchant = (facts.merchant.provider, facts.merchant.id);
        let transaction = posting::payment_received(self, order, merchant, facts.trade_no, now)?;
        let credit = Credit {
            fact: facts.row(self, order.id, "credited", Some(transaction.id.0)),
            order: order.clone(),
            attempt: Some(attempt.id),
            bookings: std::iter::once(transaction).chain(next.held).collect(),
            vend: next.vend,
            jobs: next.jobs,
            items: Vec::new(),
            events: vec![
                (
                    "paid".to_owned(),
                    now,
                    json!({
                        "paid_at": facts.fact.paid_at,
                        "provider": facts.merchant.provider.as_str(),
                        "provider_trade_no": facts.trade_no,
                        "source": facts.source.as_str(),
                        "amount_fen": facts.total.fen(),
                    }),
                ),
                (
                    "credited".to_owned(),
                    now + TimeDelta::microseconds(1),
                    json!({ "purse": posting::purse_of_order(order)?.to_string() }),
                ),
            ],
            at: now,
        };
        let served = posting::served(order, meter).is_some();
        Ok(if served { credit } else { self.undeliverable(order, credit) })
    }

    /// The slow path: real money that fits no order as it should is booked as unmatched, and a
    /// person is told. It is never dropped and never credited on a guess (F4 no. 8, 9).
    async fn review(
        &self,
        facts: &Facts<'_>,
        attempt: &Attempt,
        verdict: Verdict,
    ) -> Result<Reduced> {
        let now = self.now();
        let house = self.clone();
        let (project, order_id) = (attempt.project(), attempt.order());
        let attempt_id = attempt.attempt_id();
        let transaction = posting::payment_unmatched(
            self,
            (project, order_id),
            (facts.merchant.provider, facts.merchant.id),
            (facts.trade_no, facts.total),
            verdict == Verdict::Duplicate,
            now,
        )
        .map_err(VendingError::from)?;
        let row = facts.row(self, order_id.0, verdict.as_str(), Some(transaction.id.0));
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let known = fact::by_trade_no(
                        tx,
                        project,
                        row.provider.parse()?,
                        &row.merchant_no,
                        &row.provider_trade_no,
                    );
                    if let Some(known) = known.await? {
                        return contradict(tx, &house, &known, &row).await;
                    }
                    let Some(order) = order::by_id(tx, project, order_id).await? else {
                        return Ok(Reduced::Unmatched);
                    };
                    store::ledger::post(tx, &transaction).await?;
                    let detail = json!({
                        "provider_trade_no": row.provider_trade_no,
                        "paid_fen": row.amount_fen,
                        "order_fen": order.amount_fen,
                    });
                    let item = verdict.work_item(&house, &order, detail.clone(), now);
                    let paid_fen = row.amount_fen;
                    fact::insert(tx, row).await?;
                    work_item::open(tx, item).await?;
                    end_attempt(tx, project, attempt_id).await?;
                    if verdict == Verdict::Mismatch && waits_for_money(&order)? {
                        advance(tx, &order, OrderState::Held, now, "held", detail).await?;
                    } else {
                        timeline::add(tx, &order, verdict.as_str(), now, detail).await?;
                    }
                    verdict.tell(tx, &house, &order, Some(paid_fen)).await?;
                    Ok::<_, VendingError>(verdict.reduced())
                })
            })
            .await
    }
}

/// True while the order may still be credited.
fn waits_for_money(order: &Order) -> Result<bool> {
    Ok(matches!(order.state()?, OrderState::Placed | OrderState::Closed))
}

/// The provider took the money: there is nothing more to ask about this attempt.
async fn end_attempt(tx: &Tx, project: ProjectId, id: AttemptId) -> Result<()> {
    let Some(row) = attempt::by_id(tx, project, id).await? else { return Ok(()) };
    if row.state()?.needs_query() {
        let state = Some(AttemptState::Paid);
        let paid = attempt::Change { state, next_check_at: Some(None), ..Default::default() };
        attempt::change(tx, &row, paid).await?;
    }
    Ok(())
}

/// Compares a payment that is told again with what was told first. The books keep the first; what
/// differs from it moves nothing, and a person is told once.
///
/// Invariant: no confirmed fact that contradicts the books stays silent; proved by
/// `a_payment_told_again_with_another_amount_moves_nothing_and_is_shown_once`.
async fn contradict(
    tx: &Tx,
    house: &House,
    known: &ProviderFact,
    told: &ProviderFact,
) -> Result<Reduced> {
    let told_before = (&known.out_trade_no, known.amount_fen, known.order_id);
    if told_before == (&told.out_trade_no, told.amount_fen, told.order_id) {
        return Ok(Reduced::Already);
    }
    let (amount, now) = (told.amount_fen.to_string(), house.now());
    let (merchant, trade_no) = (&told.merchant_no, &told.provider_trade_no);
    let name = ["contradiction", merchant, trade_no, &told.out_trade_no, &amount];
    let detail = json!({
        "provider_trade_no": trade_no,
        "booked": { "out_trade_no": known.out_trade_no, "fen": known.amount_fen },
        "told": { "out_trade_no": told.out_trade_no, "fen": told.amount_fen },
        "source": told.source,
    });
    let order = known.order_id.or(told.order_id).map(OrderId);
    let project = ProjectId(told.project_id);
    let subject = ("order", order.map(|id| id.to_string()).unwrap_or_default());
    let kind = "payment.contradiction";
    let titles = ("同一笔交易前后说法不一", "One payment told in two ways");
    let item = notice::work_item_about(house, project, subject, kind, titles, &detail);
    let item = WorkItem { id: work_item::id_of(&name).0, ..item };
    if !work_item::open_once(tx, item).await? {
        return Ok(Reduced::Already);
    }
    if let Some(order) = order {
        timeline::add_by_id(tx, project, order, "contradicted", now, detail).await?;
    }
    Ok(Reduced::Contradiction)
}

/// A fact with everything known about it.
struct Facts<'a> {
    merchant: &'a Merchant,
    fact: &'a PaymentFact,
    source: Source,
    raw: &'a [u8],
    trade_no: &'a str,
    total: Money,
}

impl Facts<'_> {
    fn row(
        &self,
        house: &House,
        order: uuid::Uuid,
        verdict: &str,
        transaction: Option<uuid::Uuid>,
    ) -> ProviderFact {
        ProviderFact {
            project_id: self.merchant.project.0,
            provider: self.merchant.provider.as_str().to_owned(),
            merchant_no: self.merchant.merchant_no.clone(),
            provider_trade_no: self.trade_no.to_owned(),
            id: domain::TransactionId::generate(house.clock(), house.rng()).0,
            out_trade_no: self.fact.out_trade_no.clone(),
            order_id: Some(order),
            kind: "payment".to_owned(),
            amount_fen: self.total.fen(),
            source: self.source.as_str().to_owned(),
            received_at: house.now(),
            paid_at: self.fact.paid_at,
            payer: self.fact.payer.clone(),
            payer_total_fen: self.fact.payer_total.map(Money::fen),
            raw: self.raw.to_vec(),
            verdict: verdict.to_owned(),
            transaction_id: transaction,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Duplicate,
    Mismatch,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Duplicate => "duplicate",
            Verdict::Mismatch => "mismatch",
        }
    }

    fn reduced(self) -> Reduced {
        match self {
            Verdict::Duplicate => Reduced::Duplicate,
            Verdict::Mismatch => Reduced::Mismatch,
        }
    }

    /// Notes what the people of the account are told of it.
    async fn tell(
        self,
        tx: &Tx,
        house: &House,
        order: &Order,
        paid_fen: Option<i64>,
    ) -> Result<()> {
        let kind = match self {
            Verdict::Duplicate => NoticeKind::Refunded,
            Verdict::Mismatch => NoticeKind::Held,
        };
        let told = Fact::of_order(kind, order, house.now());
        let told = Fact { amount_fen: paid_fen.or(told.amount_fen), ..told };
        let reason = format!("{}:{}", self.as_str(), order.id);
        Ok(notice::fact::note(tx, house, order.project(), (&told, &reason)).await?)
    }

    fn work_item(
        self,
        house: &House,
        order: &Order,
        detail: serde_json::Value,
        at: chrono::DateTime<chrono::Utc>,
    ) -> WorkItem {
        let (kind, zh, en) = match self {
            Verdict::Duplicate => {
                ("payment.duplicate", "收到两笔付款，多付的要原路退回", "Paid twice, pay one back")
            }
            Verdict::Mismatch => {
                ("payment.mismatch", "金额对不上，已暂停入账", "The amount differs, held")
            }
        };
        notice::work_item(house, order, kind, (zh, en), detail, at)
    }
}
