//! Notices: one for each reason and person, through the first channel that takes it, and never in
//! the way of money.

mod doubt;
mod low;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Request, Response, Secret, sms, wechat};
use domain::{
    AccountId, BindingId, BindingProof, Clock, IdentityKind, JobId, Language, ManualClock, Money,
    NoticeChannel, NoticeKind, OperatorId, OrderId, OrderState, PersonId, Theme,
};
use provider_simulator::{Fault, Provider, Rule, SimClock, Site};
use serde_json::{Value, json};
use store::{
    StoreError,
    binding::{self, Bind},
    notice::{self, choice, delivery, quota},
    person::{self, KnownBy, Preferences},
};
use tests::{
    clock::SkippingClock,
    fixture::{Bus, Layout, PROJECT},
    still::StillHouse,
};
use tokio::sync::watch;
use vending::{
    House, Settings,
    billing::Register,
    meter::OpenAccount,
    notice::{Channels, Template, fact::Fact},
    order::PlaceOrder,
    supply::switch::Wanted,
    transport::{Transport, TransportError},
};
use yufu::Outside;

super::postgres::on_both_databases! {
    twenty_facts_at_once_are_one_notice_for_each_person,
    the_channels_are_tried_in_order_and_only_one_takes_the_message,
    quiet_hours_hold_everything_but_light_gone_and_back,
    a_refused_token_is_fetched_once_more,
    a_text_message_without_an_answer_is_not_sent_again,
    each_is_told_in_their_language_and_only_as_they_want,
    the_money_for_text_messages_of_a_day_is_never_exceeded,
    the_new_tenant_is_told_nothing_of_the_old_one,
    a_low_balance_is_told_once_for_each_level_until_it_is_topped_up,
    a_cut_and_its_end_are_told_with_what_brings_the_light_back,
    a_cut_that_only_the_hour_forbids_is_announced_with_its_hour_once,
    a_top_up_and_its_light_are_one_notice,
    a_notice_that_cannot_be_told_stands_in_nobodys_way,
    a_thousand_notices_do_not_delay_a_top_up,
}

const MINI: &str = "wx8888888888888888";
const PAGE: &str = "wx9999999999999999";
const PHONE: &str = "13800000001";

/// The way to the simulator, which remembers what went along it.
struct Counting {
    real: Arc<dyn Transport>,
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Counting {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.sent.lock().unwrap().push(request.url.clone());
        self.real.send(request).await
    }
}

/// A house whose people are told through the simulator, at ten in the morning.
struct Town {
    still: StillHouse,
    provider: Provider,
    /// The clock where the test sets the time.
    hand: Option<Arc<ManualClock>>,
    sim_clock: SimClock,
    way: Arc<Counting>,
}

fn channels(base_url: &str) -> Channels {
    let app = |app_id: &str, secret: &str| wechat::App {
        app_id: app_id.to_owned(),
        secret: Secret::new(secret.as_bytes()),
        base_url: base_url.to_owned(),
        authorize_url: String::new(),
    };
    let account = provider_simulator::SmsAccount::aliyun();
    let kinds = NoticeKind::ALL.iter().copied();
    let values = [("thing1", "place"), ("thing2", "title"), ("time3", "wechat_time")];
    let values: BTreeMap<_, _> =
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let template = |kind: NoticeKind| Template { id: format!("T-{kind}"), values: values.clone() };
    let mut texts = BTreeMap::new();
    for kind in kinds.clone() {
        for (language, name) in [(Language::ZhCn, "ZH"), (Language::En, "EN")] {
            for by_hand in [false, true] {
                texts.insert((kind, by_hand, language), format!("SMS_{name}_{kind}_{by_hand}"));
            }
        }
    }
    Channels {
        mini: Some(app(MINI, "0a5c1f3e7d9b24680a5c1f3e7d9b2468")),
        page: Some(app(PAGE, "13579bdf02468ace13579bdf02468ace")),
        sms: Some(sms::Gateway::Aliyun(sms::aliyun::Account {
            access_key_id: account.key_id,
            access_key_secret: Secret::new(account.secret.as_bytes()),
            sign_name: account.sign_name,
            base_url: base_url.to_owned(),
        })),
        sms_price_li: 45,
        sms_day_li: 100_000,
        mini_templates: kinds.clone().map(|kind| (kind, template(kind))).collect(),
        page_templates: kinds.map(|kind| (kind, template(kind))).collect(),
        sms_templates: texts,
        public_url: "https://yufu.example".to_owned(),
        low_balance_fen: vec![2_000, 500],
    }
}

/// A bus of meters whose money we hold.
fn remote(meters: usize) -> Bus {
    Bus { prepaid: 0, remote: meters, water: 0 }
}

/// Stops a worker and waits until it has gone.
async fn rest(stop: watch::Sender<bool>) {
    stop.send(true).unwrap();
    stop.closed().await;
}

/// What a town is tuned by.
type Tune = fn(&mut Settings);

impl Town {
    async fn at(now: &str, meters: usize, tune: Tune) -> Town {
        let hand = Arc::new(ManualClock::at(now));
        let clock: Arc<dyn Clock> = hand.clone();
        let layout = Layout::new(&[remote(meters)], 1, 50, clock.now());
        Town { hand: Some(hand), ..Town::of(clock, layout, tune).await }
    }

    /// A town whose meters move, so that its time has to run by itself.
    async fn live(meters: usize, tune: Tune) -> Town {
        let clock = SkippingClock::at(10, 0);
        let mut layout = Layout::new(&[remote(meters)], 1, 50, clock.now());
        layout.site.wall = clock.wall();
        Town::of(clock, layout, tune).await
    }

    async fn of(clock: Arc<dyn Clock>, layout: Layout, tune: Tune) -> Town {
        let sim_clock = SimClock::manual(clock.now().timestamp_millis());
        let config = provider_simulator::Config { clock: sim_clock.clone(), ..Default::default() };
        let provider = provider_simulator::start(config).unwrap();
        let mut settings =
            Settings { pace: 0.02, notices: channels(&provider.base_url), ..Settings::default() };
        tune(&mut settings);
        let real = Outside::real().unwrap().transport;
        let way = Arc::new(Counting { real, sent: Mutex::default() });
        let still = StillHouse::open_behind(layout, None, clock, settings, way.clone()).await;
        Town { still, provider, hand: None, sim_clock, way }
    }

    fn house(&self) -> &House {
        &self.still.house
    }

    fn account(&self, place: usize) -> AccountId {
        self.still.layout.places[place].account
    }

    /// Lets time pass, for us and for the providers.
    fn pass(&self, by: Duration) {
        let Some(hand) = &self.hand else { return };
        hand.advance(by);
        self.sim_clock.advance(i64::try_from(by.as_millis()).unwrap());
    }

    /// Somebody with a phone, bound to a home.
    async fn tenant(&self, phone: &str, account: AccountId) -> PersonId {
        let (house, now) = (self.house(), self.house().now());
        let new = PersonId::generate(house.clock(), house.rng());
        let id = BindingId::generate(house.clock(), house.rng());
        let known = KnownBy::phone(phone);
        let signed = house.store().transact(move |tx| {
            Box::pin(async move {
                let signed = person::sign_in(tx, &known, None, new, now).await?.person;
                let wish = Bind {
                    id,
                    project: PROJECT,
                    account,
                    person: signed,
                    proof: BindingProof::Staff,
                    invited_by: None,
                };
                binding::bind(tx, &wish, now).await?;
                Ok::<_, StoreError>(signed)
            })
        });
        signed.await.unwrap()
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/control/{path}", self.provider.base_url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = match body.is_null() {
            true => client.get(url).send().await,
            false => client.post(url).json(&body).send().await,
        };
        let text = sent.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Gives a person an openid in an app, which may write to them.
    async fn link(&self, person: PersonId, app: &str, name: &str) -> String {
        let kind = if app == MINI { IdentityKind::WechatMini } else { IdentityKind::WechatPage };
        self.agree(app, name, "T-nothing", 1).await;
        let shown = self.control(&format!("people/{name}"), Value::Null).await;
        let openid = shown["names"][app].as_str().unwrap().to_owned();
        let by = KnownBy { kind, scope: app.to_owned(), value: openid.clone() };
        let now = self.house().now();
        let linked = self
            .house()
            .store()
            .transact(move |tx| Box::pin(async move { person::link(tx, person, &by, now).await }));
        linked.await.unwrap();
        openid
    }

    /// A person agrees to messages, as WeChat counts it.
    async fn agree(&self, app: &str, name: &str, template: &str, times: u32) {
        let body = json!({
            "app_id": app, "person": name, "template_id": template, "times": times,
        });
        self.control("subscriptions", body).await;
    }

    /// The same as we count it.
    async fn count(&self, openid: &str, template: &str, times: usize) {
        let (app_id, openid) = (MINI.to_owned(), openid.to_owned());
        let to = quota::Subscription { app_id, openid, template_id: template.to_owned() };
        let now = self.house().now();
        let added = self.house().store().transact(move |tx| {
            Box::pin(async move {
                for _ in 0..times {
                    quota::add(tx, &to, now).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        added.await.unwrap();
    }

    async fn note(&self, kind: NoticeKind, reason: &str) {
        let meter = &self.still.layout.places[0].meter;
        let fact = Fact {
            amount_fen: Some(5_000),
            balance_fen: Some(-1_260),
            ..Fact::of_meter(kind, meter, self.house().now()).unwrap()
        };
        note(self.house(), fact, reason).await;
    }

    async fn choose(&self, person: PersonId, kind: &str, channels: &[NoticeChannel]) {
        let kinds = vec![(kind.to_owned(), channels.to_vec())];
        let wanted = choice::Choices { kinds, quiet: None };
        let set = self
            .house()
            .store()
            .transact(move |tx| Box::pin(async move { choice::set(tx, person, &wanted).await }));
        set.await.unwrap();
    }

    async fn notices(&self, person: PersonId) -> Vec<notice::Notice> {
        notice::of_person(self.house().store().read(), person, None, 100).await.unwrap()
    }

    /// What became of a person's only notice: channel, state and why.
    async fn became(&self, person: PersonId) -> Vec<String> {
        let all = self.notices(person).await;
        let rows = delivery::of_notices(self.house().store().read(), &all).await.unwrap();
        let line = |row: &delivery::Delivery| {
            let why = row.why.as_deref().unwrap_or_default();
            format!("{} {} {why}", row.channel, row.state).trim_end().to_owned()
        };
        let mut lines: Vec<_> = rows.iter().map(line).collect();
        lines.retain(|line| !line.starts_with("in-app"));
        lines
    }

    /// Waits until nothing waits to be told or sent; time passes meanwhile where it should.
    async fn settled(&self, by: Duration) {
        let quiet = async || {
            self.pass(by);
            let db = self.house().store().read();
            for kind in ["notice", "deliver"] {
                if !store::job::waiting(db, PROJECT, kind, 1).await.unwrap().is_empty() {
                    return false;
                }
            }
            let counts = store::job::counts(db).await.unwrap();
            if counts.iter().any(|one| one.state == "leased" && one.count > 0) {
                return false;
            }
            let far = self.house().now() + TimeDelta::days(9);
            delivery::due(db, far, 1).await.unwrap().is_empty()
        };
        self.still.until("everything is told", quiet).await;
    }

    async fn texts(&self, phone: &str) -> Vec<Value> {
        let told = self.control(&format!("sms?phone={phone}"), Value::Null).await;
        told.as_array().cloned().unwrap_or_default()
    }

    async fn messages(&self) -> Vec<Value> {
        let told = self.control("messages", Value::Null).await;
        told.as_array().cloned().unwrap_or_default()
    }

    fn calls(&self, part: &str) -> usize {
        self.way.sent.lock().unwrap().iter().filter(|url| url.contains(part)).count()
    }

    async fn sell(&self, place: usize, fen: i64) -> OrderId {
        let house = self.house();
        let wish = PlaceOrder {
            client_id: OrderId::generate(house.clock(), house.rng()).to_string(),
            meter: self.still.layout.places[place].meter.meter_id(),
            channel: domain::Channel::Cash,
            amount: Money::from_fen(fen),
            operator: None,
        };
        let operator = OperatorId(uuid::Uuid::from_u128(77));
        house.sell_at_counter(PROJECT, operator, wish, None).await.unwrap().order_id()
    }

    async fn bill(&self, wh: i64) {
        let id = self.still.layout.places[0].meter.meter_id();
        self.pass(Duration::from_secs(60));
        self.house().bill(PROJECT, id, Register::read(wh, self.house().now())).await.unwrap();
    }
}

async fn note(house: &House, fact: Fact, reason: &str) {
    let (own, reason) = (house.clone(), reason.to_owned());
    let noted = house.store().transact(move |tx| {
        Box::pin(
            async move { vending::notice::fact::note(tx, &own, PROJECT, (&fact, &reason)).await },
        )
    });
    noted.await.unwrap();
}

const MORNING: &str = "2026-11-21T02:00:00Z";
const STEP: Duration = Duration::from_millis(200);

fn as_is(_: &mut Settings) {}

async fn twenty_facts_at_once_are_one_notice_for_each_person() {
    let town = Town::at(MORNING, 1, as_is).await;
    let home = town.account(0);
    let people = [town.tenant(PHONE, home).await, town.tenant("13800000002", home).await];
    for round in 0..2 {
        let all = NoticeKind::ALL.iter().flat_map(|kind| (0..20).map(move |_| *kind));
        let notes = all.map(|kind| {
            let meter = &town.still.layout.places[0].meter;
            let fact = Fact::of_meter(kind, meter, town.house().now()).unwrap();
            let fact = Fact { amount_fen: Some(5_000), balance_fen: Some(1), ..fact };
            let house = town.house().clone();
            tokio::spawn(async move { note(&house, fact, &format!("{kind}:1")).await })
        });
        for noted in futures::future::join_all(notes.collect::<Vec<_>>()).await {
            noted.unwrap();
        }
        // The second round is what a process does that comes back after a crash.
        let stop = town.still.work();
        town.settled(STEP).await;
        rest(stop).await;
        for person in people {
            let mut kinds: Vec<_> =
                town.notices(person).await.into_iter().map(|row| row.kind).collect();
            kinds.sort();
            let mut want: Vec<_> = NoticeKind::ALL.iter().map(|k| k.as_str().to_owned()).collect();
            want.sort();
            assert_eq!(kinds, want, "round {round}");
        }
        let by_text =
            NoticeKind::ALL.iter().filter(|k| k.usual_channels().contains(&NoticeChannel::Sms));
        assert_eq!(town.texts(PHONE).await.len(), by_text.count(), "round {round}");
    }
}

async fn the_channels_are_tried_in_order_and_only_one_takes_the_message() {
    // Agreements as we count them and as WeChat does, follows, what becomes of the channels.
    let table: [(usize, u32, bool, [&str; 3]); 5] = [
        (
            1,
            1,
            true,
            [
                "service-account skipped notice.told_elsewhere",
                "sms skipped notice.told_elsewhere",
                "wechat sent",
            ],
        ),
        (
            0,
            0,
            true,
            [
                "service-account sent",
                "sms skipped notice.told_elsewhere",
                "wechat skipped notice.no_quota",
            ],
        ),
        (3, 0, false, ["service-account failed 43004", "sms sent", "wechat failed 43101"]),
        (
            0,
            5,
            false,
            ["service-account failed 43004", "sms sent", "wechat skipped notice.no_quota"],
        ),
        (
            2,
            2,
            false,
            [
                "service-account skipped notice.told_elsewhere",
                "sms skipped notice.told_elsewhere",
                "wechat sent",
            ],
        ),
    ];
    for (number, (ours, theirs, follows, want)) in table.into_iter().enumerate() {
        let town = Town::at(MORNING, 1, as_is).await;
        let person = town.tenant(PHONE, town.account(0)).await;
        let openid = town.link(person, MINI, "wang").await;
        town.link(person, PAGE, "wang").await;
        town.control("people/wang", json!({ "follows": follows })).await;
        town.count(&openid, "T-cut-off", ours).await;
        town.agree(MINI, "wang", "T-cut-off", theirs).await;
        town.note(NoticeKind::CutOff, "cut-off:1").await;
        let stop = town.still.work();
        town.settled(STEP).await;
        assert_eq!(town.became(person).await, want, "{number}");
        let texts = usize::from(want[1] == "sms sent");
        assert_eq!(town.texts(PHONE).await.len(), texts, "{number}");
        assert_eq!(town.messages().await.len(), 1 - texts, "{number}");
        let db = town.house().store().read();
        let left = quota::of_openid(db, MINI, &openid).await.unwrap();
        let left = left.iter().find(|row| row.template_id == "T-cut-off");
        let want_left = if theirs == 0 { 0 } else { ours.saturating_sub(1) };
        assert_eq!(left.map_or(0, |row| row.messages_left), want_left as i64, "{number}");
        rest(stop).await;
    }
}

async fn quiet_hours_hold_everything_but_light_gone_and_back() {
    // 22:30 in China.
    let town = Town::at("2026-11-21T14:30:00Z", 1, as_is).await;
    town.tenant(PHONE, town.account(0)).await;
    for kind in [NoticeKind::CutOff, NoticeKind::Restored, NoticeKind::LowBalance] {
        town.note(kind, &format!("{kind}:1")).await;
    }
    let stop = town.still.work();
    let two = async || town.texts(PHONE).await.len() == 2;
    town.still.until("the two that may wake people", two).await;
    // At 07:59 there are still two, a minute later there are three.
    let until_eight = TimeDelta::minutes(9 * 60 + 29).to_std().unwrap();
    town.pass(until_eight);
    tokio::task::yield_now().await;
    assert_eq!(town.texts(PHONE).await.len(), 2);
    let three = async || {
        town.pass(Duration::from_secs(10));
        town.texts(PHONE).await.len() == 3
    };
    town.still.until("the third in the morning", three).await;
    let last = &town.texts(PHONE).await[2];
    assert_eq!(last["template"], "SMS_ZH_low-balance_false");
    let eight: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
    assert!(town.house().now() >= eight);
    rest(stop).await;
}

async fn a_refused_token_is_fetched_once_more() {
    let town = Town::at(MORNING, 1, as_is).await;
    let person = town.tenant(PHONE, town.account(0)).await;
    let openid = town.link(person, MINI, "wang").await;
    town.count(&openid, "T-cut-off", 30).await;
    town.agree(MINI, "wang", "T-cut-off", 30).await;
    for number in 0..8 {
        town.note(NoticeKind::CutOff, &format!("cut-off:{number}")).await;
    }
    let stop = town.still.work();
    town.settled(STEP).await;
    assert_eq!((town.calls("stable_token"), town.messages().await.len()), (1, 8));
    town.control("tokens/revoke", json!({ "app_id": MINI })).await;
    for number in 8..16 {
        town.note(NoticeKind::CutOff, &format!("cut-off:{number}")).await;
    }
    town.settled(STEP).await;
    assert_eq!((town.calls("stable_token"), town.messages().await.len()), (2, 16));
    assert!(town.texts(PHONE).await.is_empty());
    // One that is refused for ever is no reason to ask for ever.
    let rule = Fault::Status { status: 200, code: "40001".to_owned(), effect: false };
    town.provider.add_rule(Rule::new(Site::Message, rule));
    town.note(NoticeKind::CutOff, "cut-off:last").await;
    town.settled(Duration::from_secs(1)).await;
    assert!(town.calls("stable_token") <= 2 + 6, "{}", town.calls("stable_token"));
    assert_eq!(town.texts(PHONE).await.len(), 1);
    rest(stop).await;
}

async fn a_text_message_without_an_answer_is_not_sent_again() {
    // What the gateway does, what becomes of the message, how many the phone gets, how often asked.
    for (fault, want, texts, asked) in [
        (Fault::Cut { effect: true }, "sms failed notice.unknown", 1, 1),
        (Fault::Cut { effect: false }, "sms failed notice.unknown", 0, 1),
        (Fault::BrokenJson, "sms failed notice.unknown", 1, 1),
    ] {
        let town = Town::at(MORNING, 1, as_is).await;
        let person = town.tenant(PHONE, town.account(0)).await;
        town.provider.add_rule(Rule::new(Site::SmsAliyun, fault.clone()).times(1));
        town.note(NoticeKind::CutOff, "cut-off:1").await;
        let stop = town.still.work();
        town.settled(STEP).await;
        town.settled(Duration::from_secs(600)).await;
        assert_eq!(town.became(person).await[1], want, "{fault:?}");
        assert_eq!(town.texts(PHONE).await.len(), texts, "{fault:?}");
        let base = town.provider.base_url.clone() + "/?";
        assert_eq!(town.calls(&base), asked, "{fault:?}");
        // Staff see it, before everything that went well.
        let shown = delivery::of_project(town.house().store().read(), PROJECT).await.unwrap();
        assert_eq!((shown[0].0.state.as_str(), shown[0].1.kind.as_str()), ("failed", "cut-off"));
        rest(stop).await;
    }
}

async fn each_is_told_in_their_language_and_only_as_they_want() {
    let town = Town::at(MORNING, 1, as_is).await;
    let home = town.account(0);
    let (zh, en, none) = (
        town.tenant(PHONE, home).await,
        town.tenant("13800000002", home).await,
        town.tenant("13800000003", home).await,
    );
    let wanted = Preferences { language: Language::En, elder: false, theme: Theme::System };
    let set = town
        .house()
        .store()
        .transact(move |tx| Box::pin(async move { person::set_preferences(tx, en, wanted).await }));
    set.await.unwrap();
    town.choose(none, "cut-off", &[]).await;
    town.note(NoticeKind::CutOff, "cut-off:1").await;
    let stop = town.still.work();
    town.settled(STEP).await;
    for (person, phone, template) in [
        (zh, PHONE, Some("SMS_ZH_cut-off_false")),
        (en, "13800000002", Some("SMS_EN_cut-off_false")),
        (none, "13800000003", None),
    ] {
        let texts = town.texts(phone).await;
        assert_eq!(texts.first().and_then(|text| text["template"].as_str()), template);
        if template.is_none() {
            let skipped = ["service-account", "sms", "wechat"]
                .map(|channel| format!("{channel} skipped notice.not_wanted"));
            assert_eq!(town.became(person).await, skipped);
        } else {
            assert_eq!(texts[0]["params"]["amount"], "50.00");
        }
        assert_eq!(town.notices(person).await.len(), 1, "in the pages everybody is told");
    }
    rest(stop).await;
}

async fn the_money_for_text_messages_of_a_day_is_never_exceeded() {
    let town = Town::at(MORNING, 1, |s| s.notices.sms_day_li = 3 * 45).await;
    town.tenant(PHONE, town.account(0)).await;
    for number in 0..12 {
        town.note(NoticeKind::CutOff, &format!("cut-off:{number}")).await;
    }
    let stop = town.still.work();
    town.settled(STEP).await;
    assert_eq!(town.texts(PHONE).await.len(), 3);
    let shown = delivery::of_project(town.house().store().read(), PROJECT).await.unwrap();
    let broke = |row: &&(delivery::Delivery, notice::Notice)| {
        row.0.why.as_deref() == Some(vending::notice::send::NO_MONEY)
    };
    assert_eq!(shown.iter().filter(broke).count(), 9);
    rest(stop).await;
}

async fn the_new_tenant_is_told_nothing_of_the_old_one() {
    let town = Town::at("2026-11-21T14:30:00Z", 1, as_is).await;
    let (house, place) = (town.house().clone(), town.still.layout.places[0].clone());
    let old = town.tenant(PHONE, place.account).await;
    // Told before, sent in the morning; and one that nobody was told of yet.
    town.note(NoticeKind::LowBalance, "low-balance:1").await;
    let stop = town.still.work();
    town.still.until("told", async || town.notices(old).await.len() == 1).await;
    rest(stop).await;
    town.note(NoticeKind::Warning, "warning:1").await;
    let by = OperatorId(uuid::Uuid::from_u128(71));
    house.close_account(PROJECT, place.account, by).await.unwrap();
    let next = OpenAccount {
        account_no: "A-NEXT".to_owned(),
        room: place.meter.room().unwrap(),
        name: "新住户".to_owned(),
        phone: None,
        customer_no: "990000000009".to_owned(),
        protected: false,
    };
    let next = house.open_account(PROJECT, next).await.unwrap().account_id();
    let new = town.tenant("13800000002", next).await;
    let stop = town.still.work();
    town.settled(Duration::from_secs(120)).await;
    assert!(town.notices(new).await.is_empty());
    assert!(town.texts("13800000002").await.is_empty());
    let mut kinds: Vec<_> = town.notices(old).await.into_iter().map(|row| row.kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["binding-ended", "low-balance"]);
    assert!(town.texts(PHONE).await.is_empty(), "who left is told nothing of the home");
    rest(stop).await;
}

async fn a_low_balance_is_told_once_for_each_level_until_it_is_topped_up() {
    let town = Town::at(MORNING, 1, as_is).await;
    let person = town.tenant(PHONE, town.account(0)).await;
    let told = async || {
        let all = town.notices(person).await;
        all.iter().filter(|row| row.kind == "low-balance").count()
    };
    town.sell(0, 3_000).await;
    let stop = town.still.work();
    town.bill(0).await;
    // The register after each bill at 0.60 yuan, and how many were told by then.
    for (wh, want) in [
        (10_000, 0), // 24.00
        (17_000, 1), // 19.80
        (20_000, 1), // 18.00
        (42_000, 2), // 4.80
        (43_000, 2), // 4.20
    ] {
        town.bill(wh).await;
        town.settled(STEP).await;
        assert_eq!(told().await, want, "{wh}");
    }
    town.sell(0, 3_000).await; // 34.20
    town.bill(44_000).await;
    town.bill(70_000).await; // 18.00
    town.settled(STEP).await;
    assert_eq!(told().await, 3);
    rest(stop).await;
}

async fn a_cut_and_its_end_are_told_with_what_brings_the_light_back() {
    let mut town = Town::live(1, as_is).await;
    let site = town.still.connect().await;
    let meter = town.still.layout.places[0].meter.clone();
    let person = town.tenant(PHONE, town.account(0)).await;
    let stop = town.still.work();
    let kinds = async || {
        let mut all = town.notices(person).await;
        all.sort_by_key(|row| row.created_at);
        all.into_iter().map(|row| row.kind).collect::<Vec<_>>()
    };
    town.house().steer_supply(PROJECT, meter.meter_id(), Wanted::Off).await.unwrap();
    town.still.until("the cut is told", async || kinds().await == ["cut-off"]).await;
    let told = town.notices(person).await;
    assert!(told[0].params.contains("\"amount_fen\":null"), "no payment undoes a cut by hand");
    town.house().steer_supply(PROJECT, meter.meter_id(), Wanted::On).await.unwrap();
    let back = async || kinds().await == ["cut-off", "restored"];
    town.still.until("the light is told", back).await;
    assert!(site.meter(&meter.address).unwrap().snapshot().relay_closed);
    // A cut for arrears names the amount: what is owed and the least a purse has to hold.
    let fact = Fact::of_meter(NoticeKind::CutOff, &meter, town.house().now()).unwrap();
    let fact = Fact { restore: true, balance_fen: Some(-1_260), ..fact };
    note(town.house(), fact, "cut-off:arrears").await;
    town.still.until("the second cut is told", async || kinds().await.len() == 3).await;
    let texts = async || town.texts(PHONE).await.len() == 3;
    town.still.until("by text, too", texts).await;
    assert_eq!(town.texts(PHONE).await[2]["params"]["amount"], "12.61");
    rest(stop).await;
    site.stop().await;
}

async fn a_cut_that_only_the_hour_forbids_is_announced_with_its_hour_once() {
    // It is ten, and nobody is cut before noon.
    let mut town = Town::live(1, |settings| {
        settings.trip_rules.protected_hours = vec![domain::arrears::Hours::of(8, 12)];
    })
    .await;
    let site = town.still.connect().await;
    let meter = town.still.layout.places[0].meter.clone();
    let person = town.tenant(PHONE, town.account(0)).await;
    super::trip::bill(town.house(), &town.still.layout.places, 500).await;
    let stop = town.still.work();
    let look = async |number: usize| {
        let id = JobId::generate(town.house().clock(), town.house().rng());
        let key = format!("{}:{number}", meter.id);
        let draft = store::job::draft(PROJECT, id, "arrears", &key, town.house().now());
        let payload = json!({ "meter": meter.id }).to_string();
        let job = store::job::Job { payload, ..draft };
        let added = town
            .house()
            .store()
            .transact(move |tx| Box::pin(async move { store::job::insert(tx, &job).await }));
        assert!(added.await.unwrap());
    };
    look(1).await;
    let told = async || !town.texts(PHONE).await.is_empty();
    town.still.until("the cut is announced", told).await;
    let all = town.notices(person).await;
    assert_eq!(all[0].kind, "warning");
    let params: vending::notice::Params = serde_json::from_str(&all[0].params).unwrap();
    let noon = params.cut_at.unwrap().with_timezone(&domain::business_day::china_standard_time());
    assert_eq!(noon.format("%H:%M").to_string(), "12:00");
    assert_eq!((params.amount_fen, params.balance_fen), (Some(501), Some(-500)));
    // Looked at again before noon, nobody is told again.
    look(2).await;
    let again = async || {
        let job = town.still.job("arrears", &format!("{}:2", meter.id)).await.unwrap();
        job.state == "ready" && job.run_at > town.house().now()
    };
    town.still.until("the second look", again).await;
    assert_eq!(town.notices(person).await.len(), 1);
    rest(stop).await;
    site.stop().await;
}

async fn a_top_up_and_its_light_are_one_notice() {
    let mut town = Town::live(1, as_is).await;
    let site = town.still.connect().await;
    let person = town.tenant(PHONE, town.account(0)).await;
    let meter = town.still.layout.places[0].meter.meter_id();
    let stop = town.still.work();
    let order = town.sell(0, 5_000).await;
    let told = async || !town.notices(person).await.is_empty();
    town.still.until("the top-up is told", told).await;
    town.settled(STEP).await;
    let all = town.notices(person).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].kind.as_str(), all[0].order_id), ("credited", Some(order.0)));
    let params: vending::notice::Params = serde_json::from_str(&all[0].params).unwrap();
    assert!(params.lit, "the light was back within the wait");
    assert_eq!((params.amount_fen, params.balance_fen), (Some(5_000), Some(5_000)));
    let shown = town.house().supply_shown(PROJECT, meter).await.unwrap();
    assert_eq!(shown.as_str(), "on");
    rest(stop).await;
    site.stop().await;
}

async fn a_notice_that_cannot_be_told_stands_in_nobodys_way() {
    let town = Town::at(MORNING, 1, as_is).await;
    let person = town.tenant(PHONE, town.account(0)).await;
    let order = town.sell(0, 5_000).await;
    // What would tell of the order cannot be read by anybody.
    let id = JobId::generate(town.house().clock(), town.house().rng());
    let draft =
        store::job::draft(PROJECT, id, "notice", &format!("credited:{order}"), town.house().now());
    let broken = store::job::Job { payload: "{\"kind\":\"birthday\"}".to_owned(), ..draft };
    let added = town
        .house()
        .store()
        .transact(move |tx| Box::pin(async move { store::job::insert(tx, &broken).await }));
    assert!(added.await.unwrap());
    let stop = town.still.work();
    let delivered = async || {
        town.pass(Duration::from_millis(50));
        let row = town.house().order(PROJECT, order).await.unwrap();
        row.state().unwrap() == OrderState::Delivered
    };
    town.still.until("the money arrived", delivered).await;
    let failed = async || {
        town.pass(Duration::from_secs(1));
        let job = town.still.job("notice", &format!("credited:{order}")).await.unwrap();
        job.attempts > 1 && job.last_error.is_some()
    };
    town.still.until("the notice failed more than once", failed).await;
    assert!(town.notices(person).await.is_empty());
    town.house().store().audit(Some(PROJECT)).await.unwrap();
    rest(stop).await;
}

async fn a_thousand_notices_do_not_delay_a_top_up() {
    let mut town = Town::at(MORNING, 1, |settings| settings.jobs_at_once = 8).await;
    let site = town.still.connect().await;
    town.tenant(PHONE, town.account(0)).await;
    town.provider.add_rule(Rule::new(Site::SmsAliyun, Fault::Slow { delay_ms: 200 }));
    for number in 0..1_000 {
        town.note(NoticeKind::CutOff, &format!("cut-off:{number}")).await;
    }
    let stop = town.still.work();
    let order = town.sell(0, 5_000).await;
    let lit = async || {
        town.pass(Duration::from_millis(50));
        let row = town.house().order(PROJECT, order).await.unwrap();
        row.state().unwrap() == OrderState::Restored
    };
    town.still.until("the light of who has paid", lit).await;
    let sent = town.texts(PHONE).await.len();
    assert!(sent < 900, "the light waited for {sent} messages");
    rest(stop).await;
    site.stop().await;
}
