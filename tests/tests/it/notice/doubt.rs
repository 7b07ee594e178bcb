//! A process that dies between sending a notice and writing down what became of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use connector::{Request, Response};
use domain::{Clock, NoticeKind};
use store::notice::delivery;
use tests::{fixture::PROJECT, still::house_behind};
use tokio::sync::watch;
use vending::transport::{Transport, TransportError};
use yufu::Outside;

use super::{MINI, MORNING, PAGE, PHONE, Town, as_is, rest};

crate::it::postgres::on_both_databases! {
    a_process_that_dies_while_it_sends_sends_nothing_twice_and_the_doubt_is_shown,
}

/// A way on which everything arrives and no answer to a message comes back.
struct HalfWay {
    real: Arc<dyn Transport>,
    gone: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for HalfWay {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asks = request.url.contains("/stable_token");
        let answer = self.real.send(request).await;
        if asks {
            return answer;
        }
        self.gone.store(true, Ordering::SeqCst);
        std::future::pending().await
    }
}

/// One row: in which application the person is known, what became of the channels, how many
/// messages and texts arrived.
type Case = (Option<&'static str>, [&'static str; 3], usize, usize);

const CASES: [Case; 3] = [
    (
        None,
        [
            "service-account skipped notice.no_address",
            "sms failed notice.unknown",
            "wechat skipped notice.no_address",
        ],
        0,
        1,
    ),
    (
        Some(MINI),
        [
            "service-account skipped notice.no_address",
            "sms skipped notice.maybe_told",
            "wechat failed notice.unknown",
        ],
        1,
        0,
    ),
    // Asked again with its own number, the service account says that it has it: no doubt.
    (
        Some(PAGE),
        [
            "service-account sent",
            "sms skipped notice.told_elsewhere",
            "wechat skipped notice.no_address",
        ],
        1,
        0,
    ),
];

async fn a_process_that_dies_while_it_sends_sends_nothing_twice_and_the_doubt_is_shown() {
    for (app, want, messages, texts) in CASES {
        let town = Town::at(MORNING, 1, as_is).await;
        let person = town.tenant(PHONE, town.account(0)).await;
        if let Some(app) = app {
            let openid = town.link(person, app, "wang").await;
            town.count(&openid, "T-cut-off", 3).await;
            town.agree(app, "wang", "T-cut-off", 3).await;
        }
        town.note(NoticeKind::CutOff, "cut-off:1").await;
        // Another process takes the work and dies between sending and writing down what came.
        let gone = Arc::new(AtomicBool::new(false));
        let way = HalfWay { real: Outside::real().unwrap().transport, gone: gone.clone() };
        let (url, settings) = (town.still.url.clone(), town.house().settings().clone());
        let clock: Arc<dyn Clock> = town.hand.clone().unwrap();
        let other = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        other.spawn(async move {
            let (house, _events) = house_behind(&url, clock, settings, Arc::new(way)).await;
            let (_stop, stopping) = watch::channel(false);
            vending::job::work(house, "other".to_owned(), stopping).await;
        });
        let sent = async || {
            town.pass(Duration::from_millis(50));
            gone.load(Ordering::SeqCst)
        };
        town.still.until("the other process has sent it", sent).await;
        other.shutdown_background();
        let stop = town.still.work();
        town.settled(Duration::from_secs(30)).await;
        assert_eq!(town.became(person).await, want, "{app:?}");
        let sent = (town.messages().await.len(), town.texts(PHONE).await.len());
        assert_eq!(sent, (messages, texts), "{app:?}");
        let shown = delivery::of_project(town.house().store().read(), PROJECT).await.unwrap();
        let doubted = shown[0].0.why.as_deref() == Some(vending::notice::send::UNKNOWN);
        assert_eq!(doubted, app != Some(PAGE), "staff see the doubt first: {app:?}");
        rest(stop).await;
    }
}
