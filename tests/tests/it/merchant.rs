//! Merchants' keys: proven against the provider before they are taken.

use std::path::PathBuf;

use provider_simulator::{KeyMode, WechatMerchant};
use tests::{
    fixture::{Bus, PROJECT},
    world::{Plan, World},
};
use yufu::{
    command::{
        Site,
        merchant::{Add, Door, What, run},
    },
    config::Config,
};

/// A merchant of the provider that the site does not know yet.
const MCHID: &str = "1900000002";

/// The site as the command line has it, and a fresh folder of the merchant's keys.
fn site(world: &World) -> (Site, tempfile::TempDir) {
    let mut config = Config::default();
    config.wechat_pay.base_url = world.provider.base_url.clone();
    let dir = tempfile::tempdir().unwrap();
    world.provider.write_merchant_files(dir.path()).unwrap();
    (Site::of(config, world.house.store().clone()), dir)
}

fn folder(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("wechat-pay").join(MCHID)
}

fn add(dir: &tempfile::TempDir) -> What {
    What::Add(Box::new(Add {
        project: PROJECT.0,
        provider: Door::WechatPay,
        merchant_no: MCHID.to_owned(),
        app_id: "wx8888888888888888".to_owned(),
        keys: folder(dir),
        sub_merchant_no: None,
        sub_app_id: None,
        aes_key_file: None,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_api_v3_key_is_refused_before_it_is_taken() {
    let mut plan = Plan::new(vec![Bus::prepaid(1)]);
    let other = WechatMerchant { mchid: MCHID.to_owned(), ..WechatMerchant::default() };
    plan.provider.wechat_merchants.push(other);
    let world = World::start(plan).await;
    let (site, dir) = site(&world);
    let right = std::fs::read_to_string(folder(&dir).join("api_v3.key")).unwrap();
    let wrong = "another key of the same thirty 2";
    let test = || What::Test { id: Some(MCHID.to_owned()) };
    let table = [
        // The provider seals with another key than the one in the folder.
        (add(&dir), KeyMode::Both, wrong, Some("merchant.api_v3")),
        (add(&dir), KeyMode::Certificate, wrong, Some("merchant.api_v3")),
        (test(), KeyMode::Both, &right, Some("not_found")),
        (add(&dir), KeyMode::Both, &right, None),
        (test(), KeyMode::Certificate, &right, None),
        (test(), KeyMode::Certificate, wrong, Some("merchant.api_v3")),
        // With a public key alone nothing can prove it beforehand, and the command says so.
        (test(), KeyMode::PublicKey, wrong, None),
    ];
    for (at, (what, mode, sealed_with, refused)) in table.into_iter().enumerate() {
        world.provider.set_key_mode(MCHID, mode, 0);
        world.provider.set_api_v3_key(MCHID, sealed_with);
        let done = run(what, &site).await;
        let code = done.as_ref().err().map(|failure| failure.code());
        assert_eq!(code, refused, "row {at}: {done:?}");
    }
}
