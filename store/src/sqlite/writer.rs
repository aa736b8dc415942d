//! The one thread that writes: it takes what is queued, commits once, then answers all.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

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

/// The most writes that lie aside until there is a commit to share; the next takes its own turn.
const ASIDE_LIMIT: usize = 500;

/// Something to do, and whom to tell when it is durable.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Answer>,
}

type Answer = Result<Written, Error>;

#[derive(Debug)]
pub(super) enum Task {
    Write(Write),
    Migrate {
        now: Timestamp,
        report: oneshot::Sender<Migrated>,
    },
    /// Nothing but what lies aside.
    TakeAside,
}

/// Writes that nobody waits for: the next group takes them along.
#[derive(Debug, Default)]
pub(super) struct Aside {
    jobs: Mutex<Vec<Job>>,
}

impl Aside {
    /// Lays a job here; gives it back if there is no room.
    pub(super) fn lay(&self, job: Job) -> Result<(), Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.len() >= ASIDE_LIMIT {
            return Err(job);
        }
        jobs.push(job);
        Ok(())
    }

    fn join(&self, group: &mut Vec<Job>) {
        group.append(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
    }
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

    pub(super) fn work(mut self, mut queue: mpsc::Receiver<Job>, aside: &Aside) {
        let mut group = Vec::with_capacity(GROUP_LIMIT);
        while let Some(job) = queue.blocking_recv() {
            group.push(job);
            while group.len() < GROUP_LIMIT
                && let Ok(job) = queue.try_recv()
            {
                group.push(job);
            }
            aside.join(&mut group);
            self.run_group(&mut group);
        }
        // What was laid aside by those who wait no more is written all the same.
        aside.join(&mut group);
        if !group.is_empty() {
            self.run_group(&mut group);
        }
    }

    /// Nobody is answered before the commit; if it fails, nothing of the group has happened.
    fn run_group(&mut self, group: &mut Vec<Job>) {
        let (mut answers, mut reports) = (Vec::with_capacity(group.len()), Vec::new());
        let (tasks, listeners): (Vec<_>, Vec<_>) =
            group.drain(..).map(|job| (job.task, job.answer)).unzip();
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
        answers: &mut Vec<Answer>,
        reports: &mut Vec<(oneshot::Sender<Migrated>, Migrated)>,
    ) -> Result<(), Error> {
        self.execute("BEGIN IMMEDIATE")?;
        if !self.all_in_one(&tasks, answers) {
            answers.clear();
            if !self.connection.is_autocommit() {
                self.execute("ROLLBACK")?; // unless SQLite has done so, as it does when full
            }
            self.execute("BEGIN IMMEDIATE")?;
            self.one_by_one(tasks, answers, reports)?;
        }
        self.execute("COMMIT")
    }

    /// Runs the writes without a savepoint each, which would cost as much as a statement. Most
    /// writes that are overtaken are so at their first step and leave nothing to undo. `false`: one
    /// was stopped halfway, and all must be undone.
    fn all_in_one(&mut self, tasks: &[Task], answers: &mut Vec<Answer>) -> bool {
        for task in tasks {
            let write = match task {
                Task::Write(write) => write,
                Task::TakeAside => {
                    answers.push(Ok(Written::Done));
                    continue;
                }
                Task::Migrate { .. } => return false,
            };
            match self.write(write) {
                Ok((written, left)) if written == Written::Done || left == 0 => {
                    answers.push(Ok(written));
                }
                Ok(_) | Err(_) => return false,
            }
        }
        true
    }

    /// Runs each in its savepoint, so that what one leaves halfway is undone alone.
    fn one_by_one(
        &mut self,
        tasks: Vec<Task>,
        answers: &mut Vec<Answer>,
        reports: &mut Vec<(oneshot::Sender<Migrated>, Migrated)>,
    ) -> Result<(), Error> {
        for task in tasks {
            self.execute("SAVEPOINT one")?;
            let answer = match task {
                Task::Write(write) => self.write(&write).map(|(written, _)| written),
                Task::Migrate { now, report } => migrate::sqlite(&self.connection, now)
                    .map(|migrated| reports.push((report, migrated)))
                    .map(|()| Written::Done),
                Task::TakeAside => Ok(Written::Done),
            };
            if let Err(error) = &answer
                && self.connection.is_autocommit()
            {
                return Err(error.clone()); // SQLite has rolled back all
            }
            match answer {
                Ok(Written::Done) => {}
                Ok(Written::Overtaken) | Err(_) => self.execute("ROLLBACK TO one")?,
            }
            self.execute("RELEASE one")?;
            answers.push(answer);
        }
        Ok(())
    }

    /// What became of the write, and how many rows it may have touched by then.
    fn write(&mut self, write: &Write) -> Result<(Written, u64), Error> {
        write.check()?;
        let mut all = 0;
        for step in write.steps() {
            match self.step(step) {
                Ok(touched) => {
                    all += touched;
                    if step.rows.is_some_and(|rows| touched != rows) {
                        return Ok((Written::Overtaken, all));
                    }
                }
                // What the step did before it failed stays, until it is undone.
                Err(error) if is_conflict(&error) => return Ok((Written::Overtaken, all + 1)),
                Err(error) => return Err(in_words(error)),
            }
        }
        Ok((Written::Done, all))
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
