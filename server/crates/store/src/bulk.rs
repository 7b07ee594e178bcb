//! Many rows in one statement: a batch travels as one JSON parameter, whatever its size.
//!
//! SQLite reads it with `json_each`, PostgreSQL with `jsonb_array_elements`; a row is an array of
//! its columns. This is what makes the hot path an order of magnitude faster than row by row
//! (`performance.md` 2.1).

use chrono::SecondsFormat;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, ModelTrait, QueryResult,
    Statement, Value, sea_query::ColumnType,
};

/// What a cell is cast to on its way into SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    SmallInt,
    Int,
    BigInt,
    Bool,
    Text,
    Uuid,
    Time,
    Date,
    Bytes,
}

impl Cell {
    fn of(column_type: &ColumnType) -> Cell {
        match column_type {
            ColumnType::SmallInteger => Cell::SmallInt,
            ColumnType::Integer => Cell::Int,
            ColumnType::BigInteger => Cell::BigInt,
            ColumnType::Boolean => Cell::Bool,
            ColumnType::Uuid => Cell::Uuid,
            ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => Cell::Time,
            ColumnType::Date => Cell::Date,
            ColumnType::Blob | ColumnType::VarBinary(_) => Cell::Bytes,
            _ => Cell::Text,
        }
    }

    /// The SQL that reads cell `index` of the row `j`.
    fn read(self, backend: DbBackend, index: usize) -> String {
        if backend == DbBackend::Sqlite {
            // UUIDs are stored as 16 bytes, times as the text sqlx writes.
            return match self {
                Cell::Uuid | Cell::Bytes => format!("unhex(j.value->>{index})"),
                _ => format!("j.value->>{index}"),
            };
        }
        let cast = match self {
            Cell::SmallInt => "smallint",
            Cell::Int => "integer",
            Cell::BigInt => "bigint",
            Cell::Bool => "boolean",
            Cell::Text => "text",
            Cell::Uuid => "uuid",
            Cell::Time => "timestamptz",
            Cell::Date => "date",
            Cell::Bytes => return format!("decode(j.value->>{index}, 'hex')"),
        };
        format!("(j.value->>{index})::{cast}")
    }
}

/// Where the rows come from, as a `from` clause; the parameter is the batch.
///
/// On SQLite a row is cut out of the batch once, in binary, and kept: `j.value` straight from
/// `json_each` would be printed and parsed anew for every cell.
fn source(backend: DbBackend, parameter: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!(
            "(with cut as materialized (select key, value from jsonb_each({parameter})) \
             select key, value from cut) as j"
        ),
        _ => format!("jsonb_array_elements({parameter}::jsonb) as j(value)"),
    }
}

/// The batch as a table expression `r` with named columns.
pub(crate) fn table(backend: DbBackend, columns: &[(&str, Cell)]) -> String {
    table_of(backend, columns, "$1")
}

/// The same for a batch that is not the first parameter.
pub(crate) fn table_of(backend: DbBackend, columns: &[(&str, Cell)], parameter: &str) -> String {
    let cells = columns.iter().enumerate().map(|(index, (name, cell))| {
        let read = cell.read(backend, index);
        format!("{read} as {name}")
    });
    let cells = cells.collect::<Vec<_>>().join(", ");
    format!("(select {cells} from {}) as r", source(backend, parameter))
}

/// `insert into … select …` for whole rows of an entity. `computed` names columns whose value the
/// database makes instead: (column, SQLite expression, PostgreSQL expression).
pub(crate) fn insert_sql<E: EntityTrait>(
    backend: DbBackend,
    computed: &[(&str, &str, &str)],
    tail: &str,
) -> String {
    let entity = E::default();
    let mut names = Vec::new();
    let mut reads = Vec::new();
    for (index, column) in E::Column::iter().enumerate() {
        let name = sea_orm::IdenStatic::as_str(&column).to_owned();
        let made = computed.iter().find(|(of, _, _)| *of == name);
        reads.push(match made {
            Some((_, sqlite, _)) if backend == DbBackend::Sqlite => (*sqlite).to_owned(),
            Some((_, _, postgres)) => (*postgres).to_owned(),
            None => Cell::of(column.def().get_column_type()).read(backend, index),
        });
        names.push(name);
    }
    let table = sea_orm::EntityName::table_name(&entity);
    let (names, reads) = (names.join(", "), reads.join(", "));
    let from = source(backend, "$1");
    // `where true` keeps SQLite from reading `on conflict` as a join condition.
    format!("insert into {table} ({names}) select {reads} from {from} where true {tail}")
}

/// A batch being written as JSON.
pub(crate) struct Rows {
    json: String,
    count: usize,
}

impl Rows {
    pub(crate) fn new() -> Self {
        Rows { json: "[".to_owned(), count: 0 }
    }

    /// Whole rows of an entity.
    pub(crate) fn of<'a, M: ModelTrait + 'a>(models: impl IntoIterator<Item = &'a M>) -> Self {
        let mut rows = Rows::new();
        for model in models {
            let columns = <M::Entity as EntityTrait>::Column::iter();
            rows.push(columns.map(|column| model.get(column)));
        }
        rows
    }

    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = Value>) {
        self.json.push_str(if self.count == 0 { "[" } else { ",[" });
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            write_cell(&mut self.json, cell);
        }
        self.json.push(']');
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch as a parameter.
    pub(crate) fn finish(mut self) -> Value {
        self.json.push(']');
        self.json.into()
    }
}

/// Runs a statement over a batch; answers the number of rows it changed. An empty batch is none.
pub(crate) async fn execute<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    rows: Rows,
) -> Result<u64, DbErr> {
    if rows.is_empty() {
        return Ok(0);
    }
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [rows.finish()]);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

/// Runs a statement over a batch and answers its rows.
pub(crate) async fn query<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    rows: Rows,
) -> Result<Vec<QueryResult>, DbErr> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [rows.finish()]);
    db.query_all_raw(statement).await
}

fn write_cell(json: &mut String, cell: Value) {
    let text = match cell {
        Value::SmallInt(Some(n)) => return json.push_str(&n.to_string()),
        Value::Int(Some(n)) => return json.push_str(&n.to_string()),
        Value::BigInt(Some(n)) => return json.push_str(&n.to_string()),
        Value::Bool(Some(yes)) => return json.push_str(if yes { "true" } else { "false" }),
        Value::Uuid(Some(id)) => {
            let mut buffer = uuid::Uuid::encode_buffer();
            return quoted(json, id.as_simple().encode_lower(&mut buffer));
        }
        Value::Bytes(Some(bytes)) => return quoted(json, &hex(&bytes)),
        // The form sqlx writes, so that a time compares alike whichever way it was stored.
        Value::ChronoDateTimeUtc(Some(at)) => at.to_rfc3339_opts(SecondsFormat::AutoSi, false),
        Value::ChronoDate(Some(day)) => day.to_string(),
        Value::String(Some(text)) => text,
        _ => return json.push_str("null"),
    };
    match serde_json::to_string(&text) {
        Ok(escaped) => json.push_str(&escaped),
        Err(_) => json.push_str("null"),
    }
}

/// For text that needs no escaping.
fn quoted(json: &mut String, plain: &str) {
    json.push('"');
    json.push_str(plain);
    json.push('"');
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
