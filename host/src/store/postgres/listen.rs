//! Hears of changes that any instance makes to functions: a connection of its own that listens.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_postgres::{AsyncMessage, Client, Connection};

use super::connect::Server;
use super::tls::Tls;
use super::{CALL_TIMEOUT, Result, StoreError, within};

/// Between two tries to listen.
const PAUSE: Duration = Duration::from_secs(2);
const LISTEN: &str = "LISTEN upto_functions";

/// What comes on the connection. It ends, or has an error as its last item, when the connection breaks.
type Messages = BoxStream<'static, std::result::Result<AsyncMessage, tokio_postgres::Error>>;

/// Changes, one after another. Nothing is connected before somebody waits for the first one.
pub(super) struct Changes(Mutex<BoxStream<'static, ()>>);

impl Changes {
    pub fn new(server: Server) -> Self {
        let listener = Listener { server, connection: None, failed: false };
        let changes = stream::unfold(listener, |mut listener| async {
            listener.next().await;
            Some(((), listener))
        });
        Changes(Mutex::new(changes.boxed()))
    }

    /// Waits for a change. Whoever stops waiting loses nothing: the next call goes on with it.
    pub async fn next(&self) {
        self.0.lock().await.next().await;
    }
}

struct Listener {
    server: Server,
    /// The client is kept as the connection ends without it.
    connection: Option<(Client, Messages)>,
    /// Whether the last try to listen failed: it is told once.
    failed: bool,
}

impl Listener {
    /// Returns for each notification, and when it begins to listen: what changed before that nobody has told.
    async fn next(&mut self) {
        if let Some((_, messages)) = &mut self.connection {
            while let Some(Ok(message)) = messages.next().await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    return;
                }
            }
            self.connection = None;
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            match within(CALL_TIMEOUT, listen(&self.server)).await {
                Ok(connection) => {
                    (self.connection, self.failed) = (Some(connection), false);
                    return;
                }
                Err(error) => {
                    if !self.failed {
                        tracing::info!(%error, "changes of functions are seen by polling: can't listen for them");
                    }
                    self.failed = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn listen(Server { config, tls }: &Server) -> Result<(Client, Messages)> {
    let (client, mut messages) = match tls.clone() {
        Tls::Off(none) => {
            let (client, connection) = config.connect(none).await?;
            (client, messages(connection))
        }
        Tls::On(tls) => {
            let (client, connection) = config.connect(tls).await?;
            (client, messages(connection))
        }
    };
    {
        let listening = client.batch_execute(LISTEN);
        tokio::pin!(listening);
        loop {
            // The connection does nothing unless it is polled.
            tokio::select! {
                listens = &mut listening => break listens?,
                message = messages.next() => match message {
                    Some(message) => drop(message?),
                    None => return Err(StoreError::Unavailable("Postgres closed the connection".to_owned())),
                },
            }
        }
    }
    Ok((client, messages))
}

fn messages<S, T>(mut connection: Connection<S, T>) -> Messages
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    stream::poll_fn(move |context| connection.poll_message(context)).boxed()
}
