//! From the session to what the page draws.

use chrono::{DateTime, FixedOffset, NaiveTime, Utc};
use kiosk_wire::{content::Advert, order::OrderView, text::Text};
use qrcode::{EcLevel, QrCode, render::svg::Color};
use uuid::Uuid;

use crate::{
    advert::{is_due, local},
    intent::{Errand, Way},
    session::{
        Asked, Choosing, Pairing, Phase, READ_MS, Sale, Session, Step, WARN_MS, Work, World,
    },
    view::{Can, Countdown, Head, Picture, Screen, View},
    words,
};

/// Local time of every kiosk, in seconds east of Greenwich: Asia/Shanghai knows no summer time.
const LOCAL_S: i32 = 8 * 3600;
/// The most pictures that take turns on the home screen.
pub const PICTURES_MAX: usize = 8;

/// What the page draws. `now` is the server's time as the kiosk knows it.
///
/// Invariant: a view is made of the customer, their order and the kiosk; once the customer has
/// left, nothing of them is in it (`after_a_customer_has_left_nothing_of_them_is_on_the_screen`).
pub fn view(session: &Session, now: DateTime<Utc>) -> View {
    let mut mode = session.mode.clone();
    mode.dark =
        session.customer.is_none() && session.is_untouched(session.at_ms) && is_dark(session, now);
    View {
        seq: session.seq,
        now,
        head: head(session),
        screen: screen(session, now),
        countdown: countdown(session),
        can: can(session),
        mode,
    }
}

impl Session {
    /// Tells the session whether the schedule wants the screen dark, so that the first touch on a
    /// dark screen only wakes it.
    pub fn set_dark(&mut self, now: DateTime<Utc>) {
        self.mode.dark = is_dark(self, now);
    }
}

/// A QR code as a drawing: error correction M, a quiet zone of four modules. Empty where the text
/// is too long for any code.
pub(crate) fn qr_svg(content: &str) -> String {
    match QrCode::with_error_correction_level(content.as_bytes(), EcLevel::M) {
        Ok(code) => code.render::<Color<'_>>().quiet_zone(true).min_dimensions(240, 240).build(),
        Err(_) => String::new(),
    }
}

fn is_dark(session: &Session, now: DateTime<Utc>) -> bool {
    let settings = &session.world.settings;
    let parse = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let (Some(from), Some(until), Some(zone)) =
        (parse(&settings.dark_from), parse(&settings.dark_until), FixedOffset::east_opt(LOCAL_S))
    else {
        return false;
    };
    let time = now.with_timezone(&zone).time();
    if from <= until { from <= time && time < until } else { from <= time || time < until }
}

fn head(session: &Session) -> Head {
    let world = &session.world;
    Head {
        company: world.content.company.clone(),
        logo: world.logo.clone(),
        online: world.link_up,
        printer: if world.printer.state.is_empty() {
            "unknown".to_owned()
        } else {
            world.printer.state.clone()
        },
        number: world.settings.number.clone(),
        phone: world.content.service_phone.clone(),
        hours: world.content.service_hours.clone(),
        watched: world.watched,
        demo: world.demo,
    }
}

fn countdown(session: &Session) -> Option<Countdown> {
    let customer = session.customer.as_ref()?;
    if session.is_writing_card() && matches!(customer.step, Step::Sale { .. }) {
        return None;
    }
    let left_ms = customer.deadline.left_ms(session.at_ms);
    let asks = !matches!(
        customer.step,
        Step::Busy { .. } | Step::Preflight(_) | Step::Trouble { .. } | Step::Sale { .. }
    );
    let warn = asks && left_ms <= WARN_MS;
    Some(Countdown { left_ms, whole_ms: customer.deadline.whole_ms, warn })
}

fn can(session: &Session) -> Can {
    let Some(customer) = &session.customer else { return Can::default() };
    match &customer.step {
        _ if customer.still_there => Can { back: true, quit: true },
        Step::Preflight(_) => Can::default(),
        Step::Sale { client, .. } => {
            let quit = match session.sale(*client).map(|sale| &sale.phase) {
                Some(Phase::Paid { .. }) => !session.is_writing_card(),
                Some(Phase::Paying { confirming, .. }) => !confirming,
                Some(Phase::Closed | Phase::Nothing) | None => true,
                Some(_) => false,
            };
            // 返回 is dimmed once money may have moved.
            Can { back: false, quit }
        }
        _ => Can { back: true, quit: true },
    }
}

fn screen(session: &Session, now: DateTime<Utc>) -> Screen {
    let Some(customer) = &session.customer else { return empty_screen(session, now) };
    if customer.still_there {
        return Screen::StillThere;
    }
    match &customer.step {
        Step::Identify => Screen::Identify { errand: customer.errand, ways: ways(session) },
        Step::Number { asked, wrong } => number(asked, wrong.clone()),
        Step::Rooms { path, nodes } => Screen::Rooms {
            path: path.iter().map(|node| node.label.clone()).collect(),
            nodes: nodes.clone(),
        },
        Step::Matches(matches) => Screen::Matches { matches: matches.clone() },
        Step::Busy { work, .. } => busy(session, work),
        Step::Card => Screen::Card { order: None, step: card_step(session) },
        Step::Account(seen) => {
            Screen::Account { account: seen.account.clone(), closed: session.closed_for(seen) }
        }
        Step::Amount(choosing) => amount(session, choosing),
        Step::Preflight(_) => Screen::Busy { what: "ordering".to_owned(), percent: None },
        Step::NoPaper(_) => Screen::NoPaper { printer: session.world.printer.state.clone() },
        Step::Sale { client, .. } => sale_screen(session, *client),
        Step::Trouble { trouble, client } => {
            let order = client.and_then(|client| session.sale(client));
            let order = order.and_then(|sale| sale.view.as_ref());
            Screen::Trouble {
                code: trouble.code.clone(),
                what: trouble.what.clone(),
                safe: trouble.safe.clone(),
                todo: trouble.todo.clone(),
                order_no: order.map(|view| view.order_no.clone()),
                receipt_svg: order.and_then(|view| receipt_svg(view)),
            }
        }
    }
}

/// What is there while nobody is.
fn empty_screen(session: &Session, now: DateTime<Utc>) -> Screen {
    let world = &session.world;
    match &world.pairing {
        Pairing::Starting => return Screen::Boot,
        Pairing::Unpaired { code, fingerprint, address } => {
            return Screen::Unpaired {
                code: code.clone(),
                fingerprint: fingerprint.clone(),
                qr: address.as_deref().map(qr_svg),
            };
        }
        Pairing::Paired => {}
    }
    if let Some((reason, text)) = world.out_of_service() {
        let nearest = world.content.nearest.clone();
        return Screen::OutOfService { reason: reason.to_owned(), text, nearest };
    }
    if session.is_attract(session.at_ms)
        && let Some(advert) = &world.advert
    {
        return Screen::Attract {
            url: advert.url.clone(),
            media: advert.media.clone(),
            title: advert.title.clone(),
            play: advert.play,
        };
    }
    let mut errands = vec![Errand::TopUp, Errand::Balance];
    errands.extend(world.cards().then_some(Errand::Card));
    errands.push(Errand::Receipt);
    Screen::Home {
        content: Box::new(world.content.clone()),
        day: world.day.clone(),
        closed: world.closed(),
        unfinished: unfinished(session),
        errands,
        pictures: pictures(world, now),
    }
}

/// The pictures of the playlist whose time it is. Films are for adverts alone.
fn pictures(world: &World, now: DateTime<Utc>) -> Vec<Picture> {
    let Some(base) = &world.media else { return Vec::new() };
    let due = world.content.playlist.iter().filter(|advert| {
        advert.file.media_type.starts_with("image/") && is_due(advert, local(now))
    });
    let picture = |advert: &Advert| Picture {
        url: format!("{base}/{}", advert.file.sha256),
        title: advert.title.clone(),
        seconds: advert.seconds,
    };
    due.take(PICTURES_MAX).map(picture).collect()
}

fn unfinished(session: &Session) -> Option<Text> {
    let open = |sale: &Sale| sale.journalled && sale.awaits_card();
    session.sales.iter().any(open).then(words::unfinished_card)
}

fn ways(session: &Session) -> Vec<Way> {
    let mut ways = vec![Way::Meter, Way::Room, Way::Phone];
    ways.extend(session.world.cards().then_some(Way::Card));
    ways
}

fn number(asked: &Asked, wrong: Option<Text>) -> Screen {
    let (what, max, about) = match asked {
        Asked::Meter => ("meter", 12, None),
        Asked::Phone => ("phone", 11, None),
        Asked::Code { masked, .. } => ("code", 6, Some(words::room(masked))),
        Asked::LastFour { path } => {
            let labels: Vec<&str> = path.iter().map(|node| node.label.as_str()).collect();
            ("last_four", 4, Some(words::room(&labels.join(" "))))
        }
        Asked::Order => ("order", 24, None),
        Asked::OrderLastFour { order_no } => ("last_four", 4, Some(words::room(order_no))),
    };
    Screen::Number { what: what.to_owned(), max, about, wrong }
}

fn busy(session: &Session, work: &Work) -> Screen {
    let what = match work {
        Work::Looking(_) | Work::Cascade(_) => "looking",
        Work::Reading { .. } => "reading",
        Work::Finding(_) => "finding",
    };
    let deadline = session.customer.as_ref().map(|customer| customer.deadline);
    let percent = deadline.filter(|_| what == "reading").map(|deadline| {
        let gone = READ_MS.saturating_sub(deadline.left_ms(session.at_ms));
        u8::try_from((gone * 100 / READ_MS).min(99)).unwrap_or(99)
    });
    Screen::Busy { what: what.to_owned(), percent }
}

fn amount(session: &Session, choosing: &Choosing) -> Screen {
    Screen::Amount {
        account: choosing.seen.account.clone(),
        amounts: choosing.seen.account.amounts.clone(),
        quote: choosing.quote.clone(),
        wrong: choosing.wrong.clone(),
        wallets: session.world.settings.wallets.clone(),
    }
}

fn card_step(session: &Session) -> String {
    session.card.as_ref().map_or("ask", |work| work.step()).to_owned()
}

fn receipt_svg(view: &OrderView) -> Option<String> {
    let svg = qr_svg(view.receipt_url.as_deref()?);
    (!svg.is_empty()).then_some(svg)
}

/// An order that the server has not told of yet.
fn ordering() -> Screen {
    Screen::Busy { what: "ordering".to_owned(), percent: None }
}

fn sale_screen(session: &Session, client: Uuid) -> Screen {
    let Some(sale) = session.sale(client) else { return ordering() };
    let Some(order) = sale.view.clone() else {
        return match session.card_work_of(client) {
            Some(work) => Screen::Card { order: None, step: work.step().to_owned() },
            None => ordering(),
        };
    };
    if let Some(work) = session.card_work_of(client) {
        let order = Some(without_code(order));
        return Screen::Card { order, step: work.step().to_owned() };
    }
    match &sale.phase {
        Phase::Placing { .. } | Phase::Asking => ordering(),
        Phase::Paying { confirming: true, .. } | Phase::Closing => {
            Screen::Confirming { order: checking(order) }
        }
        Phase::Paying { svg, .. } => pay(session, client, order, svg),
        Phase::Paid { .. } | Phase::Closed | Phase::Nothing => result(session, sale, order),
    }
}

/// The words of doubt over whatever the server said last.
fn checking(order: Box<OrderView>) -> Box<OrderView> {
    let words::Trouble { what, safe, todo, .. } = words::trouble("confirming");
    Box::new(OrderView { what, safe, todo, ..*without_code(order) })
}

fn without_code(order: Box<OrderView>) -> Box<OrderView> {
    Box::new(OrderView { qr: None, ..*order })
}

/// The code, or its cover.
///
/// Invariant: a code is shown only while the server was heard within five seconds (KI2)
/// (`whatever_happens_no_session_makes_two_orders_and_no_code_is_shown_while_offline`).
fn pay(session: &Session, client: Uuid, order: Box<OrderView>, svg: &str) -> Screen {
    let order = without_code(order);
    let in_time = session.customer.as_ref().is_some_and(|c| c.deadline.left_ms(session.at_ms) > 0);
    if session.is_live(session.at_ms) && in_time && session.world.journal {
        let other_wallet = session.other_wallet(client).is_some();
        return Screen::Pay { order, qr_svg: Some(svg.to_owned()), covered: None, other_wallet };
    }
    let words::Trouble { what, safe, todo, .. } = words::trouble("qr_offline");
    Screen::Pay {
        order: Box::new(OrderView { what, safe, todo, ..*order }),
        qr_svg: None,
        covered: Some("offline".to_owned()),
        other_wallet: false,
    }
}

fn result(session: &Session, sale: &Sale, order: Box<OrderView>) -> Screen {
    Screen::Result {
        receipt: sale.paper.state.as_str().to_owned(),
        copies: sale.paper.copies,
        receipt_svg: receipt_svg(&order),
        reprint: session.can_reprint(sale.client),
        order: without_code(order),
    }
}
