//! What people may do to a delivery from the command line.

use domain::{Channel, OperatorId, ProjectId};
use meter_simulator::{Knob, Setting};
use provider_simulator::Pay;
use store::{
    StoreError, operation_log,
    operator::{self, Operator},
};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use yufu::{
    command::{
        Site,
        vend::{Resolve, Seen, What, run},
    },
    config::Config,
};

/// The control code of a top-up (`meters.md` A.5).
const TOP_UP: u8 = 0x03;

async fn person(world: &World, login: &'static str, role: &'static str, project: ProjectId) {
    let row = Operator {
        id: OperatorId::generate(world.house.clock(), world.house.rng()).0,
        login: login.to_owned(),
        name: login.to_owned(),
        password_hash: None,
        totp_secret: None,
        totp_last_step: None,
        state: "active".to_owned(),
        setup_token_hash: None,
        setup_expires_at: None,
        failed_count: 0,
        locked_until: None,
        created_at: world.house.now(),
    };
    let put = world.house.store().transact(move |tx| {
        Box::pin(async move {
            operator::insert(tx, row, &[(project, role.to_owned())]).await?;
            Ok::<_, StoreError>(())
        })
    });
    put.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolve_by_command_needs_two_who_may_and_is_logged() {
    let world = World::start(Plan::new(vec![Bus::prepaid(1)])).await;
    for (login, role, project) in [
        ("wang", "operator", PROJECT),
        ("li", "engineer", PROJECT),
        ("zhao", "auditor", PROJECT),
        ("qian", "cashier", PROJECT),
        ("sun", "owner", ProjectId(PROJECT.0 + 1)),
    ] {
        person(&world, login, role, project).await;
    }
    let address = &world.layout.places[0].meter.address;
    let meter = world.site.meter(address).unwrap();
    meter.turn(Knob::PartialApply, Setting::times(1).on(TOP_UP));
    let (order, no) = world.order(0, 2_000, Channel::WechatNative).await;
    world.provider.pay_now(&no, Pay::default()).unwrap();
    world.until_event(order.order_id(), "quarantined").await;
    let site = Site::of(Config::default(), world.house.store().clone());
    let resolve = |operator: &str, second: &str| {
        What::Resolve(Resolve {
            id: order.order_no.clone(),
            finding: Seen::Applied,
            operator: operator.to_owned(),
            second: second.to_owned(),
            reason: "looked at the display".to_owned(),
            count: Some(meter.snapshot().count),
            balance_fen: None,
            last_amount_fen: Some(2_000),
        })
    };
    let table = [
        ("wang", "zhao", "operator.may_not"),
        ("qian", "li", "operator.may_not"),
        ("wang", "sun", "operator.may_not"),
        ("wang", "nobody", "not_found"),
        ("wang", "wang", "malformed"),
        ("wang", "li", "done"),
    ];
    for (operator, second, want) in table {
        let done = run(resolve(operator, second), &site).await;
        let got = done.as_ref().map_or_else(|failure| failure.code(), |()| "done");
        assert_eq!(got, want, "{operator} and {second}: {done:?}");
    }
    let log = operation_log::list(site.store.read(), Some(PROJECT), None, 50).await.unwrap();
    let lines: Vec<_> = log.iter().filter(|line| line.action == "vend.resolve").collect();
    assert_eq!(lines.len(), 2 * table.len(), "each try begins and ends there");
    assert_eq!(lines[0].outcome, "done", "the newest first");
    assert!(lines[1].detail.contains(r#""second":"li""#), "{}", lines[1].detail);
    assert!(lines[0].operator_id.is_some());
}
