//! The admin socket: a Unix socket in the data folder that only its owner may open, with one
//! JSON command in and one JSON answer out.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{Command, Refused, execute};
use crate::App;
use crate::listen::Drain;

/// No command or answer is longer.
const MESSAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Where the socket of a data folder is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// The socket of a running server, not yet answering.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Opens the socket of a data folder. One left by a server that was killed is replaced; one that
    /// answers is another server's, which shares the folder and, with PostgreSQL, perhaps the
    /// database.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = socket_path(data_dir);
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            let told = "another server runs on this folder; give each a folder of its own";
            return Err(io::Error::new(io::ErrorKind::AddrInUse, told));
        }
        // Made beside its place and moved there when nobody but its owner may open it any more.
        let beside = path.with_extension("sock.new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&beside, &path)?;
        Ok(Self { listener, path })
    }

    /// Answers commands until the drain begins.
    pub async fn serve(self, app: Arc<App>, drain: Drain) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _peer)) = accepted else { continue };
                    let app = Arc::clone(&app);
                    tokio::spawn(async move {
                        if let Err(error) = answer(&app, stream).await {
                            tracing::warn!(%error, "an administrator's command was cut off");
                        }
                    });
                }
                () = drain.wait() => break,
            }
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the admin socket is gone already");
        }
    }
}

async fn answer(app: &App, stream: UnixStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut text = Vec::new();
    (&mut reader).take(MESSAGE_BYTES).read_to_end(&mut text).await?;
    let outcome = match serde_json::from_slice::<Command>(&text) {
        Ok(command) => execute(app, command, app.clock.now()).await,
        Err(error) => Err(Refused(format!("this server does not know the command: {error}"))),
    };
    let answer = match outcome {
        Ok(answer) => json!({ "ok": answer }),
        Err(Refused(sentence)) => json!({ "error": sentence }),
    };
    writer.write_all(answer.to_string().as_bytes()).await?;
    writer.shutdown().await
}

/// Sends a command to the server that runs on `data_dir`; `None` if none runs there.
pub async fn ask(data_dir: &Path, command: &Command) -> Option<Result<Value, Refused>> {
    let stream = UnixStream::connect(socket_path(data_dir)).await.ok()?;
    Some(talk(stream, command).await)
}

async fn talk(mut stream: UnixStream, command: &Command) -> Result<Value, Refused> {
    let broken = |error: io::Error| Refused(format!("the server did not answer: {error}"));
    let text = serde_json::to_vec(command).map_err(|error| Refused(error.to_string()))?;
    stream.write_all(&text).await.map_err(broken)?;
    stream.shutdown().await.map_err(broken)?;
    let mut answer = Vec::new();
    stream.take(MESSAGE_BYTES).read_to_end(&mut answer).await.map_err(broken)?;
    let mut answer: Value = serde_json::from_slice(&answer)
        .map_err(|error| Refused(format!("the server's answer cannot be read: {error}")))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(sentence) => Err(Refused(sentence.to_owned())),
        None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
    }
}
