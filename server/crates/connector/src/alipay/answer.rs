//! Reads a synchronous answer: signature first, then content, then class.

use serde::de::DeserializeOwned;

use super::{
    Merchant, TrustError,
    class::{Head, Table},
    content,
    scan::{Root, scan},
};
use crate::{
    http::Response,
    outcome::{Doubt, Outcome, Rejection},
};

/// The code of a refusal that was signed with a certificate we do not have; the message is its
/// number. The outcome stays unknown, and an operator (or a job) fetches the new certificate.
pub const UNKNOWN_CERTIFICATE: &str = "unknown-alipay-cert-sn";

/// What the code of an unsigned refusal starts with: anybody on the way could have written it.
pub const UNSIGNED: &str = "unsigned:";

/// One call's name and its business codes.
pub(super) struct Answers {
    pub method: &'static str,
    pub table: &'static Table,
    /// Whether an accepted answer has no `code` at all (`alipay.system.oauth.token`, C10).
    pub bare: bool,
}

impl Answers {
    /// Reads an answer. `done` makes sense of an accepted one, `absent` of "no such thing".
    ///
    /// Invariant: neither is called unless the signature held over the raw bytes
    /// (`a_tampered_qr_code_never_reaches_the_screen`).
    pub fn read<F: DeserializeOwned, T>(
        &self,
        merchant: &Merchant,
        response: &Response,
        done: impl FnOnce(F) -> Outcome<T>,
        absent: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<T> {
        let Ok(root) = scan(&response.body, self.method) else {
            return Outcome::Unknown(Doubt::Unreadable);
        };
        let Some(sign) = &root.sign else {
            return unsigned(&root);
        };
        match merchant.trust.verify(root.cert_sn.as_deref(), root.node, sign) {
            Ok(()) => {}
            Err(TrustError::UnknownCertificate { sn }) => {
                let why = Rejection::new(UNKNOWN_CERTIFICATE, sn);
                return Outcome::Unknown(Doubt::Unlisted(why));
            }
            Err(TrustError::Wrong) => return Outcome::Unknown(Doubt::BadSignature),
        }
        let Some(node) = opened(merchant, root.node) else {
            return Outcome::Unknown(Doubt::Unreadable);
        };
        let Ok(head) = serde_json::from_slice::<Head>(&node) else {
            return Outcome::Unknown(Doubt::Unreadable);
        };
        let is_accepted = if self.bare { head.is_bare() } else { head.is_accepted() };
        if !is_accepted {
            return head.settle(self.table, absent);
        }
        match serde_json::from_slice::<F>(&node) {
            // An error node has no business saying "accepted".
            Ok(fields) if !root.is_error => done(fields),
            _ => Outcome::Unknown(Doubt::Unreadable),
        }
    }
}

/// The node in plain text: encrypted content is a JSON string, refusals may come in the open.
fn opened(merchant: &Merchant, node: &[u8]) -> Option<Vec<u8>> {
    if !node.starts_with(b"\"") {
        return Some(node.to_vec());
    }
    let sealed: String = serde_json::from_slice(node).ok()?;
    content::open(merchant.aes_key.as_ref()?, &sealed).ok()
}

/// Without a signature nothing is proven: blame on us is passed on as a hint for a person, all
/// else stays open.
fn unsigned<T>(root: &Root<'_>) -> Outcome<T> {
    let Ok(head) = serde_json::from_slice::<Head>(root.node) else {
        return Outcome::Unknown(Doubt::BadSignature);
    };
    if head.is_accepted() || head.is_bare() {
        return Outcome::Unknown(Doubt::BadSignature);
    }
    let why = head.rejection();
    let why = Rejection::new(format!("{UNSIGNED}{}", why.code), why.message);
    if head.blames_us() { Outcome::OurFault(why) } else { Outcome::Unknown(Doubt::Unlisted(why)) }
}
