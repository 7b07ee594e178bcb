//! The only place where a failure becomes an HTTP status.
//!
//! Every failure is a [`Problem`]: a stable code, the values that belong to it, and perhaps the
//! fields that are wrong. What status and which words a code has stands in one table ([`code`]),
//! and the response is written once, by [`Problem::respond`], as RFC 9457 `problem+json`.

use actix_web::{HttpResponse, http::StatusCode, http::header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::StoreError;
use utoipa::ToSchema;
use vending::{Refusal, VendingError};

pub mod code;
pub use code::Code;

/// The media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, or `body`, `query`, `path`.
    #[schema(example = "amount_fen")]
    pub field: String,
    /// `unknown`, `missing`, `repeated`, `wrong_type`, `out_of_range` or `malformed`.
    #[schema(example = "wrong_type")]
    pub code: String,
}

/// The body of every failure (RFC 9457). Decide by status and `code`; the texts are for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:yufu:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:yufu:problem:meter.quarantined")]
    pub kind: String,
    /// What happened, in Chinese and English, in the order `Accept-Language` asks for.
    #[schema(example = "表计已隔离，暂停充值和控制 / The meter is quarantined")]
    pub title: String,
    /// The HTTP status once more.
    #[schema(example = 409)]
    pub status: u16,
    /// What to do, in both languages.
    #[schema(example = "现场核对后解除隔离 / Look at the meter, then release it")]
    pub detail: String,
    /// The stable code.
    #[schema(example = "meter.quarantined")]
    pub code: String,
    /// Values the code's sentence needs.
    #[schema(value_type = Object)]
    pub params: Value,
    /// The request's number in our log.
    #[schema(example = "6f1c0b7d9a3e4c52")]
    pub trace_id: String,
    /// The wrong fields, if fields are wrong.
    pub errors: Vec<FieldError>,
}

/// A failure on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    code: Code,
    params: Map<String, Value>,
    errors: Vec<FieldError>,
    /// For the log only; strangers never see it.
    cause: Option<String>,
    retry_after_s: Option<u64>,
}

/// The result of everything behind a route.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// The language a reader wants first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese first, the house's default.
    Chinese,
    /// English first.
    English,
}

impl Language {
    /// Reads `Accept-Language` (RFC 9110 §12.5.4) as far as two languages need it: whichever of
    /// `zh` and `en` has the greater weight, Chinese where neither or both alike are wanted.
    pub fn of(accept: Option<&str>) -> Language {
        let weight = |wanted: &str| {
            let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let tag = parts.next()?.to_ascii_lowercase();
                let matches = tag == wanted || tag.starts_with(&format!("{wanted}-"));
                let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(Some(1000), permille);
                matches.then_some(quality.unwrap_or(0))
            });
            ranges.max().unwrap_or(0)
        };
        if weight("en") > weight("zh") { Language::English } else { Language::Chinese }
    }

    fn both(self, zh: &str, en: &str) -> String {
        match self {
            Language::Chinese => format!("{zh} / {en}"),
            Language::English => format!("{en} / {zh}"),
        }
    }
}

/// `0.85` as 850; `None` for what is no quality value.
fn permille(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.len() == 1 && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let whole: u32 = whole.parse().ok().filter(|whole| digits && *whole <= 1)?;
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    Some((whole * 1000 + part).min(1000))
}

impl Problem {
    /// A failure of this code.
    pub fn new(code: Code) -> Self {
        Problem { code, params: Map::new(), errors: Vec::new(), cause: None, retry_after_s: None }
    }

    /// Adds a value for the code's sentence.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// Names a wrong field.
    pub fn field(mut self, field: &str, code: &str) -> Self {
        self.errors.push(FieldError { field: field.to_owned(), code: code.to_owned() });
        self
    }

    /// Says for the log what caused it.
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Tells the client when to come again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// A field that is not of the right form.
    pub fn malformed(field: &str) -> Self {
        Problem::new(Code::Malformed).with("field", field).field(field, "malformed")
    }

    /// There is no such thing within the caller's reach. Foreign and missing answer alike (S8).
    pub fn not_found(what: &str) -> Self {
        Problem::new(Code::NotFound).with("what", what)
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What caused it, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body, in the reader's language first.
    pub fn body(&self, language: Language, trace_id: &str) -> ProblemBody {
        let row = self.code.row();
        ProblemBody {
            kind: format!("urn:yufu:problem:{}", row.code),
            title: language.both(row.zh, row.en),
            status: row.status,
            detail: language.both(row.do_zh, row.do_en),
            code: row.code.to_owned(),
            params: Value::Object(self.params.clone()),
            trace_id: trace_id.to_owned(),
            errors: self.errors.clone(),
        }
    }

    /// Writes the response.
    pub fn respond(&self, language: Language, trace_id: &str) -> HttpResponse {
        let body = self.body(language, trace_id);
        let mut response = HttpResponse::build(self.status());
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.code == Code::LoginRequired {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }

    /// The failure behind a status that the HTTP library chose by itself.
    pub fn of_status(status: StatusCode) -> Self {
        Problem::new(match status.as_u16() {
            404 => Code::NoSuchRoute,
            405 => Code::MethodNotAllowed,
            408 => Code::TooSlow,
            413 => Code::BodyTooLarge,
            500.. => Code::Internal,
            _ => Code::BadRequest,
        })
    }

    /// Reads what serde says about a body or query that does not fit its type. `place` is named
    /// where no field is at fault.
    pub fn unreadable(place: &'static str, message: &str) -> Self {
        let quoted = message.split('`').nth(1).unwrap_or(place);
        let (field, code) = if message.starts_with("unknown field") {
            (quoted, "unknown")
        } else if message.starts_with("missing field") {
            (quoted, "missing")
        } else if message.starts_with("duplicate field") {
            (quoted, "repeated")
        } else if message.starts_with("invalid type") || message.starts_with("unknown variant") {
            (place, "wrong_type")
        } else if message.starts_with("invalid value") {
            (place, "out_of_range")
        } else {
            (place, "malformed")
        };
        Problem::new(Code::Malformed).with("field", field).field(field, code)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Problem::new(Code::of(&refusal));
        match refusal {
            Refusal::NotFound { what } => problem.with("what", what),
            Refusal::ClientIdReused { field } => problem.with("field", field),
            Refusal::AmountOutOfRange { min, max } => {
                problem.with("min_fen", min.fen()).with("max_fen", max.fen())
            }
            Refusal::WrongState { state } => problem.with("state", state.as_str()),
            Refusal::NotResendable { why } | Refusal::SwitchRefused { why } => {
                problem.with("why", why)
            }
            Refusal::ProviderRefused { code } => problem.with("provider_code", code),
            Refusal::Malformed { field } => problem.with("field", field).field(field, "malformed"),
            _ => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Overloaded | StoreError::Conflict => Code::Overloaded,
            StoreError::Gone(_) => Code::Changed,
            // A unique key or a check: whoever was first stands.
            StoreError::Refused(_) => Code::AlreadyExists,
            StoreError::UnknownUrl
            | StoreError::Unfit(_)
            | StoreError::Unreachable(_)
            | StoreError::Stopped
            | StoreError::CommitUnknown => Code::StoreUnavailable,
            StoreError::Abandoned(_)
            | StoreError::Unreadable { .. }
            | StoreError::Books(_)
            | StoreError::Database(_) => Code::Internal,
        };
        let problem = Problem::new(code).because(error);
        let comes_again = !matches!(code, Code::Changed | Code::AlreadyExists);
        if comes_again { problem.retry_after(1) } else { problem }
    }
}

impl From<VendingError> for Problem {
    fn from(error: VendingError) -> Self {
        match error {
            VendingError::Refused(refusal) => refusal.into(),
            VendingError::Store(error) => error.into(),
        }
    }
}

impl From<domain::IdError> for Problem {
    fn from(_: domain::IdError) -> Self {
        Problem::malformed("id")
    }
}

/// The example in the API's description.
pub fn example() -> Value {
    let problem = Problem::new(Code::MeterQuarantined);
    json!(problem.body(Language::Chinese, "6f1c0b7d9a3e4c52"))
}

#[cfg(test)]
mod tests;
