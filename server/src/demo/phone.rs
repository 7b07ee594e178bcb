//! The tenant's phone in the demo: the doors of the simulated WeChat, Alipay and SMS gateway, the
//! QR on every meter, and a room whose tenant one may be.

use std::path::Path;

use domain::{Clock, Rng};
use mini_program_api::binding;
use store::{Store, StoreError, meter::Meter, meter_tag};

use super::{DemoError, Plan, founding};
use crate::{config::Config, serve::Server};

/// The simulated mini-program and service account.
const MINI_APP: &str = "wx8888888888888888";
const PAGE_APP: &str = "wx9999999999999999";
/// The template of codes; the simulated gateway takes any.
const CODE_TEMPLATE: &str = "SMS_154950909";

/// Points the doors at the simulated providers, with the keys they have written.
pub fn open_doors(config: &mut Config, plan: &Plan) -> Result<(), DemoError> {
    let keys = std::path::absolute(&plan.keys)?;
    let wechat = |app: &str| keys.join("wechat").join(app).join("secret.txt");
    let sms = keys.join("sms").join("aliyun");
    config.wechat.base_url = plan.provider.clone();
    config.wechat.authorize_url = format!("{}/connect/oauth2/authorize", plan.provider);
    config.wechat.mini_app_id = MINI_APP.to_owned();
    config.wechat.mini_secret_file = shown(&wechat(MINI_APP));
    config.wechat.page_app_id = PAGE_APP.to_owned();
    config.wechat.page_secret_file = shown(&wechat(PAGE_APP));
    config.alipay.authorize_url = format!("{}/oauth2/publicAppAuthorize.htm", plan.provider);
    config.alipay.sign_in_app_id = first_name(&keys.join("alipay"))?;
    config.sms.driver = "aliyun".to_owned();
    config.sms.base_url = plan.provider.clone();
    config.sms.key_id = text(&sms.join("access_key_id.txt"))?;
    config.sms.key_secret_file = shown(&sms.join("access_key_secret.txt"));
    config.sms.sign_name = text(&sms.join("sign_name.txt"))?;
    config.sms.code_template = CODE_TEMPLATE.to_owned();
    config.notices = super::templates::notices();
    config.tenant.service_phone = super::kiosk::HOTLINE.to_owned();
    config.tenant.switching_projects = vec![super::founding::PAYING_PROJECT.0];
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path) -> Result<String, DemoError> {
    let read = std::fs::read_to_string(path);
    let read = read.map_err(|_| DemoError::Keys(path.to_path_buf()))?;
    Ok(read.trim().to_owned())
}

fn first_name(folder: &Path) -> Result<String, DemoError> {
    let missing = || DemoError::Keys(folder.to_path_buf());
    let entries = std::fs::read_dir(folder).map_err(|_| missing())?;
    let first = entries.filter_map(Result::ok).map(|entry| entry.file_name()).min();
    let name = first.and_then(|name| name.into_string().ok());
    name.ok_or_else(missing)
}

/// What a person needs to be the tenant of a room.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The tag on the meter.
    pub tag: String,
    /// The code printed when the account was opened.
    pub code: String,
}

/// Hangs a tag on every meter and prints a code for the tenant of each of these.
pub async fn invite(
    store: &Store,
    server: &Server,
    meters: &[Meter],
) -> Result<Vec<Guest>, DemoError> {
    let app = server.app();
    for one in store::meter::in_service(store.read(), None).await? {
        hang(store, (app.rng.clone(), app.clock.clone()), &one).await?;
    }
    let counter = founding::counter(store).await?;
    let mut guests = Vec::new();
    for meter in meters {
        let tag = meter_tag::of_meter(store.read(), meter.project(), meter.meter_id()).await?;
        let tag = tag.ok_or(StoreError::Gone("tag"))?.tag;
        let account = meter.account().ok_or(StoreError::Gone("account"))?;
        let printed = binding::print(&app.tenants, meter.project(), account, counter).await;
        let printed = printed.map_err(|error| DemoError::House(error.to_string()))?;
        let code = printed.ok_or(StoreError::Gone("account"))?.code;
        guests.push(Guest { tag, code });
    }
    Ok(guests)
}

async fn hang(
    store: &Store,
    (rng, clock): (std::sync::Arc<dyn Rng>, std::sync::Arc<dyn Clock>),
    meter: &Meter,
) -> Result<(), StoreError> {
    let (project, id) = (meter.project(), meter.meter_id());
    if meter_tag::of_meter(store.read(), project, id).await?.is_some() {
        return Ok(());
    }
    let hung = store.transact(move |tx| {
        let (rng, now) = (rng.clone(), clock.now());
        Box::pin(async move { meter_tag::ensure(tx, project, id, rng.as_ref(), now).await })
    });
    hung.await.map(|_| ())
}
