//! A merchant's callback address: keeps what arrives and answers as the test says.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::sync::Notify;

/// The patience of every wait in these tests.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Arrived {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Inbox {
    arrived: Mutex<Vec<Arrived>>,
    /// Answers still to be given; afterwards the good answer.
    answers: Mutex<Vec<(u16, &'static str)>>,
    news: Notify,
}

/// A listening merchant.
pub struct Receiver {
    pub url: String,
    inbox: Arc<Inbox>,
}

async fn arrive(request: HttpRequest, body: web::Bytes, inbox: web::Data<Inbox>) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let arrived = Arrived { headers: headers.collect(), body: body.to_vec() };
    inbox.arrived.lock().unwrap().push(arrived);
    let mut answers = inbox.answers.lock().unwrap();
    let (status, text) = if answers.is_empty() { (200, "success") } else { answers.remove(0) };
    inbox.news.notify_waiters();
    HttpResponse::build(status.try_into().unwrap()).body(text)
}

impl Receiver {
    /// Listens; the first answers are the given ones, later ones 200 `success`.
    pub fn start(answers: &[(u16, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let inbox = Arc::new(Inbox { answers: Mutex::new(answers.to_vec()), ..Inbox::default() });
        let data = web::Data::from(inbox.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app =
                    move || App::new().app_data(data.clone()).default_service(web::to(arrive));
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).unwrap().run().await.unwrap();
            });
        });
        Self { url, inbox }
    }

    /// What has arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.inbox.arrived.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub async fn wait(&self, count: usize) -> Vec<Arrived> {
        let all = async {
            loop {
                let news = self.inbox.news.notified();
                if self.arrived().len() >= count {
                    return self.arrived();
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the callbacks arrive in time")
    }
}
