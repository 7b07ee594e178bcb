//! A tenant with a phone: from the order through the wallet to the light, over the product's own
//! port, with meters and providers on the far side of theirs.

use std::time::Duration;

use domain::{BindingId, BindingProof, FamilyId, IdentityKind, OrderId, OrderState, PersonId};
use futures::StreamExt;
use meter_simulator::{Knob, Setting};
use mini_program_api::{PREFIX, token::Holder};
use provider_simulator::{Button, Pay, PayerParams};
use serde_json::{Value, json};
use store::{
    StoreError,
    binding::{self, Bind},
    person::{self, KnownBy, session},
};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};

super::postgres::on_both_databases! {
    a_tenant_pays_in_the_wallet_and_watches_the_light_come_on,
    a_tenant_pays_in_alipays_mini_program_and_the_light_comes_on,
    a_payer_is_known_under_the_merchants_app_and_by_nothing_else,
    every_page_opens_its_own_wallet,
    whatever_happens_to_a_payment_is_told_with_what_became_of_the_money,
}

/// The application of the simulated merchant.
const APP: &str = "wx8888888888888888";
/// The application of the simulated merchant at Alipay, which is its mini-program as well.
const ALIPAY_APP: &str = "2021000000000001";
/// How long a live page may take to reach its end.
const PATIENCE: Duration = Duration::from_secs(300);

/// A phone whose owner is signed in.
struct Phone {
    client: reqwest::Client,
    base: String,
    token: String,
    home: String,
    meter: String,
}

impl Phone {
    /// Somebody who signs in from Alipay's mini-program, bound to the home of a place: the code is
    /// the wallet's, and who it names is what the wallet's server says.
    async fn in_alipay(world: &World, place: usize, name: &str) -> Phone {
        let account = world.layout.places[place].account;
        let mut phone = Phone {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("http://{}", world.server().http()),
            token: String::new(),
            home: account.to_string(),
            meter: world.layout.places[place].meter.id.to_string(),
        };
        let code = world.provider.press(ALIPAY_APP, name, Button::Login).unwrap();
        let wish = json!({ "app_id": ALIPAY_APP, "auth_code": code });
        let (status, session) = phone.send("POST", "/session/alipay-mini", Some(wish)).await;
        assert_eq!(status, 200, "{session}");
        phone.token = session["access_token"].as_str().unwrap().to_owned();
        let person: PersonId = session["person"]["id"].as_str().unwrap().parse().unwrap();
        let server = world.server().app();
        let id = BindingId::generate(server.clock.as_ref(), server.rng.as_ref());
        let now = server.clock.now();
        let bound = world.house.store().transact(move |tx| {
            Box::pin(async move {
                let (proof, invited_by) = (BindingProof::Staff, None);
                let bind = Bind { id, project: PROJECT, account, person, proof, invited_by };
                binding::bind(tx, &bind, now).await
            })
        });
        bound.await.unwrap();
        phone
    }

    /// Somebody known under an application, bound to the home of a place, signed in.
    async fn of(world: &World, place: usize, app: &str, open_id: &str) -> Phone {
        let server = world.server().app();
        let (clock, rng, now) = (server.clock.as_ref(), server.rng.as_ref(), server.clock.now());
        let (new, family) = (PersonId::generate(clock, rng), FamilyId::generate(clock, rng));
        let id = BindingId::generate(clock, rng);
        let known = KnownBy {
            kind: IdentityKind::WechatMini,
            scope: app.to_owned(),
            value: open_id.to_owned(),
        };
        let account = world.layout.places[place].account;
        let signed_in = world.house.store().transact(move |tx| {
            Box::pin(async move {
                let person = person::sign_in(tx, &known, None, new, now).await?.person;
                let opening = session::Opening {
                    family,
                    person,
                    refresh_hash: "no token has this hash".to_owned(),
                    expires_at: now + chrono::TimeDelta::days(1),
                    client: "test".to_owned(),
                    ip: "127.0.0.1".to_owned(),
                };
                session::open(tx, opening, now).await?.expect("a new person signs in");
                let (proof, invited_by) = (BindingProof::Staff, None);
                let bind = Bind { id, project: PROJECT, account, person, proof, invited_by };
                binding::bind(tx, &bind, now).await?;
                Ok::<_, StoreError>(person)
            })
        });
        let person = signed_in.await.unwrap();
        let holder = Holder { person: person.0, family: family.0, version: 0 };
        let life = (now, chrono::TimeDelta::minutes(10));
        let token = server.tenants.keys.issue(holder, life, uuid::Uuid::nil()).unwrap();
        Phone {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("http://{}", world.server().http()),
            token,
            home: account.to_string(),
            meter: world.layout.places[place].meter.id.to_string(),
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let address = format!("{}{PREFIX}{path}", self.base);
        let request = self.client.request(method.parse().unwrap(), address);
        let mut request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn look(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Orders and opens the wallet; answers the order's id and what the wallet gets.
    async fn order(&self, client_id: &str, fen: i64) -> (OrderId, PayerParams) {
        let wish = json!({
            "client_id": client_id, "home": self.home, "meter": self.meter, "amount_fen": fen,
            "way": "wechat-mini", "appliances_off": true,
        });
        let (status, order) = self.send("POST", "/orders", Some(wish)).await;
        assert_eq!(status, 201, "{order}");
        let id: OrderId = order["id"].as_str().unwrap().parse().unwrap();
        (id, self.wallet(id).await)
    }

    /// What opens the wallet. On a busy machine the provider may take too long; a phone asks again.
    async fn payment(&self, id: OrderId) -> Value {
        let path = format!("/orders/{id}/pay");
        for _ in 0..5 {
            let (status, payment) = self.send("POST", &path, Some(json!({}))).await;
            if status == 502 {
                continue;
            }
            assert_eq!(status, 200, "{payment}");
            return payment;
        }
        panic!("the wallet never opened");
    }

    /// The same for WeChat's.
    async fn wallet(&self, id: OrderId) -> PayerParams {
        let payment = self.payment(id).await;
        let param = |name: &str| payment["params"][name].as_str().unwrap().to_owned();
        PayerParams {
            app_id: param("appId"),
            time_stamp: param("timeStamp"),
            nonce_str: param("nonceStr"),
            package: param("package"),
            sign_type: param("signType"),
            pay_sign: param("paySign"),
        }
    }

    /// The live page of an order: every state it tells until it ends.
    async fn watch(&self, id: OrderId) -> impl Future<Output = Vec<Value>> + use<> {
        let (status, ticket) = self.send("POST", &format!("/orders/{id}/stream"), None).await;
        assert_eq!(status, 200, "{ticket}");
        let address = format!("{}{}", self.base, ticket["url"].as_str().unwrap());
        let mut stream = self.client.get(address).send().await.unwrap().bytes_stream();
        async move {
            let mut text = String::new();
            while let Some(bytes) = stream.next().await {
                text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
            }
            let events = text.split("\n\n").filter_map(|event| event.split_once("data: "));
            events.map(|(_, data)| serde_json::from_str(data).unwrap()).collect()
        }
    }
}

fn states(told: &[Value]) -> Vec<&str> {
    let mut states: Vec<_> = told.iter().map(|order| order["state"].as_str().unwrap()).collect();
    states.dedup();
    states
}

async fn a_tenant_pays_in_the_wallet_and_watches_the_light_come_on() {
    let world = World::start(Plan::new(vec![Bus::mixed()])).await;
    for (place, steps) in [
        (0, &["paid", "credited", "sent", "on-meter", "restored"][..]),
        (1, &["paid", "credited", "restored"]),
    ] {
        let phone = Phone::of(&world, place, APP, &format!("oTenant{place}")).await;
        let top_up = format!("/homes/{}/meters/{}/top-up", phone.home, phone.meter);
        let top_up = phone.look(&top_up).await;
        assert_eq!(top_up["ways"], json!(["wechat-mini", "wechat-h5", "alipay-page"]));
        let (id, wallet) = phone.order("tenant-order-0001", 5_000).await;
        // Asked again it goes on with the same attempt.
        assert_eq!(phone.wallet(id).await.package, wallet.package);
        let page = phone.watch(id).await;
        world.provider.pay_jsapi(&wallet, &Pay::default()).unwrap();
        let told = tokio::time::timeout(PATIENCE, page).await.unwrap();
        let last = told.last().unwrap();
        println!("{:?}", states(&told));
        assert_eq!(states(&told).first(), Some(&"awaiting-payment"));
        assert_eq!((&last["state"], &last["final"]), (&json!("restored"), &json!(true)));
        assert_eq!(last["sentence"]["zh"], "已送电，灯亮了");
        let done = last["steps"].as_array().unwrap();
        let done: Vec<_> =
            done.iter().map(|s| (s["step"].as_str().unwrap(), &s["state"])).collect();
        assert_eq!(done.len(), steps.len());
        for (step, (name, state)) in steps.iter().zip(done) {
            assert_eq!((name, state), (*step, &json!("done")), "{last:#}");
        }
        let read_back = last["balance_after_fen"].as_i64().unwrap();
        let before = last["balance_before_fen"].as_i64().unwrap();
        assert_eq!(read_back - before, 5_000, "{last:#}");
        let receipt = phone.look(&format!("/orders/{id}/receipt")).await;
        assert_eq!(receipt["amount_cn"], "人民币伍拾元整");
        assert_eq!((&receipt["kind"], &receipt["payee"]), (&json!("credited"), &json!("和园公寓")));
        let link = receipt["verify_url"].as_str().unwrap();
        let shown = format!("/receipts/{}", link.rsplit('/').next().unwrap());
        // Whoever is shown the link sees the same receipt, signed in or not, and may do nothing.
        let stranger = Phone { token: String::new(), ..phone };
        let verified = stranger.look(&shown).await;
        assert_eq!(verified["order"]["order_no"], receipt["order"]["order_no"]);
        assert_eq!(verified["order"]["can"], json!({ "pay": false, "cancel": false }));
        // Nobody says that the money is on the meter before it was read there.
        for order in &told {
            let sent = order["steps"].as_array().unwrap();
            let there = sent.iter().any(|s| s["step"] == "on-meter" && s["state"] == "done");
            let says = matches!(order["state"].as_str(), Some("on-meter"));
            assert!(!says || there, "{order:#}");
        }
    }
    assert_eq!(world.provider.sum_paid_fen(), 10_000);
}

async fn a_tenant_pays_in_alipays_mini_program_and_the_light_comes_on() {
    fn doors(config: &mut yufu::config::Config) {
        ALIPAY_APP.clone_into(&mut config.alipay.sign_in_app_id);
    }
    let plan = Plan::new(vec![Bus { prepaid: 1, remote: 1, water: 0 }]);
    let world = World::start(Plan { tune: doors, ..plan }).await;
    for place in 0..2 {
        let name = format!("tenant-{place}");
        let phone = Phone::in_alipay(&world, place, &name).await;
        let top_up = format!("/homes/{}/meters/{}/top-up", phone.home, phone.meter);
        let ways = phone.look(&top_up).await["ways"].clone();
        assert_eq!(ways, json!(["wechat-h5", "alipay-mini", "alipay-page"]));
        let wish = json!({
            "client_id": "alipay-order-0001", "home": phone.home, "meter": phone.meter,
            "amount_fen": 5_000, "way": "alipay-mini", "appliances_off": true,
        });
        let (status, order) = phone.send("POST", "/orders", Some(wish)).await;
        assert_eq!((status, &order["way"]), (201, &json!("alipay-mini")), "{order}");
        let id: OrderId = order["id"].as_str().unwrap().parse().unwrap();
        let payment = phone.payment(id).await;
        assert_eq!(payment["way"], "alipay-mini");
        let trade_no = payment["trade_no"].as_str().unwrap();
        // The trade is one of the person the sign-in named, and asked again it is the same one.
        assert_eq!(phone.payment(id).await["trade_no"], payment["trade_no"]);
        let own =
            |trade: &provider_simulator::Trade| trade.reserved_no.as_deref() == Some(trade_no);
        let trade = world.provider.trades().into_iter().find(own).unwrap();
        assert_eq!(Some(trade.payer), world.provider.name_of(ALIPAY_APP, &name));
        let page = phone.watch(id).await;
        world.provider.pay_now(&trade.key.out_trade_no, Pay::default()).unwrap();
        let told = tokio::time::timeout(PATIENCE, page).await.unwrap();
        let last = told.last().unwrap();
        assert_eq!((&last["state"], &last["final"]), (&json!("restored"), &json!(true)));
        let receipt = phone.look(&format!("/orders/{id}/receipt")).await;
        assert_eq!(
            (&receipt["kind"], &receipt["order"]["way"]),
            (&json!("credited"), &json!("alipay-mini"))
        );
    }
    assert_eq!(world.provider.sum_paid_fen(), 10_000);
    world.house.store().audit(Some(PROJECT)).await.unwrap();
    world.stop().await;
}

async fn a_payer_is_known_under_the_merchants_app_and_by_nothing_else() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let phone = Phone::of(&world, 0, "wxANOTHERAPP", "oTenant").await;
    let top_up = format!("/homes/{}/meters/{}/top-up", phone.home, phone.meter);
    assert_eq!(phone.look(&top_up).await["ways"], json!(["wechat-h5", "alipay-page"]));
    let wish = json!({
        "client_id": "another-app-0001", "home": phone.home, "meter": phone.meter,
        "amount_fen": 5_000, "way": "wechat-mini", "appliances_off": true,
    });
    let (_, order) = phone.send("POST", "/orders", Some(wish)).await;
    let path = format!("/orders/{}/pay", order["id"].as_str().unwrap());
    let (status, refused) = phone.send("POST", &path, Some(json!({}))).await;
    assert_eq!((status, &refused["code"]), (422, &json!("payment.payer_missing")));
    // A forged openid in the request is a field nobody asked for.
    let (status, refused) = phone.send("POST", &path, Some(json!({ "openid": "oForged" }))).await;
    assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!("openid")));
    assert_eq!(world.provider.trades().len(), 0, "the provider was asked nothing");
}

async fn every_page_opens_its_own_wallet() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    let phone = Phone::of(&world, 0, APP, "oTenant").await;
    for (way, want) in [("wechat-h5", "http"), ("alipay-page", "http")] {
        let wish = json!({
            "client_id": format!("way-{way}"), "home": phone.home, "meter": phone.meter,
            "amount_fen": 2_000, "way": way, "appliances_off": true,
        });
        let (_, order) = phone.send("POST", "/orders", Some(wish)).await;
        let path = format!("/orders/{}/pay", order["id"].as_str().unwrap());
        let mut last = (0, Value::Null);
        for _ in 0..5 {
            last = phone.send("POST", &path, Some(json!({}))).await;
            if last.0 != 502 {
                break;
            }
        }
        let (status, payment) = last;
        assert_eq!((status, &payment["way"]), (200, &json!(way)), "{payment}");
        assert!(payment["url"].as_str().unwrap().starts_with(want), "{payment}");
    }
}

async fn whatever_happens_to_a_payment_is_told_with_what_became_of_the_money() {
    let world = World::start(Plan::new(vec![Bus::prepaid(2)])).await;
    // Paid while it is being cancelled: the answer says where it stands, and the money is used.
    let phone = Phone::of(&world, 0, APP, "oTenant0").await;
    let (id, wallet) = phone.order("cancelled-0001", 2_000).await;
    world.provider.pay_jsapi(&wallet, &Pay { callback: false, ..Pay::default() }).unwrap();
    let (_, cancelled) = phone.send("POST", &format!("/orders/{id}/cancel"), None).await;
    assert_ne!(cancelled["state"], "closed", "{cancelled}");
    world.until(id, OrderState::Restored).await;
    // Paid after it was closed: credited all the same.
    let (late, wallet) = phone.order("late-order-0001", 2_000).await;
    let (status, closed) = phone.send("POST", &format!("/orders/{late}/cancel"), None).await;
    assert_eq!((status, &closed["state"]), (200, &json!("closed")), "{closed}");
    assert_eq!(closed["safe"]["zh"], "没有扣款");
    let trade = world.provider.trades().pop().unwrap();
    let pay = Pay { late: true, ..Pay::default() };
    world.provider.pay_now(&trade.key.out_trade_no, pay).unwrap();
    world.until(late, OrderState::Restored).await;
    let seen = phone.look(&format!("/orders/{late}")).await;
    assert_eq!((&seen["state"], &seen["final"]), (&json!("restored"), &json!(true)));
    drop(wallet);
    // The meter took the write and never answers: doubt is told as doubt.
    let phone = Phone::of(&world, 1, APP, "oTenant1").await;
    let meter = world.site.meter(&world.layout.places[1].meter.address).unwrap();
    meter.turn(Knob::DropReply, Setting::percent(100).on(0x03));
    let (id, wallet) = phone.order("doubtful-0001", 2_000).await;
    world.provider.pay_jsapi(&wallet, &Pay::default()).unwrap();
    world.until_event(id, "sent").await;
    meter.turn(Knob::DropReply, Setting::percent(100));
    world.until(id, OrderState::Uncertain).await;
    let seen = phone.look(&format!("/orders/{id}")).await;
    let told = [&seen["sentence"]["zh"], &seen["safe"]["zh"], &seen["todo"]["zh"]];
    assert_eq!(seen["state"], "in-doubt");
    let want = ["充入结果待确认", "钱已到账，不会充两次", "正在读表核对，有结果就通知你"];
    assert_eq!(told, want);
    let doubt = seen["steps"].as_array().unwrap().iter().find(|s| s["state"] == "doubt");
    assert_eq!(doubt.unwrap()["step"], "on-meter");
    let (db, reason) = (world.house.store().read(), format!("in-doubt:{id}"));
    let noted = store::job::by_key(db, PROJECT, "notice", &reason).await.unwrap();
    assert!(noted.is_some(), "the people of the home are told");
}
