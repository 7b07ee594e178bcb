//! Order, query and close calls (payments.md A8, A9).

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::query_value;
use super::front::Caller;
use super::problem::{self, Problem};
use super::{text, transaction};
use crate::book::{CloseError, PlaceError, ProviderKind, Tally, Trade, TradeKey, TradeKind};
use crate::clock;
use crate::crypto::digest;
use crate::world::World;

/// Milliseconds after which an order without `time_expire` closes: seven days.
const DEFAULT_EXPIRY_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// The nearest expiry; anything sooner is moved here.
const EXPIRY_MS_MIN: i64 = 60_000;

/// Whose order a call is about.
pub(crate) struct Account {
    pub(crate) mchid: String,
    pub(crate) sub_mchid: Option<String>,
}

impl Account {
    /// The key of this account's order.
    pub(crate) fn key(&self, out_trade_no: &str) -> TradeKey {
        let account = match &self.sub_mchid {
            Some(sub_mchid) => format!("{}/{sub_mchid}", self.mchid),
            None => self.mchid.clone(),
        };
        TradeKey::new(ProviderKind::WechatPay, &account, out_trade_no)
    }
}

/// Reads whose order it is and whether the caller may speak for them.
pub(crate) fn account(
    world: &World,
    caller: &Caller,
    partner: bool,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Account, Problem> {
    let name = if partner { "sp_mchid" } else { "mchid" };
    let mchid = get(name).ok_or_else(|| Problem::param(&format!("/{name}"), "", "缺少商户号"))?;
    if mchid != caller.mchid {
        return Err(problem::MCHID_MISMATCH);
    }
    let sub_mchid = if partner { sub_merchant(world, caller, get("sub_mchid"))? } else { None };
    Ok(Account { mchid, sub_mchid })
}

/// A sub-merchant must be one of the caller's; a partner must name one.
pub(crate) fn sub_merchant(
    world: &World,
    caller: &Caller,
    named: Option<String>,
) -> Result<Option<String>, Problem> {
    let merchant = world.wechat_merchant(&caller.mchid).ok_or(problem::MCH_NOT_EXISTS)?;
    match named {
        Some(named) if merchant.sub_mchids.contains(&named) => Ok(Some(named)),
        Some(_) => Err(problem::MCH_NOT_EXISTS),
        None => Err(Problem::param("/sub_mchid", "", "缺少子商户号")),
    }
}

/// The fields of a body, with the rules of A8.
struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn optional(&self, pointer: &str, length_max: usize) -> Result<Option<String>, Problem> {
        match self.0.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= length_max => {
                Ok(Some(text.clone()))
            }
            Some(Value::String(text)) => Err(Problem::param(pointer, text, "长度超过限制")),
            Some(other) => Err(Problem::param(pointer, &other.to_string(), "类型不正确")),
        }
    }

    fn required(&self, pointer: &str, length_max: usize) -> Result<String, Problem> {
        let text = self.optional(pointer, length_max)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Problem::param(pointer, "", "缺少必填字段"))
    }

    fn number(&self) -> Result<String, Problem> {
        let number = self.required("/out_trade_no", 32)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*".contains(&byte);
        if number.len() < 6 || !number.bytes().all(fits) {
            return Err(Problem::param("/out_trade_no", &number, "格式不正确"));
        }
        Ok(number)
    }

    fn notify_url(&self) -> Result<String, Problem> {
        let url = self.required("/notify_url", 255)?;
        let web = url.starts_with("http://") || url.starts_with("https://");
        if !web || url.contains('?') {
            return Err(Problem::param("/notify_url", &url, "通知地址不合法"));
        }
        Ok(url)
    }

    fn total_fen(&self) -> Result<i64, Problem> {
        let total = self.0.pointer("/amount/total").unwrap_or(&Value::Null);
        let currency = self.optional("/amount/currency", 16)?;
        if let Some(other) = currency.filter(|currency| currency != "CNY") {
            return Err(Problem::param("/amount/currency", &other, "不支持的币种"));
        }
        total.as_i64().filter(|fen| *fen >= 1).ok_or_else(|| {
            Problem::param("/amount/total", &total.to_string(), "金额必须是大于0的整数")
        })
    }

    fn expires_ms(&self, now_ms: i64) -> Result<i64, Problem> {
        let Some(text) = self.optional("/time_expire", 64)? else {
            return Ok(now_ms + DEFAULT_EXPIRY_MS);
        };
        let read = clock::read_rfc3339(&text);
        let moment_ms =
            read.ok_or_else(|| Problem::param("/time_expire", &text, "不是RFC 3339格式"))?;
        if moment_ms <= now_ms {
            return Err(Problem::param("/time_expire", &text, "交易结束时间已过"));
        }
        Ok(moment_ms.max(now_ms + EXPIRY_MS_MIN))
    }

    /// The payer an order names: required for JSAPI, exactly one kind in partner mode.
    fn payer(&self, kind: TradeKind, partner: bool) -> Result<String, Problem> {
        if kind == TradeKind::H5 {
            self.required("/scene_info/payer_client_ip", 45)?;
            self.required("/scene_info/h5_info/type", 32)?;
        }
        if kind != TradeKind::Jsapi {
            return Ok(String::new());
        }
        if !partner {
            return self.required("/payer/openid", 128);
        }
        let sp = self.optional("/payer/sp_openid", 128)?;
        let sub = self.optional("/payer/sub_openid", 128)?;
        match (sp, sub) {
            (Some(one), None) | (None, Some(one)) => Ok(one),
            _ => Err(Problem::param("/payer", "", "sp_openid和sub_openid必须且只能传一个")),
        }
    }
}

/// The parameters two calls are compared by; `time_expire` counts only the first time.
fn print(kind: TradeKind, json: &Value) -> String {
    let mut json = json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("time_expire");
    }
    digest::sha256_hex(format!("{kind:?}\n{json}").as_bytes())
}

fn read(
    world: &World,
    account: &Account,
    kind: TradeKind,
    partner: bool,
    json: &Value,
) -> Result<Trade, Problem> {
    let fields = Fields(json);
    let now_ms = world.now_ms();
    let merchant = world.wechat_merchant(&account.mchid).ok_or(problem::MCH_NOT_EXISTS)?;
    let appid = fields.required(if partner { "/sp_appid" } else { "/appid" }, 32)?;
    let bound = world.wechat_app(&appid).and_then(|app| app.mchid.as_ref());
    if appid != merchant.appid && bound != Some(&account.mchid) {
        return Err(problem::APPID_MISMATCH);
    }
    let out_trade_no = fields.number()?;
    let payer = fields.payer(kind, partner)?;
    // Somebody known is known in one application only; strangers pass.
    let foreign = {
        let state = world.state();
        state.people.behind(&payer).is_some_and(|(known_in, _)| known_in != appid)
    };
    if foreign && !partner {
        return Err(Problem::param("/payer/openid", &payer, "无效的openid"));
    }
    Ok(Trade {
        key: account.key(&out_trade_no),
        merchant: account.mchid.clone(),
        sub_merchant: account.sub_mchid.clone(),
        appid,
        kind,
        code: String::new(),
        description: fields.required("/description", 127)?,
        total_fen: fields.total_fen()?,
        notify_url: fields.notify_url()?,
        attach: fields.optional("/attach", 128)?,
        payer,
        created_ms: now_ms,
        expires_ms: Some(fields.expires_ms(now_ms)?),
        exists: true,
        reserved_no: None,
        return_url: None,
        closed_ms: None,
        finished_ms: None,
        print: print(kind, json),
        payments: Vec::new(),
        refunds: Vec::new(),
        callbacks: Tally::default(),
    })
}

/// Places an order.
pub(crate) fn place(
    world: &World,
    caller: &Caller,
    kind: TradeKind,
    partner: bool,
    json: &Value,
) -> Result<Answer, Problem> {
    let account = account(world, caller, partner, |name| text(json, name))?;
    let trade = read(world, &account, kind, partner, json)?;
    let now_ms = world.now_ms();
    let mut state = world.state();
    let code = state.chance.letters(11);
    let placed = state.book.place(Trade { code: code.clone(), ..trade }, now_ms);
    placed.map_err(|error| match error {
        PlaceError::Differs => problem::OUT_TRADE_NO_USED,
        PlaceError::Paid => problem::ORDER_PAID,
        PlaceError::Closed => problem::ORDER_CLOSED,
        PlaceError::Full => problem::SYSTEM_ERROR,
    })?;
    let page = format!("{}/wallet/{code}", world.base_url);
    Ok(Answer::json(&match kind {
        TradeKind::Native if world.config.plain_links => json!({"code_url": page}),
        TradeKind::Native => {
            json!({"code_url": format!("weixin://wxpay/bizpayurl?pr={code}")})
        }
        TradeKind::H5 => json!({"h5_url": page}),
        _ => json!({"prepay_id": prepay_id(&code, now_ms)}),
    }))
}

/// A prepay id: `wx`, the day, the wallet code.
pub(crate) fn prepay_id(code: &str, now_ms: i64) -> String {
    format!("wx{}{code}", clock::day_digits(now_ms))
}

fn account_of_query(
    world: &World,
    caller: &Caller,
    partner: bool,
    query: &str,
) -> Result<Account, Problem> {
    account(world, caller, partner, |name| query_value(query, name))
}

/// Queries by the merchant's number.
pub(crate) fn query_number(
    world: &World,
    caller: &Caller,
    out_trade_no: &str,
    partner: bool,
    query: &str,
) -> Result<Answer, Problem> {
    let account = account_of_query(world, caller, partner, query)?;
    let state = world.state();
    let found = state.book.find(&account.key(out_trade_no)).ok_or(problem::ORDER_NOT_EXIST)?;
    let now_ms = world.now_ms();
    Ok(Answer::json(&transaction::transaction(found, found.payments.first(), now_ms)))
}

/// Queries by the provider's number.
pub(crate) fn query_id(
    world: &World,
    caller: &Caller,
    transaction_id: &str,
    partner: bool,
    query: &str,
) -> Result<Answer, Problem> {
    let account = account_of_query(world, caller, partner, query)?;
    let state = world.state();
    let found = state.book.by_payment(transaction_id);
    let found = found.filter(|found| found.key == account.key(&found.key.out_trade_no));
    let found = found.ok_or(problem::ORDER_NOT_EXIST)?;
    let payment = found.payment(Some(transaction_id));
    Ok(Answer::json(&transaction::transaction(found, payment, world.now_ms())))
}

/// Closes an order.
pub(crate) fn close(
    world: &World,
    caller: &Caller,
    out_trade_no: &str,
    partner: bool,
    json: &Value,
) -> Result<Answer, Problem> {
    let account = account(world, caller, partner, |name| text(json, name))?;
    let now_ms = world.now_ms();
    let closed = world.state().book.close(&account.key(out_trade_no), now_ms);
    closed.map_err(|error| match error {
        CloseError::Unknown => problem::ORDER_NOT_EXIST,
        CloseError::Paid => problem::ORDER_PAID,
    })?;
    Ok(Answer::no_content())
}
