//! The migrated schema holds its own rules, on both databases.

use std::collections::BTreeMap;

use migrations::{GLOBAL_TABLES, Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Iterable, Statement};
use store::{Store, StoreError, entity};

use crate::{
    base::Base,
    site::{PROJECT, build, credit, place},
};

async fn rows(db: &impl ConnectionTrait, sql: &str, columns: usize) -> Vec<Vec<String>> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    let cells = |row: &sea_orm::QueryResult| {
        (0..columns).map(|c| row.try_get_by_index(c).unwrap()).collect()
    };
    rows.iter().map(cells).collect()
}

fn tables_sql(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => {
            "select name from sqlite_master where type = 'table' \
             and name not like 'sqlite_%' and name <> 'seaql_migrations' order by 1"
        }
        _ => {
            "select tablename::text from pg_tables where schemaname = current_schema() \
             and tablename <> 'seaql_migrations' order by 1"
        }
    }
}

async fn tables(db: &impl ConnectionTrait) -> Vec<String> {
    let found = rows(db, tables_sql(db.get_database_backend()), 1).await;
    found.into_iter().flatten().collect()
}

/// (table, key) and its columns, of primary and unique keys.
async fn keys(db: &impl ConnectionTrait) -> BTreeMap<(String, String), Vec<String>> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "select m.name, l.name, i.name from sqlite_master m \
             join pragma_index_list(m.name) l join pragma_index_info(l.name) i \
             where m.type = 'table' and l.\"unique\" = 1 order by m.name, l.name, i.seqno"
        }
        _ => {
            "select t.relname::text, c.relname::text, a.attname::text \
             from pg_index x join pg_class c on c.oid = x.indexrelid \
             join pg_class t on t.oid = x.indrelid \
             join pg_namespace n on n.oid = t.relnamespace and n.nspname = current_schema() \
             join unnest(x.indkey) with ordinality k(no, place) on true \
             join pg_attribute a on a.attrelid = t.oid and a.attnum = k.no \
             where x.indisunique order by 1, 2, k.place"
        }
    };
    let mut keys: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in rows(db, sql, 3).await {
        let [table, key, column] = <[String; 3]>::try_from(row).unwrap();
        keys.entry((table, key)).or_default().push(column);
    }
    keys
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    for base in Base::each().await {
        let started = (0..4).map(|_| {
            let url = base.url.clone();
            tokio::spawn(async move { Store::open(&url).await.unwrap().migrate().await })
        });
        for migrated in started.collect::<Vec<_>>() {
            migrated.await.unwrap().unwrap();
        }
        base.store().await.migrate().await.unwrap();
        base.end().await;
    }
}

#[tokio::test]
async fn every_key_of_a_project_starts_with_it() {
    for base in Base::each().await {
        let store = base.store().await;
        let keys = keys(store.read()).await;
        for ((table, key), columns) in &keys {
            if table != "seaql_migrations" && !GLOBAL_TABLES.contains(&table.as_str()) {
                assert_eq!(columns[0], "project_id", "{key} of {table}: {columns:?}");
            }
        }
        // A key is there at all; SQLite does not list the one number that is a row's own id.
        for table in tables(store.read()).await {
            let global = GLOBAL_TABLES.contains(&table.as_str());
            assert!(global || keys.keys().any(|(of, _)| *of == table), "{table} has no key");
        }
        base.end().await;
    }
}

/// A column as the database has it: name and whether it may be null.
async fn columns(db: &impl ConnectionTrait, table: &str) -> Vec<(String, bool)> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => format!(
            "select name, case when \"notnull\" = 1 or pk > 0 then 'no' else 'yes' end \
             from pragma_table_info('{table}') order by cid"
        ),
        _ => format!(
            "select column_name::text, lower(is_nullable)::text from information_schema.columns \
             where table_schema = current_schema() and table_name = '{table}' order by ordinal_position"
        ),
    };
    let found = rows(db, &sql, 2).await;
    found.into_iter().map(|row| (row[0].clone(), row[1] == "yes")).collect()
}

/// Compares one entity with its table and reads from it.
async fn check_entity<E: EntityTrait>(db: &DatabaseConnection, seen: &mut Vec<String>) {
    let table = sea_orm::EntityName::table_name(&E::default()).to_string();
    let of_entity = E::Column::iter().map(|column| {
        let name = sea_orm::IdenStatic::as_str(&column).to_owned();
        (name, sea_orm::ColumnTrait::def(&column).is_null())
    });
    assert_eq!(columns(db, &table).await, of_entity.collect::<Vec<_>>(), "{table}");
    E::find().one(db).await.unwrap();
    seen.push(table);
}

macro_rules! check_entities {
    ($db:expr, $seen:expr, $($table:ident)*) => {
        $(check_entity::<entity::$table::Entity>($db, $seen).await;)*
    };
}

#[tokio::test]
async fn every_entity_reads_the_migrated_schema() {
    for base in Base::each().await {
        drop(base.store().await);
        let db = base.raw().await;
        let mut seen = Vec::new();
        check_entities!(&db, &mut seen,
            project merchant gateway setting operator operator_role operator_session operation_log
            landlord room account tariff meter orders order_locator attempt attempt_locator
            provider_fact inbox order_event ledger_transaction posting purse hold ledger_rollup
            vend frame_log supply relay_command reading_latest reading_today reading_day
            reading_quarantine bill_line billing_cursor job work_item alarm gateway_interval
            idempotency meter_epoch reading_gap person identity person_session sign_in_ticket
            sms_challenge rate meter_tag binding home binding_code invitation binding_request
            notice notice_delivery notice_choice notice_quiet subscription_quota
            order_tenant receipt_locator stream_ticket shipping
            kiosk_pairing kiosk_locator kiosk_challenge kiosk_session kiosk_upload kiosk
            kiosk_pulse kiosk_interval kiosk_command kiosk_received kiosk_event holiday_list kiosk_content
            kiosk_shown kiosk_file kiosk_file_part kiosk_play order_kiosk kiosk_print kiosk_card kiosk_voucher
        );
        seen.sort();
        assert_eq!(tables(&db).await, seen);
        db.close().await.unwrap();
        base.end().await;
    }
}

#[tokio::test]
async fn the_books_refuse_update_and_delete() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        store.credit(credit(0, 1)).await.unwrap();
        let db = base.raw().await;
        let log = "insert into operation_log (at, action, target, detail, ip, outcome) \
             values ('2026-11-20 06:30:00+00:00', 'a', 'b', '{}', '::1', 'ok')";
        db.execute_unprepared(log).await.unwrap();
        for sql in [
            "update posting set amount_fen = amount_fen + 1",
            "delete from posting",
            "update ledger_transaction set memo = 'x'",
            "delete from ledger_transaction",
            "update operation_log set outcome = 'x'",
            "delete from operation_log",
        ] {
            let error = db.execute_unprepared(sql).await.unwrap_err().to_string();
            assert!(error.contains("append only"), "{sql}: {error}");
        }
        if db.get_database_backend() == DbBackend::Postgres {
            for table in migrations::step::append_only::APPEND_ONLY {
                let sql = format!("truncate {table} cascade");
                let error = db.execute_unprepared(&sql).await.unwrap_err().to_string();
                assert!(error.contains("append only"), "{sql}: {error}");
            }
        } else {
            // Through the store's own connection, as an injected statement would come.
            let replaced = store.transact(|tx| {
                Box::pin(async move {
                    let sql = "insert or replace into posting select * from posting";
                    Ok::<_, StoreError>(tx.execute_unprepared(sql).await.map(|_| ())?)
                })
            });
            let error = replaced.await.unwrap_err();
            assert!(format!("{error:?}").contains("append only"), "{error:?}");
        }
        store.audit(Some(PROJECT)).await.unwrap();
        db.close().await.unwrap();
        base.end().await;
    }
}

/// Values the checks have to refuse.
#[tokio::test]
async fn what_fits_no_state_is_refused_by_the_database() {
    for base in Base::each().await {
        let store = base.store().await;
        build(&store, 1).await;
        place(&store, 0, 1).await;
        store.credit(credit(0, 1)).await.unwrap();
        let db = base.raw().await;
        for sql in [
            "update orders set state = 'paid'",
            "update orders set amount_fen = 0",
            "update orders set channel = 'shells'",
            "update meter set ct = 0",
            "update purse set held_fen = -1",
            "update purse set balance_fen = 9000000000000001",
            "update purse set ledger_account = 'revenue:water'",
            "update hold set state = 'void'",
            "update job set state = 'leased'",
        ] {
            assert!(db.execute_unprepared(sql).await.is_err(), "{sql}");
        }
        // The check became wider by a later step, in place.
        db.execute_unprepared("update orders set channel = 'carried-over'").await.unwrap();
        db.close().await.unwrap();
        base.end().await;
    }
}

/// A row for every step, in the words of that step's schema: what an installation of that age
/// would hold. SQL and not entities, because entities follow the newest schema.
const FIXTURE: &[&[&str]] = &[
    &[
        "insert into project (id, name, name_en, currency, timezone, created_at) \
       values (7, 'a', 'b', 'CNY', '+08:00', '2026-11-20 06:30:00+00:00')",
        "insert into setting (key, value) values ('epoch', '1')",
        "insert into gateway (id, project_id, name, registration, link, framing, heartbeat_s, \
       settings, owner_token) values ({7}, 7, 'g', 'r', 'dial-in', 'plain', 60, '{}', 3)",
    ],
    &["insert into operation_log (at, action, target, detail, ip, outcome) \
       values ('2026-11-20 06:30:00+00:00', 'a', 'b', '{}', '::1', 'ok')"],
    &[
        "insert into landlord (project_id, id, name) values (7, {1}, 'a')",
        "insert into room (project_id, id, building, floor, number, tags) \
       values (7, {2}, 'A', 3, 'A301', '[]')",
        "insert into account (project_id, id, account_no, room_id, name, customer_no, state, \
       opened_at, protected) values (7, {3}, '1', {2}, 'a', '000000000001', 'open', \
       '2026-11-20 06:30:00+00:00', false)",
        "insert into meter (project_id, id, meter_no, gateway_id, bus, address, profile, purpose, \
       money_model, epoch, state, ct, pt, base_reading, reading_interval_s, supply_policy, \
       created_at) values (7, {9}, 'E1', {7}, 1, '1', 'p', 'water', 'platform-held', 1, \
       'in-service', 1, 1, 0, 900, 'auto', '2026-11-20 06:30:00+00:00')",
    ],
    &[
        "insert into order_locator (order_no, project_id, order_id) values ('YF1', 7, {4})",
        "insert into order_event (project_id, order_id, id, at, kind, detail) \
       values (7, {4}, {5}, '2026-11-20 06:30:00+00:00', 'placed', '{}')",
    ],
    &[
        "insert into ledger_transaction (project_id, id, template, key, at) \
       values (7, {6}, 'payment_received', 'k', '2026-11-20 06:30:00+00:00')",
        "insert into posting (project_id, transaction_id, line, seq, debit, credit, amount_fen, at) \
       values (7, {6}, 1, 1, 'unmatched', 'purse:a:water', 5000, '2026-11-20 06:30:00+00:00')",
        "insert into purse (project_id, ledger_account, balance_fen, held_fen, version, updated_at) \
       values (7, 'purse:a:water', 5000, 0, 1, '2026-11-20 06:30:00+00:00')",
    ],
    &["insert into frame_log (project_id, id, meter_id, at, direction, bytes) \
       values (7, {8}, {9}, '2026-11-20 06:30:00+00:00', 'tx', {1})"],
    &["insert into reading_latest (project_id, meter_id, item, at, value, quality, received_at) \
       values (7, {9}, 1, '2026-11-20 06:30:00+00:00', 5, 0, '2026-11-20 06:30:00+00:00')"],
    &["insert into job (project_id, id, kind, key, payload, priority, run_at, state, attempts, \
       attempts_max, created_at) values (7, {10}, 'vend', 'k', '{}', 2, \
       '2026-11-20 06:30:00+00:00', 'ready', 0, 9, '2026-11-20 06:30:00+00:00')"],
    &[],
    &[],
    &["insert into gateway (id, project_id, name, registration, link, framing, heartbeat_s, \
       settings, owner_token) values ({8}, 7, 'h', 's', 'dial-in', 'acrel-4g', 60, '{}', 0)"],
    &[],
    &["insert into reading_gap (project_id, meter_id, item, from_at, from_value, reason, \
       noticed_at, back_fill) values (7, {9}, 1, '2026-11-20 06:30:00+00:00', 5, \
       'meter-silent', '2026-11-20 07:30:00+00:00', 'none')"],
    &[],
    &[],
    &[
        "insert into person (id, language, elder, theme, created_at) \
       values ({2}, 'zh-CN', false, 'system', '2026-11-20 06:30:00+00:00')",
        "insert into identity (kind, scope, value, person_id, since) \
       values ('phone', '', '13800000000', {2}, '2026-11-20 06:30:00+00:00')",
        "insert into person_session (family, person_id, session_version, refresh_hash, created_at, \
       rotated_at, expires_at, client, ip) values ({3}, {2}, 0, 'h', '2026-11-20 06:30:00+00:00', \
       '2026-11-20 06:30:00+00:00', '2026-12-20 06:30:00+00:00', 'h5', '::1')",
        "insert into sign_in_ticket (hash, person_id, browser_hash, created_at, expires_at) \
       values ('t', {2}, 'b', '2026-11-20 06:30:00+00:00', '2026-11-20 06:31:00+00:00')",
    ],
    &[
        "insert into sms_challenge (id, purpose, phone_hash, phone_masked, code_hash, created_at, \
       expires_at, tries, delivery) values ({4}, 'sign-in', 'h', '138****0000', 'c', \
       '2026-11-20 06:30:00+00:00', '2026-11-20 06:35:00+00:00', 0, 'waiting')",
        "insert into rate (key, window_start, spent) \
       values ('sms:site', '2026-11-20 06:30:00+00:00', 1)",
    ],
    &[
        "insert into meter_tag (tag, project_id, meter_id, created_at) \
       values ('23456789ABCD', 7, {9}, '2026-11-20 06:30:00+00:00')",
        "insert into binding (project_id, id, account_id, person_id, role, proof, since) \
       values (7, {5}, {3}, {2}, 'owner', 'code', '2026-11-20 06:30:00+00:00')",
        "insert into home (person_id, project_id, account_id, binding_id, since) \
       values ({2}, 7, {3}, {5}, '2026-11-20 06:30:00+00:00')",
        "insert into binding_code (project_id, account_id, code_hash, printed_at, expires_at, \
       uses_left, tries) values (7, {3}, 'h', '2026-11-20 06:30:00+00:00', \
       '2026-12-20 06:30:00+00:00', 3, 0)",
        "insert into invitation (code_hash, project_id, account_id, invited_by, created_at, \
       expires_at) values ('i', 7, {3}, {2}, '2026-11-20 06:30:00+00:00', \
       '2026-11-21 06:30:00+00:00')",
        "insert into binding_request (project_id, id, account_id, meter_id, person_id, name, note, \
       state, created_at) values (7, {6}, {3}, {9}, {2}, 'a', 'b', 'open', \
       '2026-11-20 06:30:00+00:00')",
    ],
    &[
        "insert into notice (project_id, id, person_id, kind, reason, params, created_at) \
       values (7, {8}, {2}, 'low-balance', 'r', '{}', '2026-11-20 06:30:00+00:00')",
        "insert into notice_delivery (project_id, notice_id, channel, state, attempts, updated_at) \
       values (7, {8}, 'sms', 'sent', 1, '2026-11-20 06:30:00+00:00')",
        "insert into notice_choice (person_id, kind, channels) values ({2}, 'low-balance', 'sms')",
        "insert into notice_quiet (person_id, from_minute, until_minute) values ({2}, 1320, 480)",
        "insert into subscription_quota (app_id, openid, template_id, messages_left, updated_at) \
       values ('wx', 'o', 't', 1, '2026-11-20 06:30:00+00:00')",
    ],
    &[
        "insert into receipt_locator (token, project_id, order_id, created_at) \
       values ('r', 7, {4}, '2026-11-20 06:30:00+00:00')",
        "insert into stream_ticket (hash, person_id, project_id, order_id, expires_at) \
       values ('s', {2}, 7, {4}, '2026-11-20 06:31:00+00:00')",
    ],
    // An index only.
    &[],
    &[
        "insert into kiosk_pairing (id, selector, code_hash, secret_hash, public_key, hardware, \
       software, created_at, expires_at, tries, state) values ({1}, 'ABC', 'h', 's', 'p', 'x', \
       '1', '2026-11-21 06:30:00+00:00', '2026-11-21 06:40:00+00:00', 0, 'waiting')",
        "insert into kiosk_locator (kiosk_id, project_id, public_key) values ({2}, 7, 'p')",
        "insert into kiosk_challenge (hash, kiosk_id, expires_at) \
       values ('h', {2}, '2026-11-21 06:31:00+00:00')",
        "insert into kiosk_session (hash, kiosk_id, project_id, boot_id, created_at, expires_at) \
       values ('h', {2}, 7, {3}, '2026-11-21 06:30:00+00:00', '2026-11-21 06:45:00+00:00')",
        "insert into kiosk_upload (hash, project_id, kiosk_id, command_id, kind, expires_at) \
       values ('h', 7, {2}, {4}, 'log', '2026-11-21 06:45:00+00:00')",
        "insert into kiosk (project_id, id, number, name, public_key, state, settings, \
       settings_version, hardware, software, paired_at) values (7, {2}, 'K-01', 'a', 'p', \
       'active', '{}', 1, 'x', '1', '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_pulse (project_id, kiosk_id, boot_id, heard_at, way, beat, state, \
       state_at, idle) values (7, {2}, {3}, '2026-11-21 06:30:00+00:00', 'poll', '{}', 'Idle', \
       '2026-11-21 06:30:00+00:00', true)",
        "insert into kiosk_interval (project_id, kiosk_id, from_at, reason) \
       values (7, {2}, '2026-11-21 06:30:00+00:00', '')",
        "insert into kiosk_command (project_id, id, kiosk_id, verb, args, issued_at, expires_at, \
       signature, state, detail, updated_at) values (7, {4}, {2}, 'reboot', '{}', \
       '2026-11-21 06:30:00+00:00', '2026-11-21 06:35:00+00:00', 's', 'queued', '{}', \
       '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_event (project_id, kiosk_id, id, at, kind, name, detail) \
       values (7, {2}, {5}, '2026-11-21 06:30:00+00:00', 'fault', 'page_hung', '{}')",
    ],
    &[
        "insert into holiday_list (version, body, created_at) \
       values (1, '{}', '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_content (project_id, content_version, state, body, created_at) \
       values (7, 1, 'draft', '{}', '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_shown (project_id, kiosk_id, content_version, shown, at) \
       values (7, {2}, 1, true, '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_file (project_id, sha256, size, media_type, whole, created_at) \
       values (7, 'd', 5, 'image/png', true, '2026-11-21 06:30:00+00:00')",
        "insert into kiosk_play (project_id, kiosk_id, sha256, day, plays, shown_ms) \
       values (7, {2}, 'd', '2026-11-21', 1, 5000)",
        "insert into kiosk_card (project_id, card_no, uid, meter_id, seq, state, created_at) \
       values (7, 1, 'u', {9}, 0, 'active', '2026-11-21 06:30:00+00:00')",
    ],
    &["insert into kiosk_event (project_id, kiosk_id, id, at, kind, name, detail, boot_id, seq) \
       values (7, {2}, {6}, '2026-11-21 06:30:00+00:00', 'order', 'left', '{}', {3}, 1)"],
];

/// Puts ids in: `{3}` stands for the third id (or some bytes).
fn with_ids(sql: &str, backend: DbBackend, bytes: bool) -> String {
    (1..=10).fold(sql.to_owned(), |sql, n| {
        let hex = format!("{:032x}", 0x0198_0000_0000_7000_8000_0000_0000_0000u128 + n);
        let id = match (backend, bytes && n == 1) {
            (DbBackend::Sqlite, _) => format!("x'{hex}'"),
            (_, true) => format!("'\\x{hex}'"),
            (_, false) => format!("'{hex}'"),
        };
        sql.replace(&format!("{{{n}}}"), &id)
    })
}

async fn dump(db: &DatabaseConnection) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for table in tables(db).await {
        let sql = format!("select cast(count(*) as text) from {table}");
        let count: i64 = rows(db, &sql, 1).await[0][0].parse().unwrap();
        counts.extend((count > 0).then_some((table, count)));
    }
    counts
}

#[tokio::test]
async fn rows_of_every_earlier_schema_survive_the_steps_after_it() {
    let steps = Migrator::migrations().len();
    assert_eq!(FIXTURE.len(), steps, "every step has its rows in the fixture");
    for age in 1..=steps {
        for base in Base::each().await {
            let db = base.raw().await;
            Migrator::up(&db, Some(age as u32)).await.unwrap();
            for (step, rows) in FIXTURE[..age].iter().enumerate() {
                for sql in rows.iter() {
                    let sql = with_ids(sql, db.get_database_backend(), step == 5);
                    db.execute_unprepared(&sql).await.unwrap();
                }
            }
            let before = dump(&db).await;
            let store = Store::open(&base.url).await.unwrap();
            store.migrate().await.unwrap();
            assert_eq!(dump(&db).await, before, "from step {age}");
            store.audit(None).await.unwrap();
            db.close().await.unwrap();
            base.end().await;
        }
    }
}
