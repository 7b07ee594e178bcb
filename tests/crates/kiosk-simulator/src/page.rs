//! The page beside the printer: the paper as it comes out, and buttons for what goes wrong.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{folder::Folder, printer::Machine, socket::Printer};

/// The longest form a button sends, in bytes.
const FORM_BYTES_MAX: usize = 256;
/// Bytes of the next receipt that still come out before the roll ends in its middle.
const HALF_BYTES: usize = 160;
/// No foreign origin, nothing inline.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/// What a button does: its word, its label in Chinese and in English.
const BUTTONS: [(&str, &str, &str); 7] = [
    ("well", "恢复正常，装新纸卷", "Well again, new roll"),
    ("near_end", "纸将尽", "Paper low"),
    ("paper_out", "缺纸", "Paper out"),
    ("ends_in_the_middle", "下一张打到一半缺纸", "Runs out in the next receipt"),
    ("cover_open", "打开上盖", "Cover open"),
    ("jam", "下一次切纸卡刀", "Knife jams at the next cut"),
    ("off", "断线", "Offline"),
];

struct Desk {
    printer: Printer,
    folder: Arc<Folder>,
}

/// Serves the page; says where.
///
/// # Errors
/// Where the address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    printer: Printer,
    folder: Arc<Folder>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let desk = Arc::new(Desk { printer, folder });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let desk = Arc::clone(&desk);
            let answer = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(desk.answer(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok(address)
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/") => whole(HTML, self.page()),
            (&Method::GET, "/paper") => whole(HTML, self.paper()),
            (&Method::GET, "/page.css") => whole(CSS, include_str!("page/page.css")),
            (&Method::GET, "/page.js") => whole(JAVASCRIPT, include_str!("page/page.js")),
            (&Method::GET, "/hanging.png") => self.hanging(),
            (&Method::GET, name) => match self.folder.read(name.trim_start_matches('/')) {
                Ok(file) => whole(PNG, file),
                Err(_) => empty(StatusCode::NOT_FOUND),
            },
            (&Method::POST, "/printer") => {
                let form = Limited::new(request.into_body(), FORM_BYTES_MAX).collect().await;
                let form = form.map(|body| body.to_bytes()).unwrap_or_default();
                let known = form.strip_prefix(b"do=").is_some_and(|word| self.act(word));
                if !known {
                    return empty(StatusCode::BAD_REQUEST);
                }
                let mut response = empty(StatusCode::SEE_OTHER);
                response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
                response
            }
            _ => empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// Does what a button says; false for a word no button has.
    fn act(&self, word: &[u8]) -> bool {
        match word {
            b"well" => self.printer.put_right(),
            b"near_end" => self.printer.with(|machine| machine.script.near_end = true),
            b"paper_out" => self.printer.with(Machine::run_out),
            b"ends_in_the_middle" => self.printer.with(|machine| {
                machine.script.paper_end_after = Some(machine.done() + HALF_BYTES);
            }),
            b"cover_open" => self.printer.with(Machine::open_cover),
            b"jam" => self.printer.with(|machine| machine.script.jams_at_cut = true),
            b"off" => self.printer.switch_off(),
            _ => return false,
        }
        true
    }

    fn hanging(&self) -> Response<Full<Bytes>> {
        let paper = self.printer.with(|machine| machine.paper.clone());
        match self.folder.drawn(&paper) {
            Ok(file) => whole(PNG, file),
            Err(_) => empty(StatusCode::NOT_FOUND),
        }
    }

    fn page(&self) -> String {
        let button = |(word, zh, en): &(&str, &str, &str)| {
            format!("<button name=\"do\" value=\"{word}\">{zh}<small>{en}</small></button>")
        };
        let buttons: String = BUTTONS.iter().map(button).collect();
        include_str!("page/page.html")
            .replace("{buttons}", &buttons)
            .replace("{paper}", &self.paper())
    }

    /// The part of the page that changes: how the printer is, what hangs out, what was cut off.
    fn paper(&self) -> String {
        let (states, marks) =
            self.printer.with(|machine| (states(machine), machine.paper.marks.len()));
        let mut html = format!("<p class=\"state\">{}</p>", states.join(" · "));
        if marks > 0 {
            html += &figure(
                &format!("hanging.png?{marks}"),
                "还在打印机里 · still in the printer",
                &[],
            );
        }
        for slip in self.folder.newest() {
            html += &figure(&slip.name, &slip.name, &slip.problems);
        }
        html
    }
}

fn figure(file: &str, words: &str, problems: &[String]) -> String {
    let problems: String =
        problems.iter().map(|problem| format!("<li>{}</li>", escaped(problem))).collect();
    format!(
        "<figure><img src=\"/{file}\" alt=\"{words}\"><figcaption>{words}</figcaption>\
         <ul>{problems}</ul></figure>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// How the printer is, in words.
fn states(machine: &Machine) -> Vec<&'static str> {
    let script = &machine.script;
    let rows = [
        (script.off, "断线 Offline"),
        (machine.is_paper_out(), "缺纸 Paper out"),
        (machine.is_cover_open(), "上盖打开 Cover open"),
        (machine.is_jammed(), "卡刀 Knife stuck"),
        (script.near_end, "纸将尽 Paper low"),
        (script.paper_end_after.is_some() && !machine.is_paper_out(), "纸快用完 Runs out soon"),
        (script.jams_at_cut && !machine.is_jammed(), "刀将卡住 Knife will jam"),
    ];
    let said: Vec<_> = rows.iter().filter(|(is, _)| *is).map(|(_, words)| *words).collect();
    if said.is_empty() { vec!["正常 Well"] } else { said }
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const PNG: &str = "image/png";

fn whole(kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
