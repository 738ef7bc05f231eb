//! Votes on disk: a table to which rows are added and from which nothing goes.
//!
//! An answer is one row; to undo it is another row that names it. Triggers refuse to change, delete or
//! replace rows. SQLite keeps a write-ahead log that is flushed to the disk with every row
//! (`synchronous = FULL`), so an answer that was acknowledged survives a kill, and a loss of power as far
//! as the disk keeps its word. A row has a nonce of whoever sent it: sent again, it is not counted again.
//!
//! Limits: one server at a time writes; a lock on a file beside the database sees to that.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::error::{Error, Result};
use crate::project::Project;

/// The version of the tables, as SQLite's `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE rater (name TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  nonce TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  rater TEXT NOT NULL REFERENCES rater (name),
  item TEXT NOT NULL,
  answer TEXT,             -- null where the row undoes another
  expected TEXT,           -- of an attention check
  first TEXT,              -- which picture was shown on the left, or first
  milliseconds INTEGER,    -- from the pictures to the answer
  display TEXT,            -- what the page says of how it showed them
  undoes INTEGER UNIQUE REFERENCES entry (seq),
  CHECK ((answer IS NULL) = (undoes IS NOT NULL))
) STRICT;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'votes are never deleted'); END;
CREATE TRIGGER entry_keeps BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'votes are never changed'); END;
CREATE TRIGGER entry_is_new BEFORE INSERT ON entry
  WHEN EXISTS (SELECT 1 FROM entry WHERE seq = NEW.seq OR nonce = NEW.nonce OR undoes = NEW.undoes)
  BEGIN SELECT RAISE(ABORT, 'votes are never replaced'); END;
CREATE TRIGGER rater_stays BEFORE DELETE ON rater
  BEGIN SELECT RAISE(ABORT, 'raters are never deleted'); END;
";

/// A row as it is stored, the rows that undo others taken into account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Its number.
    pub seq: i64,
    /// When it came, in UTC.
    pub at: String,
    /// Who gave it.
    pub rater: String,
    /// The key of the item.
    pub item: String,
    /// The answer, in terms of the item's columns.
    pub answer: String,
    /// What an attention check expected.
    pub expected: Option<String>,
    /// Which picture was shown on the left, or first: the name of its column.
    pub first: String,
    /// Milliseconds from the pictures to the answer.
    pub milliseconds: Option<i64>,
    /// What the page says of how it showed the pictures, as JSON.
    pub display: Option<String>,
    /// Whether it was taken back.
    pub undone: bool,
}

/// An answer on its way into the store.
#[derive(Clone, Debug)]
pub struct NewVote<'a> {
    /// Chosen by whoever sends it; the same again is the same answer.
    pub nonce: &'a str,
    /// Who gives it.
    pub rater: &'a str,
    /// The key of the item.
    pub item: &'a str,
    /// The answer.
    pub answer: &'a str,
    /// What an attention check expects.
    pub expected: Option<&'a str>,
    /// Which picture was shown on the left, or first.
    pub first: &'a str,
    /// Milliseconds from the pictures to the answer.
    pub milliseconds: Option<i64>,
    /// What the page says of how it showed them.
    pub display: Option<&'a str>,
}

/// The votes of a project.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    // Held for as long as the store is open for writing; the system lets go of it with the process.
    _lock: Option<File>,
}

impl Store {
    /// Opens the votes of a project for writing; creates what is missing, tokens of raters included.
    ///
    /// # Errors
    /// [`Error::Project`] when another server has the project, or when there are votes under other
    /// conditions; [`Error::Votes`].
    pub fn open(project: &Project) -> Result<Self> {
        let path = project.votes_file();
        let wrong = |reason: String| Error::Project { path: project.folder.clone(), reason };
        let lock_path = project.folder.join("votes.lock");
        let mut options = File::options();
        private(options.create(true).truncate(false).write(true));
        let lock = options
            .open(&lock_path)
            .map_err(|error| wrong(format!("cannot write votes.lock: {error}")))?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(wrong(
                    "another 'judge collect' has this project; stop it first".into(),
                ));
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(wrong(format!("cannot lock votes.lock: {error}")));
            }
        }
        // The database holds the raters' tokens, so it is the owner's alone from the start.
        private(File::options().create(true).truncate(false).write(true))
            .open(&path)
            .map_err(|error| wrong(format!("cannot write votes.sqlite: {error}")))?;
        let connection = Connection::open(&path).map_err(|reason| votes(&path, reason))?;
        let mut store = Self { connection, path, _lock: Some(lock) };
        store.prepare(project)?;
        Ok(store)
    }

    /// Opens votes to read them, while a server may be adding to them.
    ///
    /// # Errors
    /// [`Error::Project`] when there are none yet; [`Error::Votes`].
    pub fn read_only(project: &Project) -> Result<Self> {
        let path = project.votes_file();
        if !path.is_file() {
            let reason = "no votes yet; 'lookalike judge collect PROJECT' collects them".to_owned();
            return Err(Error::Project { path: project.folder.clone(), reason });
        }
        // What a killed server left in the log is taken over, which may need to write.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|reason| votes(&path, reason))?;
        let store = Self { connection, path, _lock: None };
        store.check_version()?;
        Ok(store)
    }

    fn prepare(&mut self, project: &Project) -> Result<()> {
        let sql = |store: &Self, text: &str| {
            store.connection.execute_batch(text).map_err(|reason| store.failed(reason))
        };
        sql(
            self,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        let version: i64 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|reason| self.failed(reason))?;
        if version == 0 {
            let tables =
                format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
            sql(self, &tables)?;
        }
        self.check_version()?;
        let conditions = project.conditions();
        let before = self.setting("conditions")?;
        if before.as_ref().is_some_and(|before| *before != conditions) && self.count()? > 0 {
            let before = before.unwrap_or_default();
            let reason = format!(
                "there are votes under other conditions ({before}) than the file has now \
                 ({conditions}); put them back, or start a new project"
            );
            return Err(Error::Project { path: project.folder.clone(), reason });
        }
        self.set("conditions", &conditions)?;
        if self.setting("owner")?.is_none() {
            self.set("owner", &token())?;
        }
        for rater in project.people() {
            self.connection
                .execute(
                    "INSERT INTO rater (name, token) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                    params![rater, token()],
                )
                .map_err(|reason| self.failed(reason))?;
        }
        Ok(())
    }

    fn check_version(&self) -> Result<()> {
        let version: i64 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|reason| self.failed(reason))?;
        if version == VERSION {
            return Ok(());
        }
        let reason = format!("the votes are of version {version}, expected {VERSION}");
        Err(Error::Project { path: self.path.clone(), reason })
    }

    /// The token of the page that shows how far everybody is.
    ///
    /// # Errors
    /// [`Error::Votes`].
    pub fn owner_token(&self) -> Result<String> {
        Ok(self.setting("owner")?.unwrap_or_default())
    }

    /// The token of a rater.
    ///
    /// # Errors
    /// [`Error::Votes`], also for a rater who is unknown.
    pub fn token(&self, rater: &str) -> Result<String> {
        self.connection
            .query_row("SELECT token FROM rater WHERE name = ?1", [rater], |row| row.get(0))
            .map_err(|reason| self.failed(reason))
    }

    /// Adds an answer, and waits until it is on the disk. Returns its number, and
    /// whether it is new.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the nonce has another answer, or the rater another answer to the item;
    /// [`Error::Votes`].
    pub fn add(&mut self, vote: &NewVote<'_>) -> Result<(i64, bool)> {
        self.within(|transaction| {
            if let Some((seq, rater, item, answer)) = transaction
                .query_row(
                    "SELECT seq, rater, item, answer FROM entry WHERE nonce = ?1",
                    [vote.nonce],
                    |row| {
                        let answer: Option<String> = row.get(3)?;
                        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, answer))
                    },
                )
                .optional()?
            {
                let same = (rater.as_str(), item.as_str(), answer.as_deref())
                    == (vote.rater, vote.item, Some(vote.answer));
                return Ok(if same { Ok((seq, false)) } else { Err("this nonce has another answer") });
            }
            let answered: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM entry AS e WHERE rater = ?1 AND item = ?2
                   AND undoes IS NULL
                   AND NOT EXISTS (SELECT 1 FROM entry WHERE undoes = e.seq))",
                params![vote.rater, vote.item],
                |row| row.get(0),
            )?;
            if answered {
                return Ok(Err("this question is answered"));
            }
            transaction.execute(
                "INSERT INTO entry (nonce, rater, item, answer, expected, first, milliseconds, display)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    vote.nonce,
                    vote.rater,
                    vote.item,
                    vote.answer,
                    vote.expected,
                    vote.first,
                    vote.milliseconds,
                    vote.display
                ],
            )?;
            Ok(Ok((transaction.last_insert_rowid(), true)))
        })
    }

    /// Takes an answer back by a row that says so. Twice is once.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the rater has no such answer; [`Error::Votes`].
    pub fn undo(&mut self, nonce: &str, rater: &str, seq: i64) -> Result<()> {
        self.within(|transaction| {
            let known: Option<(String, String)> = transaction
                .query_row(
                    "SELECT rater, item FROM entry WHERE seq = ?1 AND undoes IS NULL",
                    [seq],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let Some((_, item)) = known.filter(|(by, _)| by == rater) else {
                return Ok(Err("there is no such answer to take back"));
            };
            let undone: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM entry WHERE undoes = ?1)",
                [seq],
                |row| row.get(0),
            )?;
            if !undone {
                transaction.execute(
                    "INSERT INTO entry (nonce, rater, item, undoes) VALUES (?1, ?2, ?3, ?4)",
                    params![nonce, rater, item, seq],
                )?;
            }
            Ok(Ok(()))
        })
    }

    /// All answers in the order in which they came, with whether they were taken back.
    ///
    /// # Errors
    /// [`Error::Votes`].
    pub fn votes(&self) -> Result<Vec<Vote>> {
        let read = || -> rusqlite::Result<Vec<Vote>> {
            let mut statement = self.connection.prepare(
                "SELECT seq, at, rater, item, answer, expected, first, milliseconds, display,
                   EXISTS (SELECT 1 FROM entry WHERE undoes = e.seq)
                 FROM entry AS e WHERE undoes IS NULL ORDER BY seq",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Vote {
                    seq: row.get(0)?,
                    at: row.get(1)?,
                    rater: row.get(2)?,
                    item: row.get(3)?,
                    answer: row.get(4)?,
                    expected: row.get(5)?,
                    first: row.get(6)?,
                    milliseconds: row.get(7)?,
                    display: row.get(8)?,
                    undone: row.get(9)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|reason| self.failed(reason))
    }

    fn count(&self) -> Result<i64> {
        self.connection
            .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
            .map_err(|reason| self.failed(reason))
    }

    fn setting(&self, name: &str) -> Result<Option<String>> {
        self.connection
            .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(|reason| self.failed(reason))
    }

    fn set(&self, name: &str, value: &str) -> Result<()> {
        self.connection
            .execute(
                "INSERT INTO setting VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [name, value],
            )
            .map(|_| ())
            .map_err(|reason| self.failed(reason))
    }

    /// One transaction; what contradicts the stored rows leaves them as they are.
    fn within<T>(
        &mut self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<Result<T, &'static str>>,
    ) -> Result<T> {
        let path = &self.path;
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(|reason| votes(path, reason))?;
        match change(&transaction).map_err(|reason| votes(path, reason))? {
            Ok(done) => {
                transaction.commit().map_err(|reason| votes(path, reason))?;
                Ok(done)
            }
            Err(contradiction) => Err(Error::Conflict(contradiction.to_owned())),
        }
    }

    fn failed(&self, reason: rusqlite::Error) -> Error {
        votes(&self.path, reason)
    }
}

fn votes(path: &Path, reason: rusqlite::Error) -> Error {
    Error::Votes { path: path.to_owned(), reason }
}

/// 128 bits of the system's randomness.
pub(crate) fn token() -> String {
    rand::random::<[u8; 16]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Files that others must not read.
fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &Path, more: &str) -> Project {
        std::fs::write(folder.join("items.csv"), "reference,left,right\nr,a,b\n").unwrap();
        let toml = format!("task = '2afc'\nitems = 'items.csv'\nraters = ['x', 'y']\n{more}");
        Project::parse(toml.as_bytes(), folder).unwrap()
    }

    fn vote<'a>(nonce: &'a str, rater: &'a str, answer: &'a str) -> NewVote<'a> {
        let (expected, milliseconds, display) = (None, Some(7), None);
        NewVote { nonce, rater, item: "i", answer, expected, first: "left", milliseconds, display }
    }

    #[test]
    fn an_answer_counts_once_and_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "");
        let mut store = Store::open(&project).unwrap();
        let (seq, _) = store.add(&vote("n1", "x", "left")).unwrap();
        assert_eq!(store.add(&vote("n1", "x", "left")).unwrap(), (seq, false), "the same again");
        for other in [vote("n1", "x", "right"), vote("n1", "y", "left"), vote("n2", "x", "left")] {
            assert!(matches!(store.add(&other), Err(Error::Conflict(_))), "{other:?}");
        }
        assert!(matches!(store.undo("u1", "y", seq), Err(Error::Conflict(_))), "of another rater");
        store.undo("u1", "x", seq).unwrap();
        store.undo("u2", "x", seq).unwrap();
        store.add(&vote("n3", "x", "right")).unwrap();
        let votes = store.votes().unwrap();
        let told: Vec<_> = votes.iter().map(|v| (v.answer.as_str(), v.undone)).collect();
        assert_eq!(told, [("left", true), ("right", false)]);
        assert!(votes[0].at.ends_with('Z') && votes[0].milliseconds == Some(7));
    }

    #[test]
    fn rows_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&project(folder.path(), "")).unwrap();
        store.add(&vote("n1", "x", "left")).unwrap();
        let before = store.votes().unwrap();
        for sql in [
            "UPDATE entry SET answer = 'right'",
            "DELETE FROM entry",
            "DELETE FROM rater",
            "INSERT OR REPLACE INTO entry (seq, nonce, rater, item, answer)
             VALUES (1, 'n9', 'x', 'i', 'right')",
            "INSERT OR REPLACE INTO entry (nonce, rater, item, answer)
             VALUES ('n1', 'x', 'i', 'right')",
            "INSERT INTO entry (nonce, rater, item, answer) VALUES ('n9', 'nobody', 'i', 'right')",
        ] {
            assert!(store.connection.execute_batch(sql).is_err(), "{sql}");
        }
        assert_eq!(store.votes().unwrap(), before);
        let mode: String =
            store.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        let full: i64 =
            store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), full), ("wal", 2));
    }

    #[test]
    fn a_project_has_one_server_and_keeps_its_conditions_and_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let first = project(folder.path(), "");
        assert!(Store::read_only(&first).is_err());
        let mut store = Store::open(&first).unwrap();
        let message = Store::open(&first).err().unwrap().to_string();
        assert!(message.contains("another 'judge collect'"), "{message}");
        let token = store.token("x").unwrap();
        assert_eq!(token.len(), 32);
        assert_ne!(token, store.token("y").unwrap());
        drop(store);
        let other = project(folder.path(), "seed = 2");
        store = Store::open(&other).unwrap();
        store.add(&vote("n1", "x", "left")).unwrap();
        assert_eq!(store.token("x").unwrap(), token);
        assert_eq!(Store::read_only(&other).unwrap().votes().unwrap().len(), 1);
        drop(store);
        let message = Store::open(&first).err().unwrap().to_string();
        assert!(message.contains("seed = 2") && message.contains("put them back"), "{message}");
        std::fs::write(first.votes_file(), b"not a database, but long enough to be looked at")
            .unwrap();
        assert!(matches!(Store::open(&first), Err(Error::Votes { .. })));
    }
}
