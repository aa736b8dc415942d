//! The embedded engine: one file, one writer thread, a few readers, one process.

pub mod backup;
mod connection;
mod errand;
mod lock;
mod reader;
mod restore;
mod text;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::migrate::Migrated;
use crate::{Error, Row, Value, Write, Written};
use connection::Place;
pub(crate) use connection::in_words;
use errand::{Errand, Waiting};
use reader::Readers;
pub use restore::Restoration;
pub(crate) use text::rewritten;
use writer::{Aside, Job, Task, Writer};

/// Writes that may wait for the writer; whoever comes then waits for a place.
const QUEUE_LIMIT: usize = 4_096;

/// How long a write that nobody waits for looks out for a commit to share.
const PATIENCE: Duration = Duration::from_millis(20);

/// Connections for point reads and short lists, which run on the thread that asks.
const POINT_READERS: usize = 4;

/// Connections for pages and searches, which run on threads that may block.
const SCAN_READERS: usize = 2;

#[derive(Debug)]
pub(crate) struct Sqlite {
    /// Taken when dropped, so that the writer ends.
    jobs: Option<mpsc::Sender<Job>>,
    aside: Arc<Aside>,
    writer: Option<JoinHandle<()>>,
    points: Readers,
    scans: Arc<Readers>,
    place: Place,
}

impl Sqlite {
    /// Opens the file, making it if there is none, and takes it for this process alone.
    pub(crate) async fn open(path: &std::path::Path, busy_ms: u64) -> Result<Self, Error> {
        let place = Place { path: path.to_owned(), busy_ms };
        blocking(move || Self::open_now(&place)).await
    }

    fn open_now(place: &Place) -> Result<Self, Error> {
        let lock = lock::take(&place.path)?;
        let writer = Writer::open(place.clone(), lock)?;
        let points = Readers::open(place, POINT_READERS)?;
        let scans = Arc::new(Readers::open(place, SCAN_READERS)?);
        let (jobs, queue) = mpsc::channel(QUEUE_LIMIT);
        let aside = Arc::new(Aside::default());
        let others = Arc::clone(&aside);
        let writer = std::thread::Builder::new()
            .name(String::from("store-writer"))
            .spawn(move || writer.work(queue, &others))
            .map_err(|error| Error::Unavailable(format!("no thread for the writer: {error}")))?;
        let place = place.clone();
        Ok(Self { jobs: Some(jobs), aside, writer: Some(writer), points, scans, place })
    }

    /// Answers when the write is durable.
    pub(crate) async fn run(&self, write: Write) -> Result<Written, Error> {
        self.ask(|answer| Job { task: Task::Write(write), answer }).await
    }

    /// The same for a write that may wait a little for a commit that it can share.
    pub(crate) async fn run_with_others(&self, write: Write) -> Result<Written, Error> {
        let (answer, mut answered) = oneshot::channel();
        if let Err(job) = self.aside.lay(Job { task: Task::Write(write), answer }) {
            let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
            jobs.send(job).await.map_err(|_closed| stopped())?;
        } else if let Ok(answer) = timeout(PATIENCE, &mut answered).await {
            return answer.map_err(|_closed| stopped())?;
        } else {
            let _done = self.ask(|answer| Job { task: Task::TakeAside, answer }).await?;
        }
        answered.await.map_err(|_closed| stopped())?
    }

    pub(crate) async fn migrate(&self, now: Timestamp) -> Result<Migrated, Error> {
        let (report, applied) = oneshot::channel();
        let written =
            self.ask(|answer| Job { task: Task::Migrate { now, report }, answer }).await?;
        match written {
            Written::Done | Written::Overtaken => applied.await.map_err(|_closed| stopped()),
        }
    }

    pub(crate) fn one(&self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, Error> {
        self.points.one(sql, params)
    }

    pub(crate) fn few(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.points.all(sql, params)
    }

    pub(crate) async fn all(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let (scans, params) = (Arc::clone(&self.scans), params.to_vec());
        blocking(move || scans.all(sql, &params)).await
    }

    pub(crate) async fn search(&self, sql: String, params: &[Value]) -> Result<Vec<Row>, Error> {
        let (scans, params) = (Arc::clone(&self.scans), params.to_vec());
        let errand = Errand::default();
        let waiting = Waiting(errand.clone());
        let answer = blocking(move || scans.search(&sql, &params, &errand)).await;
        drop(waiting);
        answer
    }

    /// Copies the file as it is now; the length of the copy in bytes.
    pub(crate) async fn back_up(&self, to: &std::path::Path) -> Result<u64, Error> {
        let (place, to) = (self.place.clone(), to.to_owned());
        blocking(move || backup::write(&place, &to)).await
    }

    async fn ask(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<Written, Error>>) -> Job,
    ) -> Result<Written, Error> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job(answer)).await.map_err(|_closed| stopped())?;
        answered.await.map_err(|_closed| stopped())?
    }
}

impl Drop for Sqlite {
    /// Waits until what was queued is written and the file is free again.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the database ended badly");
        }
    }
}

fn stopped() -> Error {
    Error::Unavailable(String::from("the writer has stopped"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Unavailable(format!("a reader ended badly: {error}")))?
}
