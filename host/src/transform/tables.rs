//! Lookup tables: `NAME.csv` or `NAME.json` files that all functions may read and none copies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::DefaultHashBuilder;
use serde::{Deserialize, Serialize};

/// Size of one table's file, in bytes.
pub const FILE: u64 = 16 << 20;
/// Rows of one table.
pub const ROWS: usize = 200_000;
/// Tables in all folders; what comes after them by name is left out and logged.
pub const COUNT: usize = 100;

/// Values by key.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table(HashMap<Box<str>, Box<str>, DefaultHashBuilder>);

impl Table {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(AsRef::as_ref)
    }

    /// Bytes of its keys and values.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Table {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        Table(rows.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It can't be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is too large.
    #[error("it has more than {FILE} bytes")]
    Size,
    /// Too many rows.
    #[error("it has more than {ROWS} rows")]
    Rows,
    /// It is no CSV of two columns.
    #[error("line {line}: {reason}")]
    Csv {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It is no JSON object of text.
    #[error("it must be a JSON object whose values are text: {0}")]
    Json(#[from] serde_json::Error),
}

/// Where a table comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A folder of this instance.
    Folder,
    /// The store. It wins where both have a table.
    Store,
}

/// All tables, as they are now. Functions hold the set and see a table's new rows once it was reloaded.
#[derive(Debug, Default)]
pub struct Tables(RwLock<[BTreeMap<String, Arc<Table>>; 2]>);

impl Tables {
    /// The table of this name.
    ///
    /// # Errors
    /// A sentence for the author of the function where there is none.
    pub fn get(&self, name: &str) -> Result<Arc<Table>, String> {
        let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        layers.iter().rev().find_map(|tables| tables.get(name)).cloned().ok_or_else(|| {
            let name = &name[..name.floor_char_boundary(64)];
            format!(
                "there is no table {name:?}; put {name}.csv or {name}.json into the folder \"tables\", or deploy it"
            )
        })
    }

    /// The names of all tables.
    pub fn names(&self) -> BTreeSet<String> {
        let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        layers.iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// The tables of a layer by name, with the rows that each has.
    pub fn list(&self, layer: Layer) -> Vec<(String, usize)> {
        let layers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        layers[layer as usize].iter().map(|(name, table)| (name.clone(), table.len())).collect()
    }

    /// Makes or replaces a table.
    pub fn set(&self, layer: Layer, name: &str, table: Arc<Table>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner)[layer as usize].insert(name.to_owned(), table);
    }

    /// Removes a table.
    pub fn remove(&self, layer: Layer, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner)[layer as usize].remove(name);
    }

    /// The tables of the folder `tables` beside a function, for one that is tested on its own. No folder, no tables.
    ///
    /// # Errors
    /// The file that is no table, and why.
    pub fn beside(function: &Path) -> Result<Tables, (PathBuf, TableError)> {
        let tables = Tables::default();
        let folder = function.with_file_name("tables");
        for path in list(&folder).unwrap_or_default().into_iter().take(COUNT) {
            let table = read(&path).map_err(|error| (path.clone(), error))?;
            tables.set(Layer::Folder, &name(&path), Arc::new(table));
        }
        Ok(tables)
    }
}

/// Looks into tables on behalf of one instance. It keeps the one that it used last, so that a call with many reports
/// finds it once, and sees the same rows for all of them.
pub(super) struct Reader {
    tables: Arc<Tables>,
    last: Option<(String, Arc<Table>)>,
}

impl Reader {
    pub(super) fn new(tables: Arc<Tables>) -> Self {
        Reader { tables, last: None }
    }

    /// To be called at the start of each call: tables that were changed have their new rows then.
    pub(super) fn refresh(&mut self) {
        self.last = None;
    }

    /// The table of this name.
    ///
    /// # Errors
    /// As [`Tables::get`].
    pub(super) fn get(&mut self, name: &str) -> Result<&Table, String> {
        let last = match self.last.take() {
            Some(last) if last.0 == name => last,
            _ => (name.to_owned(), self.tables.get(name)?),
        };
        Ok(&self.last.insert(last).1)
    }
}

/// The files of a folder that are tables, by name.
pub(super) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "csv" || e == "json") && path.is_file())
        .collect();
    paths.sort();
    Ok(paths)
}

/// The name of a table: its file's stem.
pub(super) fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads one table.
///
/// # Errors
/// [`TableError`].
pub fn read(path: &Path) -> Result<Table, TableError> {
    parse(path, &fs::read(path)?)
}

/// A table from the content of a file; its ending tells the format.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Table, TableError> {
    let json = path.extension().is_some_and(|extension| extension == "json");
    Format::parse(if json { Format::Json } else { Format::Csv }, bytes)
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Two columns, without a header.
    Csv,
    /// An object of text.
    Json,
}

impl Format {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// The format of that word.
    pub fn of(word: &str) -> Option<Format> {
        [Format::Csv, Format::Json].into_iter().find(|format| format.as_str() == word)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn parse(self, bytes: &[u8]) -> Result<Table, TableError> {
        if bytes.len() as u64 > FILE {
            return Err(TableError::Size);
        }
        let table = match self {
            Format::Json => serde_json::from_slice(bytes)?,
            Format::Csv => csv(bytes)?,
        };
        if table.0.len() > ROWS { Err(TableError::Rows) } else { Ok(table) }
    }
}

fn csv(bytes: &[u8]) -> Result<Table, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut rows = HashMap::default();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            TableError::Csv { line, reason: error.to_string() }
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let (Some(key), Some(value), None) = (record.get(0), record.get(1), record.get(2)) else {
            let reason = format!("it has {} columns; a table has two, the key and the value", record.len());
            return Err(TableError::Csv { line, reason });
        };
        if rows.insert(key.into(), value.into()).is_some() {
            return Err(TableError::Csv { line, reason: format!("the key {key:?} is there twice") });
        }
        if rows.len() > ROWS {
            return Err(TableError::Rows);
        }
    }
    Ok(Table(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_are_read_and_faults_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            read(&path).map_err(|error| error.to_string())
        };
        let table = file("a.csv", "# comment\nip-10-0-3-17, web-1\n\"a,b\",c\n").unwrap();
        assert_eq!((table.get("ip-10-0-3-17"), table.get("a,b"), table.get("x")), (Some("web-1"), Some("c"), None));
        assert_eq!(file("b.json", r#"{"a": "1"}"#).unwrap().get("a"), Some("1"));
        assert!(
            file("c.json", r#"{"a": 1}"#).unwrap_err().starts_with("it must be a JSON object whose values are text")
        );
        assert_eq!(
            file("d.csv", "a,b\nc\n").unwrap_err(),
            "line 2: it has 1 columns; a table has two, the key and the value"
        );
        assert_eq!(file("e.csv", "a,b\na,c\n").unwrap_err(), "line 2: the key \"a\" is there twice");
    }

    #[test]
    fn a_missing_table_is_explained() {
        assert!(Tables::default().get("hosts").unwrap_err().contains("put hosts.csv or hosts.json"));
    }
}
