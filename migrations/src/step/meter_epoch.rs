//! The lives of meters in one place: what was seen when one ended and the next began (表代次).

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

use crate::{Table, table::create_all};

/// The channel list of `orders` before this step and after it, as both databases write it down.
const CHANNELS: (&str, &str) =
    ("'bank-transfer', 'pos')", "'bank-transfer', 'pos', 'carried-over')");

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000010_meter_epoch"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![meter_epoch()]).await?;
        widen_channels(manager).await
    }
}

/// One life that ended: by whom, why, what the old meter showed and what the new one shows.
fn meter_epoch() -> Table {
    Table::of_project("meter_epoch")
        .uuid("meter_id")
        .int("epoch")
        .time("ended_at")
        .uuid("operator_id")
        .uuid("second_id")
        .text("reason")
        .text("old_meter_no")
        .text("old_address")
        .count("old_count?")
        .bigint("old_balance_fen?")
        .count("old_register?")
        .text("new_meter_no")
        .text("new_address")
        .count("new_count?")
        .count("new_balance_fen?")
        .count("new_register?")
        .count("used_fen")
        .count("found_fen")
        .count("carried_fen")
        .uuid("order_id?")
        .key(&["project_id", "meter_id", "epoch"])
        .refers("meter_id", "meter")
}

/// Lets an order be paid by what an old meter still held.
///
/// SQLite keeps a check in the text of its table and cannot change it in place. The text is
/// changed as SQLite describes it for checks that become wider (`lang_altertable`, section 7);
/// copying the table would break the references of its children within the transaction.
async fn widen_channels(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() != DbBackend::Sqlite {
        let list = format!(
            "'wechat-jsapi', 'wechat-native', 'wechat-h5', 'alipay-create', 'alipay-precreate', \
             'alipay-wap', 'cash', {}",
            CHANNELS.1
        );
        db.execute_unprepared("alter table orders drop constraint orders_channel_check").await?;
        let sql = format!(
            "alter table orders add constraint orders_channel_check check (channel in ({list})"
        );
        db.execute_unprepared(&sql).await?;
        return Ok(());
    }
    let quoted = |text: &str| text.replace('\'', "''");
    let version = "select cast(schema_version as text) from pragma_schema_version";
    let statement = sea_orm_migration::sea_orm::Statement::from_string(DbBackend::Sqlite, version);
    let row = db.query_one_raw(statement).await?;
    let version: String = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    let version: i64 = version.parse().map_err(|_| DbErr::Custom("schema version".to_owned()))?;
    db.execute_unprepared("pragma writable_schema = on").await?;
    let (before, after) = (quoted(CHANNELS.0), quoted(CHANNELS.1));
    let sql = format!(
        "update sqlite_schema set sql = replace(sql, '{before}', '{after}') \
         where type = 'table' and name = 'orders'"
    );
    db.execute_unprepared(&sql).await?;
    db.execute_unprepared(&format!("pragma schema_version = {}", version + 1)).await?;
    db.execute_unprepared("pragma writable_schema = off").await?;
    Ok(())
}
