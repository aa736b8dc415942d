//! Connections that only read: a few, each used by one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{CachedStatement, Connection, Statement};

use super::connection::{Place, bind, in_words, our_row};
use super::errand::Errand;
use super::text::{Texts, rewritten};
use crate::row::ROW_LIMIT;
use crate::{Error, Row, Value};

#[derive(Debug)]
pub(super) struct Readers {
    readers: Vec<Mutex<Reader>>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Reader {
    place: Place,
    connection: Connection,
    texts: Texts,
}

impl Readers {
    pub(super) fn open(place: &Place, count: usize) -> Result<Self, Error> {
        let open = |_| {
            let connection = place.open_reader()?;
            let texts = Texts::default();
            Ok(Mutex::new(Reader { place: place.clone(), connection, texts }))
        };
        let readers = (0..count).map(open).collect::<Result<_, _>>()?;
        Ok(Self { readers, next: AtomicUsize::new(0) })
    }

    pub(super) fn one(&self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, Error> {
        self.reader()?.read(|connection, texts| {
            let mut statement = prepared(connection, &texts.of(sql))?;
            bind(&mut statement, params).map_err(in_words)?;
            let mut rows = statement.raw_query();
            rows.next().map_err(in_words)?.map(our_row).transpose()
        })
    }

    pub(super) fn all(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.reader()?.read(|connection, texts| {
            let mut statement = prepared(connection, &texts.of(sql))?;
            collect(&mut statement, params)
        })
    }

    pub(super) fn search(
        &self,
        sql: &str,
        params: &[Value],
        errand: &Errand,
    ) -> Result<Vec<Row>, Error> {
        self.reader()?.read(|connection, _texts| {
            errand.run(connection, |connection| {
                collect(&mut connection.prepare(&rewritten(sql)).map_err(in_words)?, params)
            })
        })
    }

    /// The first reader that is free, since it knows most of the pages; if none is, the next one
    /// in turn when it is.
    fn reader(&self) -> Result<MutexGuard<'_, Reader>, Error> {
        if let Some(reader) = self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            return Ok(reader);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len().max(1);
        let mine = self.readers.get(turn);
        let mine = mine.ok_or_else(|| Error::Engine(String::from("no readers")))?;
        Ok(mine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reader {
    /// After an I/O error the connection may be beyond use: the next one gets a fresh one.
    fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, &mut Texts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let answer = work(&mut self.connection, &mut self.texts);
        if matches!(answer, Err(Error::Unavailable(_)))
            && let Ok(connection) = self.place.open_reader()
        {
            self.connection = connection;
        }
        answer
    }
}

fn prepared<'c>(connection: &'c Connection, text: &str) -> Result<CachedStatement<'c>, Error> {
    connection.prepare_cached(text).map_err(in_words)
}

fn collect(statement: &mut Statement<'_>, params: &[Value]) -> Result<Vec<Row>, Error> {
    bind(statement, params).map_err(in_words)?;
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next().map_err(in_words)? {
        if answer.len() == ROW_LIMIT {
            return Err(Error::Engine(format!("a list of more than {ROW_LIMIT} rows")));
        }
        answer.push(our_row(row)?);
    }
    Ok(answer)
}
