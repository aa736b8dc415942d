//! One keep-alive HTTP/1.1 connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Headers that an answer may have.
const HEADERS: usize = 64;
/// Longest answer.
const LONGEST: usize = 1 << 20;

/// A connection that opens itself when it is needed.
pub(crate) struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

/// The head of an answer.
struct Head {
    status: u16,
    length: usize,
    body: usize,
    is_chunked: bool,
    closes: bool,
}

impl Connection {
    pub(crate) fn new(address: &str) -> Self {
        let buffer = Vec::with_capacity(8192);
        Self { address: address.to_owned(), stream: None, buffer, body: Vec::new() }
    }

    /// Sends a request and reads the whole answer; the status is returned.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<u16, String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(request).await.map_err(|error| format!("write: {}", error.kind()))?;
        let head = self.read(&mut stream).await?;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| format!("connect: {error}"))?;
        stream.set_nodelay(true).map_err(|error| format!("connect: {error}"))?;
        Ok(stream)
    }

    async fn more(&mut self, stream: &mut TcpStream) -> Result<(), String> {
        let read = stream.read_buf(&mut self.buffer).await;
        match read.map_err(|error| format!("read: {}", error.kind()))? {
            0 => Err("closed".to_owned()),
            _ if self.buffer.len() > LONGEST => Err("too long an answer".to_owned()),
            _ => Ok(()),
        }
    }

    async fn read(&mut self, stream: &mut TcpStream) -> Result<Head, String> {
        self.buffer.clear();
        self.body.clear();
        let head = loop {
            self.more(stream).await?;
            if let Some(head) = parse(&self.buffer)? {
                break head;
            }
        };
        if !head.is_chunked {
            while self.buffer.len() < head.body + head.length {
                self.more(stream).await?;
            }
            self.body.extend_from_slice(&self.buffer[head.body..head.body + head.length]);
            return Ok(head);
        }
        let mut at = head.body;
        loop {
            match httparse::parse_chunk_size(&self.buffer[at..]) {
                Ok(httparse::Status::Complete((size_line, size))) => {
                    let size = usize::try_from(size).map_err(|_| "bad chunk")?;
                    let end = at + size_line + size + 2;
                    if self.buffer.len() >= end {
                        self.body.extend_from_slice(&self.buffer[at + size_line..end - 2]);
                        at = end;
                        if size == 0 {
                            return Ok(head);
                        }
                        continue;
                    }
                }
                Ok(httparse::Status::Partial) => {}
                Err(_) => return Err("bad chunk".to_owned()),
            }
            self.more(stream).await?;
        }
    }
}

fn parse(buffer: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(buffer).map_err(|error| format!("parse: {error}"))?;
    let httparse::Status::Complete(body) = parsed else { return Ok(None) };
    let status = answer.code.unwrap_or(0);
    let mut head = Head { status, length: 0, body, is_chunked: false, closes: false };
    for header in answer.headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().map_err(|_| "bad length")?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.is_chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(head))
}
