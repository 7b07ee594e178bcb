//! Which call a method and a path are.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::book::TradeKind;
use crate::fault::Site;

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Place { kind: TradeKind, partner: bool },
    QueryNumber { out_trade_no: String, partner: bool },
    QueryId { transaction_id: String, partner: bool },
    Close { out_trade_no: String, partner: bool },
    Refund,
    RefundQuery { out_refund_no: String },
    AbnormalRefund { refund_id: String },
    Certificates,
    TradeBill,
    FundFlowBill,
    BillFile,
}

impl Call {
    /// Reads a call; the error is the status of the empty answer, 404 or 405.
    pub(crate) fn read(method: &str, path: &str) -> Result<Self, u16> {
        let segments: Vec<String> = path.trim_start_matches('/').split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (post, call) = match segments.as_slice() {
            ["v3", "pay", "partner", "transactions", rest @ ..] => Self::order(rest, true),
            ["v3", "pay", "transactions", rest @ ..] => Self::order(rest, false),
            ["v3", "refund", "domestic", "refunds"] => Some((true, Self::Refund)),
            ["v3", "refund", "domestic", "refunds", number] => {
                Some((false, Self::RefundQuery { out_refund_no: (*number).to_owned() }))
            }
            ["v3", "refund", "domestic", "refunds", refund_id, "apply-abnormal-refund"] => {
                Some((true, Self::AbnormalRefund { refund_id: (*refund_id).to_owned() }))
            }
            ["v3", "certificates"] => Some((false, Self::Certificates)),
            ["v3", "bill", "tradebill"] => Some((false, Self::TradeBill)),
            ["v3", "bill", "fundflowbill"] => Some((false, Self::FundFlowBill)),
            ["v3", "billdownload", "file"] => Some((false, Self::BillFile)),
            _ => None,
        }
        .ok_or(404_u16)?;
        if method == if post { "POST" } else { "GET" } { Ok(call) } else { Err(405) }
    }

    fn order(rest: &[&str], partner: bool) -> Option<(bool, Self)> {
        let place = |kind| Some((true, Self::Place { kind, partner }));
        match rest {
            ["native"] => place(TradeKind::Native),
            ["jsapi"] => place(TradeKind::Jsapi),
            ["h5"] => place(TradeKind::H5),
            ["out-trade-no", number] => {
                Some((false, Self::QueryNumber { out_trade_no: (*number).to_owned(), partner }))
            }
            ["out-trade-no", number, "close"] => {
                Some((true, Self::Close { out_trade_no: (*number).to_owned(), partner }))
            }
            ["id", id] => {
                Some((false, Self::QueryId { transaction_id: (*id).to_owned(), partner }))
            }
            _ => None,
        }
    }

    /// Where rules may strike it.
    pub(crate) fn site(&self) -> Site {
        match self {
            Self::Place { .. } => Site::Create,
            Self::QueryNumber { .. } | Self::QueryId { .. } => Site::Query,
            Self::Close { .. } => Site::Close,
            Self::Refund | Self::AbnormalRefund { .. } => Site::Refund,
            Self::RefundQuery { .. } => Site::RefundQuery,
            Self::Certificates => Site::Certificates,
            Self::TradeBill | Self::FundFlowBill => Site::Bill,
            Self::BillFile => Site::BillFile,
        }
    }

    /// Whether the call carries a JSON body.
    pub(crate) fn has_body(&self) -> bool {
        matches!(
            self,
            Self::Place { .. } | Self::Close { .. } | Self::Refund | Self::AbnormalRefund { .. }
        )
    }

    /// The order the call is about, for rules that are bound to one; empty when there is none.
    pub(crate) fn out_trade_no(&self, json: &Value, query: &str) -> String {
        match self {
            Self::QueryNumber { out_trade_no, .. } | Self::Close { out_trade_no, .. } => {
                out_trade_no.clone()
            }
            Self::Place { .. } | Self::Refund => {
                json["out_trade_no"].as_str().unwrap_or_default().to_owned()
            }
            Self::QueryId { transaction_id, .. } => transaction_id.clone(),
            Self::RefundQuery { out_refund_no } => out_refund_no.clone(),
            Self::AbnormalRefund { .. } => {
                json["out_refund_no"].as_str().unwrap_or_default().to_owned()
            }
            _ => query_value(query, "bill_date").unwrap_or_default(),
        }
    }
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// A value of the query string.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_are_told_apart() {
        let number = |no: &str, partner| Call::QueryNumber { out_trade_no: no.to_owned(), partner };
        for (method, path, read) in [
            ("POST", "/v3/pay/transactions/native", {
                Ok(Call::Place { kind: TradeKind::Native, partner: false })
            }),
            ("POST", "/v3/pay/partner/transactions/jsapi", {
                Ok(Call::Place { kind: TradeKind::Jsapi, partner: true })
            }),
            ("GET", "/v3/pay/transactions/native", Err(405)),
            ("POST", "/v3/pay/transactions/paper", Err(404)),
            ("GET", "/v3/pay/transactions/out-trade-no/A%7CB", Ok(number("A|B", false))),
            ("GET", "/v3/pay/partner/transactions/out-trade-no/A", Ok(number("A", true))),
            ("POST", "/v3/pay/transactions/out-trade-no/A", Err(405)),
            ("POST", "/v3/refund/domestic/refunds/50/apply-abnormal-refund", {
                Ok(Call::AbnormalRefund { refund_id: "50".to_owned() })
            }),
            ("GET", "/v3/certificates", Ok(Call::Certificates)),
            ("GET", "/v3/", Err(404)),
        ] {
            assert_eq!(Call::read(method, path), read, "{method} {path}");
        }
    }
}
