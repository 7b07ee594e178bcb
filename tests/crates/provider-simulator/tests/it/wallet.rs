//! The payer's pages.

use provider_simulator::{Config, Pay, Provider};

use crate::wechat_merchant::{client, world};
use crate::{alipay_merchant, receiver::Receiver};

const URL: &str = "http://127.0.0.1:9/callback";

async fn page(url: &str) -> String {
    let answer = client().get(url).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{url}");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"));
    answer.text().await.unwrap()
}

async fn press(provider: &Provider, no: &str, action: &str) -> String {
    let url = provider.wallet_url(no).unwrap();
    let request = client().post(url).header("Content-Type", "application/x-www-form-urlencoded");
    let answer = request.body(format!("action={action}&lang=zh")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303);
    let to = answer.headers()["location"].to_str().unwrap().to_owned();
    page(&format!("{}{to}", provider.base_url)).await
}

#[tokio::test]
async fn a_person_approves_declines_pays_late_and_pays_twice() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    // order, closed first, button, words on the page, payments, paid fen
    for (no, close, action, words, payments, paid_fen) in [
        ("WALLET01", false, "approve", "已付款", 1, 5_000),
        ("WALLET02", false, "decline", "没有扣款", 0, 0),
        ("WALLET03", true, "approve", "订单已关闭", 0, 0),
        ("WALLET04", true, "late", "关单后付款", 1, 5_000),
        ("WALLET05", false, "twice", "付了两笔", 2, 10_000),
        ("WALLET06", false, "coupon", "券抵扣", 1, 5_000),
    ] {
        merchant.place(no, 5_000, &receiver.url).await;
        if close {
            merchant.close(no).await;
        }
        let shown = press(&provider, no, action).await;
        assert!(shown.contains(words), "{no} {action}: {shown}");
        let trade = provider.trade(no).unwrap();
        assert_eq!((trade.payments.len(), trade.paid_fen()), (payments, paid_fen), "{no}");
    }
    receiver.wait(5).await;
    // Planned while open, paid the moment the merchant closes.
    merchant.place("WALLET07", 5_000, &receiver.url).await;
    assert!(press(&provider, "WALLET07", "late").await.contains("商家关单后会立刻付款"));
    assert_eq!(merchant.close("WALLET07").await.status, 204);
    let trade = provider.trade("WALLET07").unwrap();
    assert!(trade.payments.len() == 1 && trade.payments[0].after_close);
    receiver.wait(6).await;
}

#[tokio::test]
async fn whatever_came_of_a_button_the_page_says_it_in_a_sentence() {
    let (provider, merchant) = world(Config::default());
    merchant.place("SENTENCE1", 5_000, URL).await;
    let url = provider.wallet_url("SENTENCE1").unwrap();
    for (done, words) in [
        ("declined", "没有扣款，还可以再付"),
        ("planned", "商家关单后会立刻付款"),
        ("closed", "没有付成"),
        ("already", "没有付成"),
        ("refused", "没有付成"),
    ] {
        let shown = page(&format!("{url}?lang=zh&done={done}")).await;
        assert!(shown.contains(words), "{done}: {shown}");
    }
}

#[tokio::test]
async fn a_scanned_code_leads_to_its_order_in_both_languages() {
    let (provider, merchant) = world(Config::default());
    let code_url = merchant.place("SCANNED1", 5_000, URL).await;
    let encoded: String = form_urlencoded::byte_serialize(code_url.as_bytes()).collect();
    let found = format!("{}/wallet/resolve?url={encoded}", provider.base_url);
    let answer = client().get(&found).send().await.unwrap();
    let to = answer.headers()["location"].to_str().unwrap().to_owned();
    let chinese = page(&format!("{}{to}", provider.base_url)).await;
    let english = page(&format!("{}{to}?lang=en", provider.base_url)).await;
    for (shown, words) in
        [(&chinese, ["付款", "电费充值 5-1-0803"]), (&english, ["Pay", "Decline"])]
    {
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
    }
    assert!(page(&format!("{}/wallet", provider.base_url)).await.contains("电费充值"));
    let gone = page(&format!("{}/wallet/nothing", provider.base_url)).await;
    assert!(gone.contains("二维码已失效"));
    merchant.place("SCANNED1", 5_000, URL).await;
    let old = page(&format!("{}{to}", provider.base_url)).await;
    assert!(old.contains("二维码已失效"), "a repeated order call kills the old code");
}

#[tokio::test]
async fn merchant_text_cannot_become_markup() {
    let (provider, merchant) = world(Config::default());
    let mut order = merchant.order("MARKUP01", 100, URL);
    order["description"] = "<script>alert('x')</script>".into();
    merchant.post("/v3/pay/transactions/native", &order).await;
    for url in [provider.wallet_url("MARKUP01").unwrap(), format!("{}/wallet", provider.base_url)] {
        let shown = page(&url).await;
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script"), "{url}");
    }
}

#[tokio::test]
async fn looking_at_an_alipay_code_makes_its_trade_exist() {
    let (provider, app) = alipay_merchant::world(Config::default());
    app.precreate("LOOKED01", "1.00", URL).await;
    let query = async || {
        app.call("alipay.trade.query", serde_json::json!({"out_trade_no": "LOOKED01"})).await
    };
    assert_eq!(query().await["sub_code"], "ACQ.TRADE_NOT_EXIST");
    page(&provider.wallet_url("LOOKED01").unwrap()).await;
    assert_eq!(query().await["trade_status"], "WAIT_BUYER_PAY");
    assert_eq!(provider.pay_now("LOOKED01", Pay::silent()).map(|no| no.len()), Ok(28));
}
