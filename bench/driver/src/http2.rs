//! Many requests at once on each HTTP/2 connection, without TLS.

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;

/// Requests on one connection: servers allow about so many streams (decision 28).
pub(crate) const STREAMS: usize = 100;

/// A connection that begins with HTTP/2.
pub(crate) async fn connect(address: &str) -> Result<SendRequest<Bytes>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("connect: {error}"))?;
    stream.set_nodelay(true).map_err(|error| format!("connect: {error}"))?;
    let opened = h2::client::handshake(stream).await;
    let (sender, connection) = opened.map_err(|error| format!("HTTP/2: {error}"))?;
    // Its end is every request's own end.
    drop(tokio::task::spawn_local(async move { drop(connection.await) }));
    Ok(sender)
}

/// A request that was written for HTTP/1.1, as HTTP/2 has it, and its body.
pub(crate) fn converted(raw: &[u8], address: &str) -> Result<(http::Request<()>, Bytes), String> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(raw).map_err(|error| error.to_string())?;
    let httparse::Status::Complete(body) = parsed else { return Err("half a request".to_owned()) };
    let (method, path) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let mut made = http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    for header in request.headers.iter() {
        let of_http_1 = ["host", "content-length"].contains(&header.name);
        made = if of_http_1 { made } else { made.header(header.name, header.value) };
    }
    let made = made.body(()).map_err(|error| error.to_string())?;
    Ok((made, Bytes::copy_from_slice(&raw[body..])))
}
