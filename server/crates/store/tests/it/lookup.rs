//! What is asked every few seconds or for every page walks an index: counted in what the plan
//! visits, not in time.

use sea_orm::{ConnectionTrait, Statement};

use crate::base::Base;

/// What is asked, in the words of the store, and the index it has to walk.
const ASKED: &[(&str, &str)] = &[
    (
        "select * from orders where state = 'placed' and expires_at < 'x' order by expires_at",
        "orders_expires_at_some",
    ),
    (
        "select count(*) from relay_command c where c.project_id = 7 and c.kind = 'trip' \
         and c.issued_at >= 'x' and c.state <> 'cancelled'",
        "relay_command_kind_issued_at_idx",
    ),
    (
        "select count(*) from inbox where merchant_id = x'00' and received_at >= 'x'",
        "inbox_merchant_id_received_at_idx",
    ),
    (
        "select project_id, id from job where state = 'done' and ended_at < 'x' limit 9",
        "job_ended_at_done_some",
    ),
    (
        "select id from ledger_transaction where project_id = 7 and order_id = x'00'",
        "ledger_transaction_order_id_idx",
    ),
    (
        "select id from ledger_transaction where project_id = 7 and vend_id = x'00'",
        "ledger_transaction_vend_id_some",
    ),
    (
        "select id from ledger_transaction where project_id = 7 and hold_id = x'00'",
        "ledger_transaction_hold_id_some",
    ),
    // A tenant's page looks at these.
    (
        "select max(p.seq) from ledger_transaction t join posting p \
         on p.project_id = t.project_id and p.transaction_id = t.id \
         where t.project_id = 7 and t.order_id = x'00' and p.credit = 'x'",
        "ledger_transaction_order_id_idx",
    ),
    (
        "select p.seq from posting p join ledger_transaction t \
         on t.project_id = p.project_id and t.id = p.transaction_id \
         where p.project_id = 7 and p.debit = 'x' and p.seq > 0 and p.seq < 9 \
         order by p.seq desc limit 9",
        "posting_debit_seq_idx",
    ),
    (
        "select * from alarm where project_id = 7 and subject_id = 'x' \
         and raised_at >= 'x' order by raised_at desc",
        "alarm_subject_id_raised_at_idx",
    ),
    (
        "select * from orders where project_id = 7 and account_id = x'00' \
         and placed_at <= 'x' order by placed_at desc limit 9",
        "orders_account_id_placed_at_idx",
    ),
    (
        "select * from meter where project_id = 7 and account_id = x'00' limit 9",
        "meter_account_id_idx",
    ),
    (
        "select * from meter where project_id = 7 and room_id = x'00' and state <> 'removed' \
         limit 9",
        "meter_room_id_idx",
    ),
    // Every call from a phone begins with one of these.
    ("select * from identity where person_id = x'00'", "identity_person_id_idx"),
    ("select * from person_session where person_id = x'00'", "person_session_person_id_idx"),
    (
        "select * from home where person_id = x'00' and account_id = x'01'",
        "sqlite_autoindex_home_1",
    ),
    (
        "select * from binding where project_id = 7 and account_id = x'00' and ended_at is null",
        "binding_account_id",
    ),
    (
        "select * from meter_tag where project_id = 7 and meter_id = x'00' and revoked_at is null",
        "meter_tag_meter_id_only",
    ),
    (
        "select * from binding_request where person_id = x'00' order by created_at desc",
        "binding_request_person_id_created_at_idx",
    ),
    ("select * from notice where person_id = x'00' order by id desc", "notice_person_id_id_idx"),
    (
        "select count(*) from notice where person_id = x'00' and read_at is null",
        "notice_person_id_some",
    ),
    (
        "select * from notice_delivery where state = 'waiting' and next_at <= 'x' order by next_at",
        "notice_delivery_next_at_some",
    ),
    (
        "select * from shipping where state = 'waiting' and next_at <= 'x' order by next_at",
        "shipping_next_at_some",
    ),
    (
        "select * from order_tenant where person_id = x'00' order by placed_at desc",
        "order_tenant_person_id_placed_at_idx",
    ),
];

#[tokio::test]
async fn what_is_asked_again_and_again_walks_an_index() {
    let base = Base::sqlite();
    let store = base.store().await;
    for (sql, index) in ASKED {
        let plan = plan(store.read(), sql).await;
        assert!(plan.contains(index) && !plan.contains("SCAN"), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
    base.end().await;
}

async fn plan(db: &impl ConnectionTrait, sql: &str) -> String {
    let sql = format!("explain query plan {sql}");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let lines = rows.unwrap().into_iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    lines.collect::<Vec<_>>().join("\n")
}
