//! The one thread that writes: it takes what is queued, commits once, then answers all.

use std::fs::File;

use domain::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Place, bind, in_words, is_conflict};
use super::text::Texts;
use crate::migrate::{self, Migrated};
use crate::write::Step;
use crate::{Error, Write, Written};

/// The most writes that share one commit.
const GROUP_LIMIT: usize = 500;

/// Something to do, and whom to tell when it is durable.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Result<Written, Error>>,
}

#[derive(Debug)]
pub(super) enum Task {
    Write(Write),
    Migrate { now: Timestamp, report: oneshot::Sender<Migrated> },
}

pub(super) struct Writer {
    connection: Connection,
    texts: Texts,
    place: Place,
    /// Held as long as we may write; given back last.
    _lock: File,
}

impl Writer {
    pub(super) fn open(place: Place, lock: File) -> Result<Self, Error> {
        let connection = place.open_writer()?;
        Ok(Self { connection, texts: Texts::default(), place, _lock: lock })
    }

    pub(super) fn work(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP_LIMIT);
        while let Some(job) = queue.blocking_recv() {
            group.push(job);
            while group.len() < GROUP_LIMIT
                && let Ok(job) = queue.try_recv()
            {
                group.push(job);
            }
            self.run_group(&mut group);
        }
    }

    /// Nobody is answered before the commit; if it fails, nothing of the group has happened.
    fn run_group(&mut self, group: &mut Vec<Job>) {
        let (mut answers, mut reports) = (Vec::with_capacity(group.len()), Vec::new());
        let mut listeners = Vec::with_capacity(group.len());
        let mut tasks = Vec::with_capacity(group.len());
        for job in group.drain(..) {
            listeners.push(job.answer);
            tasks.push(job.task);
        }
        let committed = self.commit(tasks, &mut answers, &mut reports);
        if let Err(error) = &committed {
            self.recover();
            answers.clear();
            answers.resize(listeners.len(), Err(error.clone()));
        } else {
            for (report, migrated) in reports {
                tell(report, migrated);
            }
        }
        for (listener, answer) in listeners.into_iter().zip(answers) {
            tell(listener, answer);
        }
    }

    fn commit(
        &mut self,
        tasks: Vec<Task>,
        answers: &mut Vec<Result<Written, Error>>,
        reports: &mut Vec<(oneshot::Sender<Migrated>, Migrated)>,
    ) -> Result<(), Error> {
        self.execute("BEGIN IMMEDIATE")?;
        for task in tasks {
            self.execute("SAVEPOINT one")?;
            let answer = match task {
                Task::Write(write) => self.write(&write),
                Task::Migrate { now, report } => migrate::sqlite(&self.connection, now)
                    .map(|migrated| reports.push((report, migrated)))
                    .map(|()| Written::Done),
            };
            if let Err(error) = &answer
                && self.connection.is_autocommit()
            {
                return Err(error.clone()); // SQLite has rolled back all, as it does when full
            }
            match answer {
                Ok(Written::Done) => {}
                Ok(Written::Overtaken) | Err(_) => self.execute("ROLLBACK TO one")?,
            }
            self.execute("RELEASE one")?;
            answers.push(answer);
        }
        self.execute("COMMIT")
    }

    fn write(&mut self, write: &Write) -> Result<Written, Error> {
        write.check()?;
        for step in write.steps() {
            match self.step(step) {
                Ok(touched) if step.rows.is_none_or(|rows| touched == rows) => {}
                Ok(_) => return Ok(Written::Overtaken),
                Err(error) if is_conflict(&error) => return Ok(Written::Overtaken),
                Err(error) => return Err(in_words(error)),
            }
        }
        Ok(Written::Done)
    }

    fn step(&mut self, step: &Step) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(&self.texts.of(step.sql))?;
        bind(&mut statement, &step.params)?;
        Ok(statement.raw_execute()?.try_into().unwrap_or(u64::MAX))
    }

    fn execute(&self, sql: &str) -> Result<(), Error> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute())
            .map(|_| ())
            .map_err(in_words)
    }

    /// Leaves no transaction open; a connection that an I/O error has spoiled is replaced.
    fn recover(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::warn!(%error, "a group of writes could not be rolled back");
        }
        match self.place.open_writer() {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::warn!(%error, "the database could not be opened again"),
        }
    }
}

/// Whoever asked may have gone; what was written stays written.
fn tell<T>(listener: oneshot::Sender<T>, answer: T) {
    drop(listener.send(answer));
}
