//! The error answers of the API: status, code, text, inner code (payments.md A1, A2, A14).

use std::borrow::Cow;

use serde_json::{Value, json};

/// One error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// The last part of `Request-ID`.
    pub(crate) inner: u32,
    /// Pointer, value and issue of the field that is wrong.
    pub(crate) detail: Option<Box<(String, String, String)>>,
}

/// One row of the table below.
const fn row(status: u16, code: &'static str, message: &'static str, inner: u32) -> Problem {
    let (code, message) = (Cow::Borrowed(code), Cow::Borrowed(message));
    Problem { status, code, message, inner, detail: None }
}

pub(crate) const NO_ACCEPT: Problem =
    row(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent", 268_435_459);
pub(crate) const BAD_AUTHORIZATION: Problem = row(
    401,
    "SIGN_ERROR",
    "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》",
    268_443_699,
);
pub(crate) const BAD_SCHEME: Problem =
    row(401, "SIGN_ERROR", "Http头Authorization认证类型不正确", 268_443_699);
pub(crate) const CLOCK: Problem = row(
    401,
    "SIGN_ERROR",
    "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
    268_443_699,
);
pub(crate) const WRONG_SERIAL: Problem =
    row(401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号", 268_443_699);
pub(crate) const WRONG_SIGNATURE: Problem =
    row(401, "SIGN_ERROR", "错误的签名，验签失败", 268_443_699);
pub(crate) const WRONG_SIGNATURE_PAY: Problem =
    row(401, "SIGN_ERROR", "签名信息错误，验签失败", 268_443_699);
pub(crate) const ORDER_NOT_EXIST: Problem = row(404, "ORDER_NOT_EXIST", "订单不存在", 268_512_771);
pub(crate) const ORDER_PAID: Problem = row(400, "ORDER_PAID", "该订单已支付", 268_449_538);
pub(crate) const ORDER_CLOSED: Problem = row(400, "ORDER_CLOSED", "该订单已关闭", 268_447_914);
pub(crate) const OUT_TRADE_NO_USED: Problem =
    row(403, "OUT_TRADE_NO_USED", "商户订单号重复", 268_498_688);
pub(crate) const MCHID_MISMATCH: Problem =
    row(400, "PARAM_ERROR", "商户号与签名的商户号不一致", 268_435_460);
pub(crate) const APPID_MISMATCH: Problem =
    row(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", 268_435_461);
pub(crate) const MCH_NOT_EXISTS: Problem = row(400, "MCH_NOT_EXISTS", "商户号不存在", 268_435_462);
pub(crate) const NO_CERTIFICATE: Problem = row(
    404,
    "RESOURCE_NOT_EXISTS",
    "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥",
    268_435_463,
);
pub(crate) const REFUND_NOT_EXISTS: Problem =
    row(404, "RESOURCE_NOT_EXISTS", "退款单不存在", 268_435_464);
pub(crate) const REFUND_UNPAID: Problem =
    row(403, "TRADE_ERROR", "订单状态错误，订单未支付", 268_435_465);
pub(crate) const REFUND_DIFFERS: Problem =
    row(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试", 268_435_466);
pub(crate) const REFUND_FEE_MISMATCH: Problem =
    row(400, "REFUND_FEE_MISMATCH", "订单总金额与支付时不一致", 268_435_467);
pub(crate) const REFUND_EXCEEDS: Problem =
    row(400, "INVALID_REQUEST", "申请退款金额大于剩余可退金额", 268_435_468);
pub(crate) const REFUND_TOO_MANY: Problem =
    row(403, "RULE_LIMIT", "同一笔订单退款次数超过上限", 268_435_469);
pub(crate) const REFUND_TOO_SOON: Problem =
    row(429, "FREQUENCY_LIMITED", "该笔订单退款过于频繁，请稍后重试", 268_447_840);
pub(crate) const REFUND_OVERDUE: Problem =
    row(400, "TRADE_OVERDUE", "订单已超过可退款的最大期限", 268_435_474);
pub(crate) const REFUND_NOT_ABNORMAL: Problem =
    row(400, "INVALID_REQUEST", "该退款单状态不是退款异常", 268_435_475);
pub(crate) const NO_STATEMENT: Problem =
    row(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在", 268_435_470);
pub(crate) const STATEMENT_CREATING: Problem =
    row(400, "STATEMENT_CREATING", "请求的账单正在生成中", 268_435_471);
pub(crate) const BILL_GONE: Problem =
    row(404, "RESOURCE_NOT_EXISTS", "下载链接不存在或已失效", 268_435_472);
pub(crate) const SYSTEM_ERROR: Problem =
    row(500, "SYSTEM_ERROR", "系统异常，请使用相同参数稍后重新调用", 268_435_473);

impl Problem {
    /// A field that is wrong; the pointer is a JSON pointer or a query name.
    pub(crate) fn param(field: &str, value: &str, issue: &str) -> Self {
        let message = Cow::Owned(format!("参数错误：{issue}"));
        let detail = Some(Box::new((field.to_owned(), value.to_owned(), issue.to_owned())));
        Self { detail, message, ..row(400, "PARAM_ERROR", "", 268_435_457) }
    }

    /// A code somebody chose by a fault.
    pub(crate) fn chosen(status: u16, code: &str) -> Self {
        let (code, message) = (Cow::Owned(code.to_owned()), Cow::Borrowed("模拟的错误"));
        Self { code, message, ..row(status, "", "", 268_447_840) }
    }

    /// The body on the wire.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"code": self.code, "message": self.message});
        if let Some(detail) = &self.detail {
            let (field, value, issue) = detail.as_ref();
            let location = if field.starts_with('/') { "body" } else { "query" };
            body["detail"] =
                json!({"field": field, "value": value, "issue": issue, "location": location});
        }
        body
    }
}
