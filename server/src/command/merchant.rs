//! `yufu merchant`: accounts at the payment providers, their keys, and a real test call.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

use clap::{Subcommand, ValueEnum};
use connector::{Doubt, Outcome, Rejection, Stamp, alipay, wechat_pay};
use domain::{MerchantId, ProjectId, Provider, Rng};
use serde_json::json;
use store::site::Merchant as Row;
use vending::{
    merchant::{Keys, Merchant, MerchantConfig, MerchantError, open},
    transport::Transport,
};

use super::{Done, Exit, Failure, Site, failure::chain, print_json, site::transport};

/// Bytes of chance in the last part of a callback address.
const PATH_TOKEN_BYTES: usize = 16;

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 新增商户号 / add a merchant account
    Add(Box<Add>),
    /// 用真实请求验证密钥 / prove the keys by a real call
    Test {
        /// 商户编号，省略为全部 / merchant id; none = all of them
        id: Option<String>,
    },
    /// 换密钥，旧密钥继续可用到重试结束 / change keys; the old ones stay readable for retries
    Rotate {
        /// 商户编号 / merchant id
        id: String,
        /// 新密钥文件夹 / folder with the new keys
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
    /// 列出商户号 / list merchant accounts
    List,
}

/// A new account.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// 项目编号 / project
    #[arg(long, value_name = "ID")]
    pub project: i64,
    /// 支付渠道 / provider
    #[arg(long, value_enum)]
    pub provider: Door,
    /// 商户号；支付宝填 PID / merchant number; for Alipay the PID
    #[arg(long)]
    pub merchant_no: String,
    /// 应用编号 / application id
    #[arg(long)]
    pub app_id: String,
    /// 密钥文件夹，见 docs/operations.md / folder with the key files
    #[arg(long, value_name = "DIR")]
    pub keys: PathBuf,
    /// 服务商模式的子商户号 / sub-merchant number of a service provider
    #[arg(long)]
    pub sub_merchant_no: Option<String>,
    /// 服务商模式的子应用编号 / the sub-merchant's application id
    #[arg(long)]
    pub sub_app_id: Option<String>,
    /// 支付宝内容加密密钥的文件名 / file name of Alipay's content key
    #[arg(long)]
    pub aes_key_file: Option<String>,
}

/// A provider by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// 微信支付 / WeChat Pay
    WechatPay,
    /// 支付宝 / Alipay
    Alipay,
}

/// Adds, tests, rotates or lists.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::Add(words) => add(*words, site).await,
        What::Test { id } => test(site, id.as_deref()).await,
        What::Rotate { id, keys } => rotate(site, &id, &keys).await,
        What::List => list(site).await,
    }
}

async fn add(words: Add, site: &Site) -> Done {
    let project = ProjectId(words.project);
    let known = store::site::project(site.store.read(), project).await?;
    known.ok_or_else(|| Failure::not_found("项目", "project", &project.to_string()))?;
    let provider = match words.provider {
        Door::WechatPay => Provider::WechatPay,
        Door::Alipay => Provider::Alipay,
    };
    let seller_id = (provider == Provider::Alipay).then(|| words.merchant_no.clone());
    let config =
        MerchantConfig { seller_id, aes_key_file: words.aes_key_file, app_auth_token: None };
    let partner = words.sub_merchant_no.is_some();
    let row = Row {
        id: MerchantId::generate(site.clock.as_ref(), site.rng.as_ref()).0,
        project_id: project.0,
        provider: provider.as_str().to_owned(),
        mode: if partner { "partner" } else { "ordinary" }.to_owned(),
        merchant_no: words.merchant_no,
        sub_merchant_no: words.sub_merchant_no.unwrap_or_default(),
        app_id: words.app_id,
        sub_app_id: words.sub_app_id,
        path_token: path_token(site.rng.as_ref()),
        key_dir: absolute(&words.keys)?,
        config: serde_json::to_string(&config).unwrap_or_else(|_| "{}".to_owned()),
        active: true,
        created_at: site.clock.now(),
    };
    let merchant = open(&row, &site.addresses()).map_err(|error| unusable(&error))?;
    let proven = probe(&merchant, site).await?;
    let kept = row.clone();
    let begun = site.begun("merchant.add", format!("merchant:{}", row.id), Some(project));
    let put = site.store.transact(move |tx| Box::pin(async move { store::insert(tx, kept).await }));
    site.logged(begun, async { Ok(put.await?) }).await?;
    print_json(&json!({ "merchant": shown(&row), "test": proven }));
    Ok(())
}

/// The unguessable last part of a callback address.
pub fn path_token(rng: &dyn Rng) -> String {
    let mut bytes = [0u8; PATH_TOKEN_BYTES];
    rng.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn test(site: &Site, id: Option<&str>) -> Done {
    let rows = store::site::merchants(site.store.read()).await?;
    let rows: Vec<Row> = match id {
        Some(id) => vec![find(rows, id)?],
        None => rows,
    };
    for row in &rows {
        let merchant = open(row, &site.addresses()).map_err(|error| unusable(&error))?;
        let proven = probe(&merchant, site).await?;
        print_json(&json!({ "merchant": shown(row), "test": proven }));
    }
    Ok(())
}

async fn rotate(site: &Site, id: &str, keys: &Path) -> Done {
    let old = find(store::site::merchants(site.store.read()).await?, id)?;
    let new = Row { key_dir: absolute(keys)?, ..old.clone() };
    let merchant = open(&new, &site.addresses()).map_err(|error| unusable(&error))?;
    let proven = probe(&merchant, site).await?;
    keep_old_keys(Path::new(&old.key_dir), keys)?;
    let rows = vec![new.clone()];
    let target = format!("merchant:{}", new.id);
    let begun = site.begun("merchant.rotate", target, Some(ProjectId(new.project_id)));
    let changed = site.store.transact(move |tx| {
        Box::pin(async move { store::roster::change(tx, &rows, &["key_dir"]).await })
    });
    site.logged(begun, async { Ok(changed.await?) }).await?;
    print_json(&json!({ "merchant": shown(&new), "test": proven }));
    println!("运行中的服务一分钟内换用 / a running server takes them up within a minute");
    Ok(())
}

/// Puts what must stay readable beside the new keys: callbacks sealed with the old APIv3 key, or
/// signed with the provider's old key, are still retried for a day (F4 no. 12).
fn keep_old_keys(old: &Path, new: &Path) -> Done {
    let moves = [
        ("api_v3.key", "api_v3.previous.key"),
        ("platform_certificate.pem", "platform_certificate.previous.pem"),
        ("alipay_public_key.pem", "alipay_public_key.previous.pem"),
        ("alipay_cert.pem", "alipay_cert.previous.pem"),
    ];
    for (name, kept) in moves {
        let (from, beside, to) = (old.join(name), new.join(name), new.join(kept));
        let Ok(text) = fs::read_to_string(&from) else { continue };
        let same = fs::read_to_string(&beside).is_ok_and(|newer| newer == text);
        if !same && !to.exists() {
            write_key(&to, &text).map_err(|error| Failure::file(&to, &error))?;
        }
    }
    Ok(())
}

/// Writes a key that its owner alone may read, for the owner of its folder: whoever runs this as
/// root still has a server that can read it. The file has its name only when it is whole.
fn write_key(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let partial = file.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut key = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    let (owner, ours) = (fs::metadata(folder)?, key.metadata()?);
    if owner.uid() != ours.uid() {
        fchown(&key, Some(owner.uid()), Some(owner.gid()))?;
    }
    key.write_all(text.as_bytes())?;
    key.sync_all()?;
    fs::rename(&partial, file)
}

async fn list(site: &Site) -> Done {
    let rows = store::site::merchants(site.store.read()).await?;
    print_json(&json!(rows.iter().map(shown).collect::<Vec<_>>()));
    Ok(())
}

fn find(rows: Vec<Row>, id: &str) -> Result<Row, Failure> {
    let known = rows.into_iter().find(|row| row.id.to_string() == id || row.merchant_no == id);
    known.ok_or_else(|| Failure::not_found("商户", "merchant", id))
}

/// Our callback address is as good as a key: only its first digits are shown.
fn shown(row: &Row) -> serde_json::Value {
    json!({
        "id": row.id.to_string(), "project": row.project_id, "provider": row.provider,
        "mode": row.mode, "merchant_no": row.merchant_no, "app_id": row.app_id,
        "sub_merchant_no": row.sub_merchant_no, "keys": row.key_dir,
        "callback": format!("/callback/{}/{}…", row.provider, short(&row.path_token)),
    })
}

fn absolute(path: &Path) -> Result<String, Failure> {
    let path = fs::canonicalize(path).map_err(|error| Failure::file(path, &error))?;
    Ok(path.display().to_string())
}

/// Keys that cannot be opened, as the terminal shows it.
pub fn unusable(error: &MerchantError) -> Failure {
    Failure::new(
        Exit::Refused,
        "merchant.keys",
        "商户密钥不可用",
        "the merchant's keys are unusable",
    )
    .fix(
        "对照 docs/operations.md 的文件清单放好密钥文件",
        "put the key files as docs/operations.md lists them",
    )
    .detail(chain(error))
}

/// Asks the provider about an order that does not exist: the answer proves address, clock and our
/// signature, and Alipay's signature as well. WeChat signs no such answer, so it is asked for its
/// certificates, too, which are sealed with the APIv3 key and signed.
pub async fn probe(merchant: &Merchant, site: &Site) -> Result<String, Failure> {
    let stamp = Stamp::new(site.clock.now(), site.rng.as_ref());
    let number = format!("YFTEST{}", &stamp.nonce[..20]);
    let request = match &merchant.keys {
        Keys::WechatPay(keys) => wechat_pay::query(keys, &number, &stamp).ok(),
        Keys::Alipay(keys) => alipay::query(keys, &number, &stamp).ok(),
    };
    let response = send(request).await?;
    match &merchant.keys {
        Keys::WechatPay(keys) => {
            verdict(wechat_pay::read_query(keys, &number, &response, site.clock.now()))?;
            probe_seal(keys, site).await
        }
        Keys::Alipay(keys) => verdict(alipay::read_query(keys, &number, &response)),
    }
}

/// Proves the APIv3 key of now and WeChat's signature by its platform certificates, where the
/// merchant still has some.
async fn probe_seal(keys: &wechat_pay::Merchant, site: &Site) -> Result<String, Failure> {
    let mut keys = keys.clone();
    // The key of before must not open what the new one should.
    keys.api_v3_keys.truncate(1);
    let stamp = Stamp::new(site.clock.now(), site.rng.as_ref());
    let response = send(wechat_pay::request_certificates(&keys, &stamp).ok()).await?;
    match wechat_pay::read_certificates(&keys, &response, site.clock.now()) {
        Outcome::Done(_) => {
            Ok("签名双向通过，APIv3 密钥正确 / signatures hold both ways, the APIv3 key fits"
                .to_owned())
        }
        Outcome::Unknown(Doubt::BadSignature) => Err(Failure::new(
            Exit::Found,
            "merchant.api_v3",
            "APIv3 密钥打不开微信支付的平台证书，或证书签名不对",
            "the APIv3 key does not open WeChat Pay's certificates, or their signature is wrong",
        )
        .fix(
            "api_v3.key 须与商户平台“API安全”里现在的 APIv3 密钥一致",
            "api_v3.key has to be the APIv3 key that stands in the merchant platform now",
        )),
        // No certificates: a merchant with WeChat's public key alone.
        Outcome::OurFault(why) if why.code == "RESOURCE_NOT_EXISTS" => {
            Ok("渠道接受了我们的签名；APIv3 密钥和微信支付公钥要到第一笔回调才能证实 / our \
                signature is accepted; the APIv3 key and WeChat's public key are proven only by \
                the first callback"
                .to_owned())
        }
        other => verdict(other.map(|_| ())),
    }
}

async fn send(request: Option<connector::Request>) -> Result<connector::Response, Failure> {
    let request = request.ok_or_else(|| refused("the request cannot be built"))?;
    transport()?.send(request).await.map_err(|error| {
        let (zh, en) = ("支付渠道连不上", "the payment provider cannot be reached");
        Failure::new(Exit::Found, "merchant.unreachable", zh, en)
            .fix("检查网络、DNS 和渠道地址", "check the network, DNS and the provider's address")
            .detail(error)
    })
}

fn verdict<T>(outcome: Outcome<T>) -> Result<String, Failure> {
    let named = |rejection: &Rejection| format!("{} {}", rejection.code, rejection.message);
    match outcome {
        Outcome::Done(_) => Ok("签名双向通过 / signatures hold both ways".to_owned()),
        // WeChat signs no errors: only our own signature was accepted.
        Outcome::Unknown(Doubt::Unproven(_)) => {
            Ok("渠道接受了我们的签名 / the provider accepted our signature".to_owned())
        }
        Outcome::Unknown(Doubt::StaleTimestamp) => Err(Failure::new(
            Exit::Found,
            "merchant.clock",
            "本机时钟与支付渠道相差太多",
            "our clock and the provider's are too far apart",
        )
        .fix("开启时间同步（chrony 或 systemd-timesyncd）", "switch time synchronisation on")),
        Outcome::Unknown(doubt) => Err(refused(&format!("{doubt:?}"))),
        Outcome::Declined(r) | Outcome::OurFault(r) | Outcome::Theirs(r) => {
            Err(refused(&named(&r)))
        }
    }
}

fn refused(detail: &str) -> Failure {
    let (zh, en) = ("支付渠道没有接受测试请求", "the provider did not accept the test call");
    Failure::new(Exit::Found, "merchant.test", zh, en)
        .fix(
            "核对商户号、证书序列号和密钥是否成套",
            "check that merchant number, serial number and keys belong together",
        )
        .detail(detail)
}

/// Enough of a callback address to recognise it by; the whole is as good as a password.
fn short(token: &str) -> String {
    token.chars().take(4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_old_key_is_readable_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        for (folder, key) in [(&old, "the key of before"), (&new, "the key of now")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("api_v3.key"), key).unwrap();
        }
        keep_old_keys(&old, &new).unwrap();
        let kept = new.join("api_v3.previous.key");
        assert_eq!(fs::read_to_string(&kept).unwrap(), "the key of before");
        assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
        // A second time nothing is written over what is kept.
        fs::write(old.join("api_v3.key"), "another").unwrap();
        keep_old_keys(&old, &new).unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "the key of before");
        assert_eq!(fs::read_dir(&new).unwrap().count(), 2, "nothing partial is left");
    }
}
