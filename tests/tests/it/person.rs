//! People with phones: what the connector asks and sends, over the house's own transport, judged
//! by simulators that share no line with it.

use std::collections::BTreeMap;

use connector::{
    Doubt, Outcome, Request, Response, Secret, Stamp, alipay,
    sms::{self, Gateway, Text},
    wechat,
    wechat_pay::{self, Place},
};
use domain::{Channel, Clock, Money, SystemClock};
use provider_simulator::{
    AlipayMode, Button, Config, Fault, Pay, Person, Provider, Rule, Site, SmsAccount, WechatApp,
    start,
};
use tests::fixture::{alipay_merchant, wechat_merchant};
use vending::{
    merchant::{Addresses, Keys, open},
    transport::{Transport, TransportError},
};
use yufu::{chance::SystemRng, transport::HttpTransport};

const TEMPLATE: &str = "P1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v";

/// The far side, and our keys to it.
struct Far {
    provider: Provider,
    transport: HttpTransport,
    dir: tempfile::TempDir,
}

fn stamp() -> Stamp {
    Stamp::new(SystemClock::new().now(), &SystemRng::new())
}

impl Far {
    fn start(config: Config) -> Self {
        let provider = start(config).unwrap();
        let dir = tempfile::tempdir().unwrap();
        provider.write_merchant_files(dir.path()).unwrap();
        Self { provider, transport: HttpTransport::new().unwrap(), dir }
    }

    async fn send(&self, request: Request) -> Response {
        self.transport.send(request).await.unwrap()
    }

    fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(path)).unwrap()
    }

    /// An account of WeChat's with the secret its file holds.
    fn app(&self, account: &WechatApp) -> wechat::App {
        let base_url = self.provider.base_url.clone();
        wechat::App {
            app_id: account.app_id.clone(),
            secret: Secret::new(self.file(&format!("wechat/{}/secret.txt", account.app_id))),
            authorize_url: format!("{base_url}/connect/oauth2/authorize"),
            base_url,
        }
    }

    async fn token(&self, app: &wechat::App) -> Secret {
        let answer = self.send(wechat::token(app).unwrap()).await;
        let Outcome::Done(token) = wechat::read_token(answer) else { panic!("no token") };
        token.token
    }

    /// Somebody signs in to the mini-program.
    async fn sign_in(&self, app: &wechat::App, person: &str) -> wechat::Person {
        let code = self.provider.press(&app.app_id, person, Button::Login).unwrap();
        let answer = self.send(wechat::session(app, &code).unwrap()).await;
        let Outcome::Done(person) = wechat::read_session(answer) else { panic!("nobody") };
        person
    }

    /// The person's browser follows one redirect and comes back.
    async fn visit(&self, link: &str) -> String {
        let url = link.split('#').next().unwrap().to_owned();
        let request = Request {
            method: connector::Method::Get,
            url,
            headers: vec![("cookie".to_owned(), "simulated_person=zhang".to_owned())],
            body: Vec::new(),
            response_max: 1 << 20,
        };
        self.send(request).await.headers.one("location").unwrap_or_default().to_owned()
    }

    fn merchant(&self) -> wechat_pay::Merchant {
        let folder = self.dir.path().join("wechat-pay/1900000001");
        let row = wechat_merchant(&folder, SystemClock::new().now());
        match open(&row, &self.addresses()).unwrap().keys {
            Keys::WechatPay(keys) => *keys,
            Keys::Alipay(_) => panic!("another provider"),
        }
    }

    fn alipay(&self) -> alipay::Merchant {
        let folder = self.dir.path().join("alipay/2021000000000001");
        let row = alipay_merchant(&folder, SystemClock::new().now());
        match open(&row, &self.addresses()).unwrap().keys {
            Keys::Alipay(keys) => *keys,
            Keys::WechatPay(_) => panic!("another provider"),
        }
    }

    fn addresses(&self) -> Addresses {
        Addresses {
            wechat_pay_base_url: self.provider.base_url.clone(),
            alipay_gateway_url: self.provider.gateway_url(),
            public_url: "http://127.0.0.1:9".to_owned(),
        }
    }

    fn gateways(&self) -> [Gateway; 2] {
        let secret = |path: &str| Secret::new(self.file(path));
        let base_url = self.provider.base_url.clone();
        [
            Gateway::Aliyun(sms::aliyun::Account {
                access_key_id: self.file("sms/aliyun/access_key_id.txt"),
                access_key_secret: secret("sms/aliyun/access_key_secret.txt"),
                sign_name: self.file("sms/aliyun/sign_name.txt"),
                base_url: base_url.clone(),
            }),
            Gateway::Tencent(sms::tencent::Account {
                secret_id: self.file("sms/tencent/secret_id.txt"),
                secret_key: secret("sms/tencent/secret_key.txt"),
                sdk_app_id: self.file("sms/tencent/sdk_app_id.txt"),
                sign_name: self.file("sms/tencent/sign_name.txt"),
                region: "ap-guangzhou".to_owned(),
                base_url,
            }),
        ]
    }
}

fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1.split('#').next().unwrap();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).unwrap().1.to_owned()
}

fn values<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn one_person_is_the_same_in_the_mini_program_and_on_the_page() {
    let far = Far::start(Config::default());
    let mini = far.app(&WechatApp::default());
    let page = far.app(&WechatApp::service_account());
    let person = far.sign_in(&mini, "zhang").await;
    assert_eq!(Some(&person.openid), far.provider.name_of(&mini.app_id, "zhang").as_ref());

    let back = "http://127.0.0.1:8080/session/wechat/back?return_to=%2Ft%2Fabc";
    let link = wechat::authorize_link(&page, wechat::Scope::Base, back, "s7").unwrap();
    let came = far.visit(&link).await;
    assert!(came.starts_with("http://127.0.0.1:8080/session/wechat/back?return_to="), "{came}");
    assert_eq!(parameter(&came, "state"), "s7");
    let code = parameter(&came, "code");
    let answer = far.send(wechat::exchange(&page, &code).unwrap()).await;
    let Outcome::Done(wechat::Visitor::Person(visitor)) = wechat::read_exchange(answer) else {
        panic!("nobody came");
    };
    assert_ne!(visitor.openid, person.openid);
    assert_eq!(visitor.unionid, person.unionid, "joined by the union");

    // Loaded twice: the code is spent, which is no doubt but a new start.
    let answer = far.send(wechat::exchange(&page, &code).unwrap()).await;
    let Outcome::Declined(why) = wechat::read_exchange(answer) else { panic!("taken twice") };
    assert!(wechat::wants_new_code(&why), "{why:?}");

    far.provider.add_rule(Rule::new(Site::SignIn, Fault::Snapshot).times(1)).unwrap();
    let code = parameter(&far.visit(&link).await, "code");
    let answer = far.send(wechat::exchange(&page, &code).unwrap()).await;
    assert_eq!(wechat::read_exchange(answer), Outcome::Done(wechat::Visitor::Snapshot));
}

#[tokio::test]
async fn every_trouble_of_a_sign_in_has_its_class() {
    let far = Far::start(Config::default());
    let app = far.app(&WechatApp::default());
    let status = |status, code: &str| Fault::Status { status, code: code.into(), effect: false };
    for (fault, class) in [
        (status(200, "40029"), "declined"),
        (status(200, "40226"), "declined"),
        (status(200, "45011"), "theirs"),
        (Fault::SystemError { effect: false }, "theirs"),
        (status(502, ""), "unknown"),
        (Fault::Timeout { hold_ms: 1, effect: true }, "unknown"),
        (Fault::BrokenJson, "unknown"),
        (Fault::Redirect { to: "http://127.0.0.1:9/".into() }, "unknown"),
    ] {
        let name = format!("{fault:?}");
        far.provider.add_rule(Rule::new(Site::SignIn, fault).times(1)).unwrap();
        let code = far.provider.press(&app.app_id, "zhang", Button::Login).unwrap();
        let answer = far.send(wechat::session(&app, &code).unwrap()).await;
        assert_eq!(wechat::read_session(answer).class(), class, "{name}");
    }
    let forged = wechat::App { secret: Secret::new("wrong"), ..app };
    let answer = far.send(wechat::session(&forged, "x").unwrap()).await;
    assert_eq!(wechat::read_session(answer).class(), "our-fault");
}

#[tokio::test]
async fn a_token_that_died_is_fetched_again_once_and_a_phone_number_comes() {
    let far = Far::start(Config::default());
    let app = far.app(&WechatApp::default());
    let person = far.sign_in(&app, "zhang").await;
    let dead = far.token(&app).await;
    far.provider.revoke_tokens(&app.app_id);
    let zhang = far.provider.person("zhang");
    far.provider.set_person(Person { phone: "13912345678".into(), ..zhang });
    let code = far.provider.press(&app.app_id, "zhang", Button::Phone).unwrap();
    let ask = |token: &Secret| wechat::phone(&app, token, &code, Some(&person.openid)).unwrap();
    let answer = far.send(ask(&dead)).await;
    let Outcome::Theirs(why) = wechat::read_phone(&app, &answer) else { panic!("taken") };
    assert!(wechat::wants_new_token(&why), "{why:?}");
    let answer = far.send(ask(&far.token(&app).await)).await;
    let phone = wechat::Phone { country: "86".into(), number: "13912345678".into() };
    assert_eq!(wechat::read_phone(&app, &answer), Outcome::Done(phone));

    let ticket = wechat::ticket(&app, &far.token(&app).await).unwrap();
    let Outcome::Done(ticket) = wechat::read_ticket(&far.send(ticket).await) else {
        panic!("no ticket");
    };
    assert_eq!(ticket.expires_in_s, 7_200);
}

#[tokio::test]
async fn messages_go_as_far_as_the_person_agreed() {
    let far = Far::start(Config::default());
    let app = far.app(&WechatApp::default());
    let openid = far.sign_in(&app, "zhang").await.openid;
    let token = far.token(&app).await;
    let message = wechat::Subscribed {
        openid: openid.clone(),
        template: TEMPLATE.to_owned(),
        page: "/pages/order/order?id=1".to_owned(),
        language: wechat::Language::Chinese,
        values: values([
            ("thing1", "和园公寓 3 号楼 2 单元 1204 室的阳台表"),
            ("amount2", &wechat::value::amount(Money::from_fen(5_000))),
            ("time3", &wechat::value::time(SystemClock::new().now())),
            ("character_string4", "YF2026112100001"),
        ]),
    };
    far.provider.subscribe(&app.app_id, "zhang", TEMPLATE, 1).unwrap();
    for want in ["done", "declined"] {
        let request = wechat::send_subscribed(&app, &token, &message).unwrap();
        let outcome = wechat::read_subscribed(&far.send(request).await);
        assert_eq!(outcome.class(), want, "{outcome:?}");
    }
    let sent = far.provider.messages(&openid);
    assert_eq!((sent.len(), &sent[0].data["amount2"]), (1, &"50.00元".into()));
    assert_eq!(sent[0].data["thing1"].as_str().unwrap().chars().count(), 20, "cut to fit");

    let page = far.app(&WechatApp::service_account());
    let follower = far.provider.name_of(&page.app_id, "zhang").unwrap();
    far.provider.subscribe(&page.app_id, "zhang", TEMPLATE, 0).unwrap();
    let token = far.token(&page).await;
    let message = wechat::Template {
        openid: follower.clone(),
        template: TEMPLATE.to_owned(),
        url: "https://pay.example.com/r/abc".to_owned(),
        client_msg_id: "N1".to_owned(),
        values: values([("thing1", "到账")]),
    };
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let request = wechat::send_template(&page, &token, &message).unwrap();
        numbers.push(wechat::read_template(&far.send(request).await));
    }
    assert_eq!(numbers[0], numbers[1], "asked again after a doubt, it is the same message");
    assert_eq!(far.provider.messages(&follower).len(), 1);
}

#[tokio::test]
async fn a_paid_order_is_shipped_and_told_of_by_its_number() {
    let far = Far::start(Config::default());
    let app = far.app(&WechatApp::default());
    let openid = far.sign_in(&app, "zhang").await.openid;
    let token = far.token(&app).await;
    let order = Place {
        channel: Channel::WechatJsapi,
        out_trade_no: "SHIP0001".to_owned(),
        description: "电费充值".to_owned(),
        amount: Money::from_fen(5_000),
        expires_at: SystemClock::new().now() + chrono::TimeDelta::minutes(15),
        payer_openid: Some(openid.clone()),
        payer_ip: None,
        attach: String::new(),
    };
    let placed = wechat_pay::place(&far.merchant(), &order, &stamp()).unwrap();
    assert_eq!(far.send(placed).await.status, 200);
    let shipment = |order| wechat::Shipment {
        order,
        item_desc: "电费充值 50.00 元".to_owned(),
        openid: openid.clone(),
        delivered_at: SystemClock::new().now(),
    };
    let ours = wechat::OrderKey::OutTradeNo {
        mchid: "1900000001".to_owned(),
        out_trade_no: "SHIP0001".to_owned(),
    };
    let ship = async |order| {
        let request = wechat::ship(&app, &token, &shipment(order)).unwrap();
        wechat::read_ship(&far.send(request).await)
    };
    assert_eq!(ship(ours.clone()).await.class(), "declined", "unpaid");
    let paid = far.provider.pay_now("SHIP0001", Pay::silent()).unwrap();
    let theirs = wechat::OrderKey::TransactionId(paid.clone());
    let unknown = wechat::OrderKey::TransactionId("4200".to_owned());
    assert_eq!(ship(unknown).await.class(), "theirs", "not known yet");
    assert_eq!(ship(theirs).await, Outcome::Done(wechat::Shipped::Now));
    assert_eq!(ship(ours).await, Outcome::Done(wechat::Shipped::Before));
    assert_eq!(far.provider.shipments().len(), 1);

    let paid_ms = far.provider.trade("SHIP0001").unwrap().payments[0].paid_ms;
    let check = wechat::PaidCheck {
        amount: Money::from_fen(5_000),
        paid_at: chrono::DateTime::from_timestamp_millis(paid_ms).unwrap(),
    };
    let notice = wechat::OrderNotice {
        openid: openid.clone(),
        notify_type: 2003,
        transaction_id: paid,
        status: 1,
        page: "pages/order/order?id=1".to_owned(),
        product_name: "电费充值".to_owned(),
        product_image: "https://pay.example.com/p.png".to_owned(),
        check: Some(check),
    };
    let later = wechat::OrderNotice { status: 2, check: None, ..notice.clone() };
    let strange = wechat::OrderNotice { transaction_id: "4200".to_owned(), ..notice.clone() };
    for (notice, want) in [(strange, "theirs"), (notice, "done"), (later, "done")] {
        let request = wechat::notify_order(&app, &token, &notice).unwrap();
        assert_eq!(wechat::read_notify_order(&far.send(request).await).class(), want);
    }
    let link = wechat::url_link(&app, &token, "pages/order/order", "t=abc", 7).unwrap();
    assert_eq!(wechat::read_url_link(&far.send(link).await).class(), "done");
}

#[tokio::test]
async fn alipay_knows_its_visitors_by_key_and_by_certificate() {
    for mode in [AlipayMode::Key, AlipayMode::Certificate] {
        let mut config = Config::default();
        config.alipay_apps[0].mode = mode;
        let far = Far::start(config);
        let merchant = far.alipay();
        let authorize = format!("{}/oauth2/publicAppAuthorize.htm", far.provider.base_url);
        let back = "http://127.0.0.1:8080/session/alipay/back";
        let link = alipay::authorize_link(&merchant, &authorize, back, "s7").unwrap();
        let came = far.visit(&link).await;
        assert_eq!(parameter(&came, "state"), "s7");
        let code = parameter(&came, "auth_code");
        let sign_in = alipay::sign_in(&merchant, &code, &stamp()).unwrap();
        let outcome = alipay::read_sign_in(&merchant, &far.send(sign_in.clone()).await);
        let name = far.provider.name_of(&merchant.app_id, "zhang").unwrap();
        let name = alipay::Buyer::OpenId(name);
        let visitor = alipay::Visitor { name: name.clone(), union_id: None };
        assert_eq!(outcome, Outcome::Done(visitor), "{mode:?}");
        let again = alipay::read_sign_in(&merchant, &far.send(sign_in).await);
        let Outcome::Declined(why) = again else { panic!("taken twice: {again:?}") };
        assert!(why.authenticated || alipay::wants_new_code(&why), "{why:?}");

        let message = alipay::Message {
            to: name,
            template: "T1".to_owned(),
            page: "pages/order/order?id%3dYF1".to_owned(),
            values: values([("keyword1", "50.00元")]),
        };
        far.provider.subscribe(&merchant.app_id, "zhang", "T1", 1).unwrap();
        for want in ["done", "unknown"] {
            let request = alipay::tell(&merchant, &message, &stamp()).unwrap();
            let outcome = alipay::read_tell(&merchant, &far.send(request).await);
            assert_eq!(outcome.class(), want, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_text_reaches_the_phone_through_either_gateway() {
    let far = Far::start(Config::default());
    let text = Text {
        phone: "+8613800000000".to_owned(),
        template: "SMS_465".to_owned(),
        params: vec![("code".to_owned(), "042137".to_owned()), ("minutes".into(), "5".into())],
    };
    for gateway in far.gateways() {
        let before = far.provider.texts("13800000000").len();
        let request = sms::send(&gateway, &text, &stamp()).unwrap();
        let outcome = sms::read_send(&gateway, &text, &far.send(request).await);
        let Outcome::Done(accepted) = outcome else { panic!("{}: {outcome:?}", gateway.name()) };
        let sent = far.provider.texts("13800000000");
        assert_eq!(sent.len(), before + 1);
        assert_eq!(sent[before].provider_no, accepted.provider_no);
        assert!(sent[before].params.to_string().contains("042137"), "{:?}", sent[before]);
    }
    let [Gateway::Aliyun(aliyun), Gateway::Tencent(tencent)] = far.gateways() else {
        panic!("two gateways");
    };
    let wrong = || Secret::new("wrong");
    for gateway in [
        Gateway::Aliyun(sms::aliyun::Account { access_key_secret: wrong(), ..aliyun }),
        Gateway::Tencent(sms::tencent::Account { secret_key: wrong(), ..tencent }),
    ] {
        let request = sms::send(&gateway, &text, &stamp()).unwrap();
        let outcome = sms::read_send(&gateway, &text, &far.send(request).await);
        assert_eq!(outcome.class(), "our-fault", "{}: {outcome:?}", gateway.name());
    }
    assert_eq!(far.provider.texts("").len(), 2);
}

#[tokio::test]
async fn a_limit_is_definite_and_silence_after_acceptance_is_a_doubt() {
    let accounts = [SmsAccount::aliyun(), SmsAccount::tencent()];
    let sms_accounts = accounts.map(|account| SmsAccount { limits: true, ..account }).to_vec();
    let far = Far::start(Config { sms_accounts, ..Config::default() });
    for (gateway, site) in far.gateways().into_iter().zip([Site::SmsAliyun, Site::SmsTencent]) {
        let text = |phone: &str| Text {
            phone: phone.to_owned(),
            template: "SMS_465".to_owned(),
            params: vec![("code".to_owned(), "042137".to_owned())],
        };
        let send = async |phone: &str| {
            let request = sms::send(&gateway, &text(phone), &stamp()).unwrap();
            let answer = far.transport.send(request).await;
            answer.map(|answer| sms::read_send(&gateway, &text(phone), &answer))
        };
        let class = async |phone: &str| send(phone).await.unwrap().class();
        assert_eq!(class("13800000000").await, "done");
        assert_eq!(class("13800000000").await, "theirs", "one a minute");
        let once = |fault| far.provider.add_rule(Rule::new(site, fault).times(1)).unwrap();
        once(Fault::SystemError { effect: true });
        assert_eq!(class("13800000001").await, "unknown");
        once(Fault::Timeout { hold_ms: 1, effect: true });
        let outcome = send("13800000002").await.unwrap();
        assert!(matches!(outcome, Outcome::Unknown(Doubt::Unlisted(_) | Doubt::Unreadable)));
        once(Fault::Cut { effect: true });
        let broken = send("13800000003").await;
        assert_eq!(broken.err(), Some(TransportError::NoAnswer));
    }
    assert_eq!(far.provider.texts("").len(), 8, "each doubt was in truth a text on its way");
}
