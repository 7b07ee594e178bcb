//! Signing in from Alipay, with answers an unrelated implementation has signed.

use std::fs;

use serde_json::{Value, json};
use store::entity::merchant;

use super::{
    MINI,
    far_side::{Doorway, text},
};
use crate::world::{Sent, id};

crate::base::on_both_databases! {
    somebody_signs_in_from_alipay_and_unsigned_names_are_nobody,
    a_page_in_alipay_signs_its_visitor_in,
}

const APP: &str = "2021000000000001";
const APP_KEY: &str = include_str!("../../../crates/connector/tests/alipay/keys/app.key.pem");
const ALIPAY_PUB: &str = include_str!("../../../crates/connector/tests/alipay/keys/alipay.pub.pem");
const VECTORS: &str = include_str!("../../../crates/connector/tests/alipay/vectors.json");

/// A signed answer by its name.
fn answer(name: &str) -> String {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let answers = vectors["answers"].as_array().unwrap();
    let found = answers.iter().find(|one| one["name"] == name);
    text(found.unwrap_or_else(|| panic!("no answer {name}")), "body")
}

/// A doorway with an Alipay application among its merchants' accounts.
async fn open(keys: &tempfile::TempDir) -> Doorway {
    fs::write(keys.path().join("app.key.pem"), APP_KEY).unwrap();
    fs::write(keys.path().join("alipay_public_key.pem"), ALIPAY_PUB).unwrap();
    let door = Doorway::open_with(|config| APP.clone_into(&mut config.alipay.sign_in_app_id)).await;
    let row = merchant::Model {
        id: id(20, 1),
        project_id: 1,
        provider: "alipay".to_owned(),
        mode: "ordinary".to_owned(),
        merchant_no: "2088000000000002".to_owned(),
        sub_merchant_no: String::new(),
        app_id: APP.to_owned(),
        sub_app_id: None,
        path_token: "m1".to_owned(),
        key_dir: keys.path().display().to_string(),
        config: "{}".to_owned(),
        active: true,
        created_at: door.world.now(),
    };
    let store = door.world.server.house().store();
    let kept = store.transact(move |tx| Box::pin(async move { store::insert(tx, row).await }));
    kept.await.unwrap();
    door.world.server.reload().await.unwrap();
    door
}

async fn somebody_signs_in_from_alipay_and_unsigned_names_are_nobody() {
    let keys = tempfile::tempdir().unwrap();
    let door = open(&keys).await;
    let sign_in = async |code: &str, name: &str, text: &dyn Fn(String) -> String| {
        door.far.press_in_alipay(code, &text(answer(name)));
        let body = json!({ "app_id": APP, "auth_code": code });
        door.post("/session/alipay-mini", body).await
    };
    let whole = |text: String| text;
    let first = sign_in("c1", "sign in", &whole).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json()["person"]["identities"][0]["kind"], "alipay");
    let again = sign_in("c2", "sign in", &whole).await.json();
    assert_eq!(again["person"]["id"], first.json()["person"]["id"]);
    let older = sign_in("c3", "sign in, old application", &whole).await.json();
    assert_ne!(older["person"]["id"], first.json()["person"]["id"]);
    let forged = |text: String| text.replace("074a1Cc", "074a1Cd");
    for (name, bend, code) in [
        ("sign in", &forged as &dyn Fn(String) -> String, "door.closed"),
        ("sign in, nobody", &whole, "door.closed"),
        ("sign in, spent code", &whole, "code.refused"),
        ("sign in, spent code, unsigned", &whole, "code.refused"),
    ] {
        assert_eq!(sign_in("c4", name, bend).await.code(), code, "{name}");
    }
    for (app_id, auth_code, code) in
        [("2021000000000009", "c1", "sign_in.not_offered"), (APP, "", "malformed")]
    {
        let body = json!({ "app_id": app_id, "auth_code": auth_code });
        assert_eq!(door.post("/session/alipay-mini", body).await.code(), code);
    }
    door.stop().await;
}

async fn a_page_in_alipay_signs_its_visitor_in() {
    let keys = tempfile::tempdir().unwrap();
    let door = open(&keys).await;
    let path = format!("{MINI}/session/alipay?return_to=%2Ft%2F7QK2MZ9XW4RT");
    let gone = door.world.send("GET", &path, Sent::default()).await;
    let link = gone.headers["location"].clone();
    let start = format!(
        "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm?app_id={APP}&scope=auth_base&"
    );
    assert!(link.starts_with(&start), "{link}");
    let state = link.split("&state=").nth(1).unwrap();
    let cookie = gone.headers["set-cookie"].split(';').next().unwrap();
    door.far.press_in_alipay("c1", &answer("sign in"));
    let back = async |provider: &str, app_id: &str| {
        // Alipay adds what it likes.
        let path = format!(
            "{MINI}/session/{provider}/back?app_id={app_id}&source=alipay_wallet&scope=auth_base\
             &state={state}&auth_code=c1&code=c1"
        );
        let sent = Sent::default().header("cookie", cookie);
        door.world.send("GET", &path, sent).await.headers["location"].clone()
    };
    // A state of one provider is none of the other's.
    assert!(back("wechat", APP).await.ends_with("?sign_in=code_refused"));
    let place = back("alipay", APP).await;
    let (page, ticket) = place.split_once("ticket=").unwrap_or_else(|| panic!("{place}"));
    assert_eq!(page, "/m/#/pages/welcome/welcome?tag=7QK2MZ9XW4RT&");
    let session = super::page::redeem(&door, ticket, cookie).await;
    assert_eq!(session.status, 200, "{}", session.text);
    assert_eq!(session.json()["person"]["identities"][0]["kind"], "alipay");
    door.stop().await;
}
