//! Callbacks of strangers: refused, counted, told nothing.

use crate::world::{Sent, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_no_provider_signed_is_refused_in_the_providers_words() {
    let world = World::start().await;
    let fail = r#"{"code":"FAIL","message":"失败"}"#;
    let table = [
        ("/callback/wechat-pay/none", "{}", 404, fail),
        ("/callback/alipay/none", "a=b", 404, "failure"),
    ];
    for (path, body, status, text) in table {
        let sent = Sent { raw: Some(body.as_bytes().to_vec()), ..Sent::default() };
        let reply = world.send("POST", path, sent).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, text), "{path}");
    }
    let got = world.send("GET", "/callback/alipay/none", Sent::default()).await;
    assert_eq!(got.code(), "method_not_allowed");
    let metrics = &world.server.app().metrics;
    assert_eq!(metrics.callbacks("wechat-pay", "no-merchant"), 1);
    assert_eq!(metrics.callbacks("alipay", "no-merchant"), 1);
    world.stop().await;
}
