//! The templates of the demo: every notice may leave through every channel. The simulators take
//! any template, and show in their inbox what they were sent.

use std::collections::BTreeMap;

use domain::NoticeKind;

use crate::{
    config::notices::{NoticeTemplate, Notices, TextTemplate},
    serve::notices::CUT_BY_HAND,
};

/// What stands under which keyword of every WeChat template of the demo: values every kind has.
const VALUES: [(&str, &str); 3] =
    [("thing1", "title"), ("thing2", "place"), ("time3", "wechat_time")];

/// `[notices]` of the demo.
pub fn notices() -> Notices {
    let named = NoticeKind::ALL.iter().map(|kind| kind.as_str());
    let values: BTreeMap<String, String> =
        VALUES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let wechat = |place: &str| -> BTreeMap<String, NoticeTemplate> {
        let template = |name: &str| {
            let id = format!("demo-{place}-{name}");
            (name.to_owned(), NoticeTemplate { id, values: values.clone() })
        };
        named.clone().map(template).collect()
    };
    let text = |name: &str| {
        let stem = name.replace('-', "_").to_uppercase();
        let (zh, en) = (format!("SMS_DEMO_{stem}_ZH"), format!("SMS_DEMO_{stem}_EN"));
        (name.to_owned(), TextTemplate { zh, en })
    };
    Notices {
        mini: wechat("mini"),
        page: wechat("page"),
        sms: named.clone().chain([CUT_BY_HAND]).map(text).collect(),
        ..Notices::default()
    }
}

#[cfg(test)]
mod tests {
    use domain::Language;
    use mini_program_api::door::Doors;

    use super::*;
    use crate::{config::Config, serve::notices::channels};

    #[test]
    fn every_notice_of_the_demo_has_a_template_in_every_channel() {
        let config = Config { notices: notices(), ..Config::default() };
        // As the demo writes it and the server reads it.
        let written = toml::to_string(&config).unwrap();
        let config: Config = toml::from_str(&written).unwrap();
        let channels = channels(&config.notices, &Doors::default(), "http://127.0.0.1").unwrap();
        for kind in NoticeKind::ALL.iter().copied() {
            assert!(channels.mini_templates.contains_key(&kind), "{kind}");
            assert!(channels.page_templates.contains_key(&kind), "{kind}");
            for language in [Language::ZhCn, Language::En] {
                let key = (kind, false, language);
                assert!(channels.sms_templates.contains_key(&key), "{kind}");
            }
        }
        let by_hand = (NoticeKind::CutOff, true, Language::ZhCn);
        assert_ne!(
            channels.sms_templates[&by_hand],
            channels.sms_templates[&(NoticeKind::CutOff, false, Language::ZhCn)]
        );
    }
}
