//! Views: one of every screen, and of what makes a screen look different.

use kiosk_wire::{
    account::{AccountView, Match},
    content::{Advert, File, HomeContent},
    order::{OrderState, OrderView},
    text::Text,
};
use terminal::{
    intent::{Errand, Way},
    view::{Can, Countdown, Day, Head, Mode, Picture, Screen, View},
};

use crate::{meters, orders};

const ERRANDS: [Errand; 4] = [Errand::TopUp, Errand::Balance, Errand::Card, Errand::Receipt];
const WAYS: [Way; 4] = [Way::Meter, Way::Room, Way::Phone, Way::Card];

fn t(zh: &str, en: &str) -> Text {
    Text::new(zh, en)
}

fn head() -> Head {
    Head {
        company: t("和园物业", "Heyuan Property"),
        logo: None,
        online: true,
        printer: "ready".into(),
        number: "K-03".into(),
        phone: "0571-0000 1204".into(),
        hours: t("24 小时", "24 hours"),
        watched: false,
        demo: false,
    }
}

/// A screen nobody has touched.
fn idle(screen: Screen) -> View {
    View {
        seq: 7,
        now: meters::now(),
        head: head(),
        mode: Mode { language: "zh".into(), ..Mode::default() },
        screen,
        countdown: None,
        can: Can::default(),
    }
}

/// A screen of a customer's session, with `left` of `whole` seconds.
fn session(left: u64, whole: u64, screen: Screen) -> View {
    let ring = Countdown { left_ms: left * 1000, whole_ms: whole * 1000, warn: left <= 15 };
    View { countdown: Some(ring), can: Can { back: true, quit: true }, ..idle(screen) }
}

/// The same once money may have moved.
fn no_way_back(view: View) -> View {
    View { can: Can { back: false, quit: true }, ..view }
}

fn content() -> HomeContent {
    let file = File { sha256: "a7".repeat(32), bytes: 81_204, media_type: "image/png".into() };
    let advert = Advert {
        file: file.clone(),
        title: t("晚上 10 点后，电价更低", "Cheaper after 10 pm"),
        seconds: 15,
        from_day: String::new(),
        until_day: String::new(),
        from_time: "08:00".into(),
        until_time: "22:00".into(),
        weekdays: vec![],
    };
    HomeContent {
        version: 12,
        company: t("和园物业", "Heyuan Property"),
        intro: t(
            "谷段 ¥0.34/度，凌晨 2–6 点深谷 ¥0.22/度。洗衣、烧水可以放到夜里",
            "Off-peak ¥0.34/kWh, from 2 to 6 am ¥0.22/kWh. Wash and heat water at night",
        ),
        logo: None,
        tips: vec![
            t(
                "充值后请等屏幕显示“已充入”再离开，并取走凭条",
                "Wait for “On the meter” before you leave, and take your receipt",
            ),
            t("请勿让他人代扫二维码", "Do not let a stranger scan the code for you"),
        ],
        notice: Some(t("晚上 10 点后，电价更低", "Power is cheaper after 10 pm")),
        service_phone: "0571-0000 1204".into(),
        service_hours: t("24 小时", "24 hours"),
        nearest: Some(t("东门门卫室旁", "Beside the east gate")),
        playlist: vec![advert],
    }
}

fn day_of(date: &str, weekday: u8, lunar: &str) -> Day {
    Day { date: date.into(), weekday, lunar: lunar.into(), ..Day::default() }
}

fn week() -> Vec<Day> {
    let lunar = ["初八", "初九", "初十", "十一", "十二", "十三", "十四"];
    let mut days: Vec<Day> = (1..=7u8)
        .map(|weekday| {
            let name = format!("丙午年十月{}", lunar[usize::from(weekday) - 1]);
            day_of(&format!("2026-11-{}", 15 + weekday), weekday, &name)
        })
        .collect();
    days[6].term = "小雪".into();
    days
}

fn day() -> Day {
    Day {
        ahead: t("后天小雪，距元旦 42 天", "Lesser Snow in 2 days, New Year in 42"),
        week: week(),
        ..day_of("2026-11-20", 5, "丙午年十月十二")
    }
}

fn home() -> Screen {
    Screen::Home {
        content: Box::new(content()),
        day: day(),
        closed: None,
        unfinished: None,
        errands: ERRANDS.to_vec(),
        pictures: Vec::new(),
    }
}

/// Where the kiosk serves a file, as the page is told.
fn file(name: &str) -> String {
    format!("http://127.0.0.1:4807/k7Qm2Xw9/{}", name.repeat(32))
}

/// Two pictures take turns with what is said.
fn pictured() -> View {
    let mut view = idle(home());
    view.head.logo = Some(file("10"));
    if let Screen::Home { pictures, .. } = &mut view.screen {
        let picture = |name: &str, zh: &str, en: &str| Picture {
            url: file(name),
            title: t(zh, en),
            seconds: 15,
        };
        pictures.push(picture("a7", "电梯 11 月 23 日检修", "The lift is serviced on 23 Nov"));
        pictures.push(picture("b8", "", ""));
    }
    view
}

/// A festival with days off and worked.
fn festival() -> Screen {
    let mut week = week();
    for (at, rest) in [(0, "work"), (3, "off"), (4, "off"), (5, "off"), (6, "off")] {
        week[at].rest = rest.into();
    }
    week[3].festival = t("国庆节", "National Day");
    Screen::Home {
        content: Box::new(HomeContent { notice: None, ..content() }),
        day: Day {
            festival: t("国庆节", "National Day"),
            rest: "off".into(),
            week,
            ..day_of("2026-11-19", 4, "丙午年八月廿一")
        },
        closed: Some(t("网络断了，暂时不能充值，查询也请稍后", "No network: top-ups are off")),
        unfinished: Some(t(
            "上次写卡没有完成，请重新贴同一张卡",
            "A card was not finished: place the same card again",
        )),
        errands: ERRANDS.to_vec(),
        pictures: Vec::new(),
    }
}

fn idles() -> Vec<(&'static str, View)> {
    let unpaired = |code: Option<&str>| Screen::Unpaired {
        code: code.map(str::to_owned),
        fingerprint: "482913".into(),
        qr: code.map(|_| orders::QR.to_owned()),
    };
    let mut festival = idle(festival());
    festival.head.online = false;
    festival.head.printer = "paper_out".into();
    let mut demo = idle(home());
    demo.head.demo = true;
    demo.head.watched = true;
    demo.head.printer = "near_end".into();
    let mut dark = idle(home());
    dark.mode.dark = true;
    let attract = |media: &str| Screen::Attract {
        url: file("a7"),
        media: media.into(),
        title: t("晚上 10 点后，电价更低", "Power is cheaper after 10 pm"),
        play: 41,
    };
    let mut all = vec![
        ("boot", idle(Screen::Boot)),
        ("unpaired", idle(unpaired(Some("7K2QXW9L")))),
        ("unpaired-waiting", idle(unpaired(None))),
        ("home", idle(home())),
        ("home-pictures", pictured()),
        ("home-festival", festival),
        ("home-demo", demo),
        ("home-dark", dark),
        ("attract-image", idle(attract("image"))),
        ("attract-video", idle(attract("video"))),
    ];
    let closed = [
        ("locked", "管理员已暂停这台终端", "Switched off by the property office"),
        ("revoked", "这台终端没有授权", "This kiosk is not authorised"),
        ("disk", "本机存储出了问题", "The storage of this kiosk failed"),
        ("clock", "本机时间不对", "The clock of this kiosk is wrong"),
        ("printer", "打印机出了问题", "The printer failed"),
        ("card_pending", "有一次写卡还没有完成", "A card was not finished"),
    ];
    let names =
        ["out-locked", "out-revoked", "out-disk", "out-clock", "out-printer", "out-card-pending"];
    all.extend(names.into_iter().zip(closed).map(|(name, (reason, zh, en))| {
        let nearest = (reason != "revoked").then(|| t("东门门卫室旁", "Beside the east gate"));
        let text = t(zh, en);
        (name, idle(Screen::OutOfService { reason: reason.into(), text, nearest }))
    }));
    all
}

fn number(what: &str, max: u8, about: Option<Text>, wrong: Option<Text>) -> View {
    session(52, 60, Screen::Number { what: what.into(), max, about, wrong })
}

fn rooms(path: &[&str], nodes: Vec<kiosk_wire::account::RoomNode>) -> View {
    session(48, 60, Screen::Rooms { path: path.iter().map(|&p| p.to_owned()).collect(), nodes })
}

fn finding() -> Vec<(&'static str, View)> {
    let errand = |errand| Screen::Identify { errand, ways: WAYS.to_vec() };
    let buildings = meters::nodes((1..=5).map(|n| format!("{n} 栋")), false);
    let flats = (1..=11).flat_map(|floor| (1..=4).map(move |n| format!("{floor:02}{n:02}")));
    let two = vec![
        meters::matched("002103602268", "3 号楼 1 单元 0602", "electricity"),
        meters::matched("000081504408", "3 号楼 1 单元 0602", "water"),
    ];
    let many: Vec<Match> = (1..=24)
        .map(|n| {
            let number = format!("0021036{n:05}");
            meters::matched(&number, &format!("3 号楼 1 单元 {n:02}02"), "electricity")
        })
        .collect();
    let wrong = t("尾号不对，还可以试 3 次", "Wrong digits, 3 more tries");
    let room = t("3 号楼 1 单元 0602", "Building 3, unit 1, 0602");
    let busy = |what: &str, percent| Screen::Busy { what: what.into(), percent };
    vec![
        ("identify", session(57, 60, errand(Errand::TopUp))),
        ("identify-receipt", session(14, 60, errand(Errand::Receipt))),
        ("number-meter", number("meter", 12, None, None)),
        ("number-phone", number("phone", 11, None, None)),
        (
            "number-code",
            number("code", 6, Some(t("已发到 138****1234", "Sent to 138****1234")), None),
        ),
        ("number-last-four", number("last_four", 4, Some(room), Some(wrong))),
        ("number-order", number("order", 24, None, None)),
        ("rooms-top", rooms(&[], buildings)),
        ("rooms-flats", rooms(&["5 栋", "1 单元"], meters::nodes(flats, true))),
        ("rooms-none", rooms(&["5 栋"], vec![])),
        ("matches", session(44, 60, Screen::Matches { matches: two })),
        ("matches-many", session(44, 60, Screen::Matches { matches: many })),
        ("matches-none", session(44, 60, Screen::Matches { matches: vec![] })),
        ("busy-looking", session(58, 60, busy("looking", None))),
        ("busy-reading", session(51, 60, busy("reading", Some(40)))),
        ("busy-quoting", session(51, 60, busy("quoting", None))),
        ("busy-ordering", no_way_back(session(55, 60, busy("ordering", None)))),
        ("busy-finding", session(55, 60, busy("finding", None))),
    ]
}

fn account(account: AccountView) -> View {
    let closed = account.closed.clone();
    session(52, 60, Screen::Account { account: Box::new(account), closed })
}

fn amount(account: AccountView, quote: Option<kiosk_wire::account::Quote>) -> Screen {
    Screen::Amount {
        account: Box::new(account),
        amounts: meters::amounts(),
        quote,
        wrong: None,
        wallets: vec!["wechat".into(), "alipay".into()],
    }
}

fn paying() -> Vec<(&'static str, View)> {
    let mut closed = meters::lit();
    closed.closed = Some(t("这块表正在更换，暂时不能充值", "This meter is being replaced"));
    let mut restores = meters::quote();
    restores.amount_fen = 2_564;
    restores.balance_after_fen = Some(2_000);
    restores.quantity = None;
    restores.restores = Some(true);
    let mut less = restores.clone();
    less.amount_fen = 2_000;
    less.balance_after_fen = Some(1_436);
    less.restores = Some(false);
    let mut wrong = amount(meters::lit(), None);
    if let Screen::Amount { wrong, .. } = &mut wrong {
        *wrong = Some(t("最少 ¥1，最多 ¥2,000", "From ¥1 to ¥2,000"));
    }
    let pay = |order: OrderView, covered: Option<&str>| Screen::Pay {
        qr_svg: covered.is_none().then(|| orders::QR.to_owned()),
        covered: covered.map(str::to_owned),
        other_wallet: covered.is_none(),
        order: Box::new(order),
    };
    let alipay = OrderView { wallet: "alipay".into(), ..orders::waiting() };
    let mut covered = no_way_back(session(117, 120, pay(orders::waiting(), Some("offline"))));
    covered.head.online = false;
    let confirming =
        Screen::Confirming { order: Box::new(orders::in_state(OrderState::Confirming)) };
    vec![
        ("account", account(meters::lit())),
        ("account-cut", account(meters::cut())),
        ("account-silent", account(meters::silent())),
        ("account-unread", account(meters::unread())),
        ("account-water", account(meters::water())),
        ("account-closed", account(closed)),
        ("amount", session(49, 60, amount(meters::lit(), None))),
        ("amount-quoted", session(49, 60, amount(meters::lit(), Some(meters::quote())))),
        ("amount-restores", session(49, 60, amount(meters::cut(), Some(restores)))),
        ("amount-less", session(49, 60, amount(meters::cut(), Some(less)))),
        ("amount-wrong", session(49, 60, wrong)),
        ("no-paper", session(40, 60, Screen::NoPaper { printer: "paper_out".into() })),
        ("pay", session(98, 120, pay(orders::waiting(), None))),
        ("pay-alipay", session(12, 120, pay(alipay, None))),
        ("pay-covered", covered),
        ("confirming", no_way_back(session(55, 60, confirming))),
    ]
}

fn result(order: OrderView, receipt: &str, copies: u32) -> View {
    let screen = Screen::Result {
        receipt: receipt.into(),
        copies,
        receipt_svg: order.receipt_url.is_some().then(|| orders::QR.to_owned()),
        reprint: order.state.is_paid() && receipt != "printing",
        order: Box::new(order),
    };
    no_way_back(session(27, 30, screen))
}

fn results() -> Vec<(&'static str, View)> {
    let of = |state, receipt: &str| result(orders::in_state(state), receipt, 0);
    let mut dark = orders::in_state(OrderState::OnMeter);
    dark.supply = "off".into();
    vec![
        ("result-power-on", of(OrderState::PowerOn, "printing")),
        ("result-printed", result(orders::in_state(OrderState::PowerOn), "printed", 1)),
        ("result-paper-out", of(OrderState::PowerOn, "paper_out")),
        ("result-print-failed", of(OrderState::PowerOn, "failed")),
        ("result-print-unknown", of(OrderState::PowerOn, "unknown")),
        ("result-no-receipt", of(OrderState::PowerOn, "none")),
        ("result-on-meter-dark", result(dark, "printed", 1)),
        ("result-paid", of(OrderState::Paid, "printing")),
        ("result-paid-offline", of(OrderState::PaidOffline, "printed")),
        ("result-in-doubt", of(OrderState::InDoubt, "printed")),
        ("result-held", of(OrderState::Held, "printed")),
        ("result-refunded", of(OrderState::Refunded, "printed")),
        ("result-closed", of(OrderState::Closed, "none")),
        ("result-card-written", result(orders::by_card(OrderState::CardWritten), "printed", 1)),
    ]
}

fn cards() -> Vec<(&'static str, View)> {
    let card = |step: &str, order: bool| {
        let order = order.then(|| Box::new(orders::by_card(OrderState::AwaitingCard)));
        no_way_back(session(50, 60, Screen::Card { order, step: step.into() }))
    };
    let shut = |view: View| View { countdown: None, can: Can::default(), ..view };
    let mut first = card("ask", false);
    first.can = Can { back: true, quit: true };
    vec![
        ("card-ask", first),
        ("card-reading", shut(card("reading", false))),
        ("card-ask-paid", card("ask", true)),
        ("card-writing", shut(card("writing", true))),
        ("card-verifying", shut(card("verifying", true))),
        ("card-other", card("other_card", true)),
        ("card-unknown", card("unknown", true)),
        ("card-broken", card("broken", true)),
    ]
}

fn troubles() -> Vec<(&'static str, View)> {
    let trouble = |code: &str, [what, safe, todo]: [(&str, &str); 3], order: bool| {
        let screen = Screen::Trouble {
            code: code.into(),
            what: t(what.0, what.1),
            safe: t(safe.0, safe.1),
            todo: t(todo.0, todo.1),
            order_no: order.then(|| "YF2611201424310188".into()),
            receipt_svg: order.then(|| orders::QR.to_owned()),
        };
        no_way_back(session(25, 30, screen))
    };
    let lost = [
        ("网络断了，暂时不能充值", "No network, top-ups are off"),
        ("没有扣款", "Nothing was charged"),
        ("请稍后再试，或找另一台终端", "Try again later, or use another kiosk"),
    ];
    let unknown = [
        ("写卡没完成", "Card not finished"),
        ("这笔钱还在，不会写两次", "The money is safe, it is never written twice"),
        ("请重新贴同一张卡", "Place the same card again"),
    ];
    vec![
        ("trouble-network", trouble("network", lost, false)),
        ("trouble-order", trouble("card_unknown", unknown, true)),
        ("still-there", no_way_back(session(9, 10, Screen::StillThere))),
    ]
}

/// Every sample with its name.
pub fn all() -> Vec<(String, View)> {
    [idles(), finding(), paying(), results(), cards(), troubles()]
        .into_iter()
        .flatten()
        .map(|(name, view)| (name.to_owned(), view))
        .collect()
}
