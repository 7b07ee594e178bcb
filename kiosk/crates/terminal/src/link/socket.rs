//! The WebSocket of the channel: opened over the same TLS as everything else, one message a frame.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use kiosk_wire::channel::{Down, FRAME_MAX, Up};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Bytes, Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

use super::server::{Link, Standing};
use crate::call::Failure;

/// How long writing a frame may take, in milliseconds; then the line is dead.
const WRITE_MS: u64 = 10_000;

trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// An open channel.
pub(super) struct Socket {
    stream: WebSocketStream<Box<dyn Pipe>>,
}

/// What came over it.
pub(super) enum Came {
    /// A message.
    Down(Box<Down>),
    /// A pong, or what a newer server says.
    Life,
    /// Its end.
    End,
}

impl Socket {
    /// Opens it with a session of the link.
    pub async fn open(link: &Arc<Link>) -> Result<Socket, Failure> {
        let token = link.token().await?;
        match connect(link, &token).await {
            Ok(stream) => {
                link.heard();
                Ok(Socket { stream })
            }
            Err(Error::Http(answer)) => {
                match answer.status().as_u16() {
                    401 => link.forget(&token).await,
                    403 => {
                        // Which 403 it is a greeting will say.
                        link.forget(&token).await;
                        let _ = link.token().await;
                    }
                    _ => {}
                }
                Err(Failure::Lost)
            }
            Err(error) => {
                tracing::debug!(%error, "the channel cannot be opened");
                Err(Failure::Lost)
            }
        }
    }

    /// The next thing that comes.
    pub async fn next(&mut self, link: &Link) -> Came {
        let message = match self.stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                tracing::debug!(%error, "the channel has ended");
                return Came::End;
            }
            None => return Came::End,
        };
        link.heard();
        match message {
            Message::Text(text) => match serde_json::from_str::<Down>(&text) {
                Ok(down) => {
                    if down == Down::Revoked {
                        link.stands(Standing::Revoked);
                    }
                    Came::Down(Box::new(down))
                }
                Err(error) => {
                    tracing::warn!(%error, "a message of the server cannot be read");
                    Came::Life
                }
            },
            Message::Close(_) => Came::End,
            _ => Came::Life,
        }
    }

    /// Sends a message; `false` where the line is dead.
    pub async fn send(&mut self, up: &Up, link: &Link) -> bool {
        match serde_json::to_string(up) {
            Ok(text) => self.write(Message::text(text), link).await,
            Err(_) => true,
        }
    }

    /// Asks for a sign of life; `false` where the line is dead.
    pub async fn ping(&mut self, link: &Link) -> bool {
        self.write(Message::Ping(Bytes::new()), link).await
    }

    async fn write(&mut self, message: Message, link: &Link) -> bool {
        tokio::select! {
            sent = self.stream.send(message) => sent.is_ok(),
            () = link.http.ambient.sleep(WRITE_MS) => false,
        }
    }
}

async fn connect(link: &Link, token: &str) -> Result<WebSocketStream<Box<dyn Pipe>>, Error> {
    let mut url = link.http.url(&["channel"], None);
    let secure = url.scheme() == "https";
    // The other way round cannot be: an http address was checked when the link was made.
    let _ = url.set_scheme(if secure { "wss" } else { "ws" });
    let unreachable = || Error::Io(std::io::ErrorKind::AddrNotAvailable.into());
    let host = url.host_str().ok_or_else(unreachable)?.to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default().unwrap_or(if secure { 443 } else { 80 });
    let mut request = url.as_str().into_client_request()?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| unreachable())?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let tcp = TcpStream::connect((bare.as_str(), port)).await.map_err(Error::Io)?;
    tcp.set_nodelay(true).map_err(Error::Io)?;
    let pipe: Box<dyn Pipe> = if secure {
        let name = ServerName::try_from(bare).map_err(|_| unreachable())?;
        let tls = tokio_rustls::TlsConnector::from(Arc::clone(&link.http.tls));
        Box::new(tls.connect(name, tcp).await.map_err(Error::Io)?)
    } else {
        Box::new(tcp)
    };
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(FRAME_MAX);
    config.max_frame_size = Some(FRAME_MAX);
    let (stream, _) = client_async_with_config(request, pipe, Some(config)).await?;
    Ok(stream)
}
