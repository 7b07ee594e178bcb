//! What a site has set up to tell tenants by, from its configuration.

use std::collections::BTreeMap;

use domain::{Language, NoticeKind};
use mini_program_api::door::{Doors, SmsWay};
use vending::notice::{Channels, Template, words};

use crate::config::{
    ConfigError,
    notices::{NoticeTemplate, Notices},
};

/// The name of the text that says that a cut was made by hand, which names no amount.
pub(crate) const CUT_BY_HAND: &str = "cut-off-by-hand";

/// The channels of a site, or what is wrong with `[notices]`.
pub fn channels(
    notices: &Notices,
    doors: &Doors,
    public_url: &str,
) -> Result<Channels, ConfigError> {
    let sms = match &doors.sms.way {
        SmsWay::Gateway(gateway) => Some(gateway.clone()),
        SmsWay::None | SmsWay::Log { .. } => None,
    };
    Ok(Channels {
        mini: doors.wechat_mini.clone(),
        page: doors.wechat_page.clone(),
        sms,
        sms_price_li: doors.sms.price_li,
        sms_day_li: doors.sms.day_budget_li,
        mini_templates: templates("mini", &notices.mini)?,
        page_templates: templates("page", &notices.page)?,
        sms_templates: texts(notices)?,
        public_url: public_url.to_owned(),
        low_balance_fen: notices.low_balance_fen.clone(),
    })
}

fn wrong(table: &str, name: &str, why: &str) -> ConfigError {
    ConfigError::Content(format!("[notices.{table}] {name:?}: {why}"))
}

fn kind_of(table: &str, name: &str) -> Result<NoticeKind, ConfigError> {
    name.parse().map_err(|_| wrong(table, name, "there is no such kind of notice"))
}

fn templates(
    table: &str,
    given: &BTreeMap<String, NoticeTemplate>,
) -> Result<BTreeMap<NoticeKind, Template>, ConfigError> {
    let mut found = BTreeMap::new();
    for (name, template) in given {
        let kind = kind_of(table, name)?;
        if template.id.is_empty() {
            return Err(wrong(table, name, "its id is missing"));
        }
        let unknown = template.values.values().find(|v| !words::VALUES.contains(&v.as_str()));
        if let Some(value) = unknown {
            return Err(wrong(table, name, &format!("there is no value {value:?}")));
        }
        let (id, values) = (template.id.clone(), template.values.clone());
        found.insert(kind, Template { id, values });
    }
    Ok(found)
}

fn texts(notices: &Notices) -> Result<BTreeMap<(NoticeKind, bool, Language), String>, ConfigError> {
    let mut found = BTreeMap::new();
    for (name, text) in &notices.sms {
        let by_hand = name == CUT_BY_HAND;
        let kind = if by_hand { NoticeKind::CutOff } else { kind_of("sms", name)? };
        for (language, template) in [(Language::ZhCn, &text.zh), (Language::En, &text.en)] {
            if !template.is_empty() {
                found.insert((kind, by_hand, language), template.clone());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_template_of_no_kind_or_value_is_refused_and_named() {
        // configuration, what the refusal names; empty = it is taken
        for (text, named) in [
            ("", ""),
            ("[notices.mini.credited]\nid = 'T'\nvalues = { thing1 = 'place' }", ""),
            ("[notices.sms.cut-off-by-hand]\nzh = 'SMS_1'", ""),
            ("[notices.mini.birthday]\nid = 'T'", "birthday"),
            ("[notices.page.credited]\nvalues = { thing1 = 'place' }", "id"),
            ("[notices.page.credited]\nid = 'T'\nvalues = { name1 = 'tenant' }", "tenant"),
            ("[notices.sms.birthday]\nzh = 'SMS_1'", "birthday"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let read = channels(&config.notices, &Doors::default(), "https://y.example");
            match read {
                Ok(_) => assert!(named.is_empty(), "{text}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!named.is_empty() && error.contains(named), "{text}: {error}");
                }
            }
        }
    }
}
