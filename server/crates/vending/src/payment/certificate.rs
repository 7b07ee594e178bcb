//! New WeChat platform certificates, fetched when an answer or a callback names one we lack.

use std::time::Duration;

use connector::{Outcome, Stamp, wechat_pay};

use crate::{
    house::House,
    merchant::{Keys, Merchant},
};

/// A merchant's certificates are fetched at most this often, however many strangers name serials.
const REFRESH_EVERY: Duration = Duration::from_secs(60);

impl House {
    /// Fetches a merchant's platform certificates because a serial was not known (A4). Answers
    /// whether there is anything new; at most once a minute for a merchant, so that forged serials
    /// cost nothing (F4 no. 12).
    pub async fn refresh_certificates(&self, merchant: &Merchant) -> bool {
        let Keys::WechatPay(keys) = &merchant.keys else { return false };
        let now = self.clock().monotonic();
        if !self.merchants().may_refresh(merchant.id, now, REFRESH_EVERY) {
            return false;
        }
        let stamp = Stamp::new(self.now(), self.rng());
        let Ok(request) = wechat_pay::request_certificates(keys, &stamp) else { return false };
        let Ok(response) = self.transport().send(request).await else { return false };
        match wechat_pay::read_certificates(keys, &response, self.now()) {
            Outcome::Done(certificates) => self.merchants().believe(merchant.id, &certificates),
            other => {
                tracing::warn!(class = other.class(), "the platform certificates did not come");
                false
            }
        }
    }
}
