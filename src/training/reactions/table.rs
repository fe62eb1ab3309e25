//! A data set of reactions as a Parquet file: columns `reactions` (a list of users, each a list of names) and `features`.

use std::{fs::File, io::BufWriter, mem, path::Path, sync::Arc};

use arrow_array::{
    Array, RecordBatch,
    builder::{ListBuilder, StringBuilder},
    cast::AsArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::{Reaction, Record};
use crate::training::{TrainingError, columns};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn user() -> Field {
    Field::new("user", DataType::List(Arc::new(text("reaction"))), false)
}

/// Writes records one after the other; holds [`columns::ROWS`] of them in memory.
pub struct RecordWriter<'a, 'f> {
    path: &'a Path,
    /// Until the first record tells how many features there are.
    out: Option<&'a mut BufWriter<&'f File>>,
    file: Option<columns::Writer<'a, 'f>>,
    dimension: usize,
    rows: usize,
    values: Vec<f32>,
    users: ListBuilder<ListBuilder<StringBuilder>>,
}

fn users_builder() -> ListBuilder<ListBuilder<StringBuilder>> {
    let inner = ListBuilder::new(StringBuilder::new()).with_field(text("reaction"));
    ListBuilder::new(inner).with_field(user())
}

impl<'a, 'f> RecordWriter<'a, 'f> {
    /// Writes to `out`; `path` is what errors name.
    pub fn new(out: &'a mut BufWriter<&'f File>, path: &'a Path) -> Self {
        Self { path, out: Some(out), file: None, dimension: 0, rows: 0, values: Vec::new(), users: users_builder() }
    }

    /// Takes a record.
    ///
    /// # Errors
    /// What is wrong with it, or with the file.
    pub fn write(&mut self, record: Record) -> Result<(), String> {
        if self.dimension == 0 {
            self.dimension = record.features.len();
        }
        if record.features.len() != self.dimension || self.dimension == 0 {
            return Err(format!("has {} features, but the records before it have {}", record.features.len(), self.dimension));
        }
        self.values.extend_from_slice(&record.features);
        for user in &record.users {
            user.iter().for_each(|reaction| self.users.values().values().append_value(reaction.name()));
            self.users.values().append(true);
        }
        self.users.append(true);
        self.rows += 1;
        if self.rows == columns::ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), String> {
        let reactions = Field::new("reactions", DataType::List(Arc::new(user())), false);
        let schema = columns::schema(vec![reactions], self.dimension);
        if let Some(out) = self.out.take() {
            self.file = Some(columns::writer(out, schema.clone())?);
        }
        let features = columns::features(mem::take(&mut self.values), self.dimension)?;
        let batch =
            RecordBatch::try_new(schema, vec![Arc::new(self.users.finish()), features]).map_err(|error| error.to_string())?;
        self.rows = 0;
        self.file.as_mut().map_or(Ok(()), |file| file.write(&batch)).map_err(|error| error.to_string())
    }

    /// Writes what is left and the file's end.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn finish(mut self) -> Result<(), TrainingError> {
        let path = self.path;
        let failed = |error: String| TrainingError::file(path, format!("can't be written: {error}"));
        if self.rows > 0 {
            self.flush().map_err(failed)?;
        }
        match self.file.take() {
            Some(file) => file.close().map(|_| ()).map_err(|error| failed(error.to_string())),
            None => Err(failed("there is no record".to_owned())),
        }
    }
}

/// Reads records one after the other.
pub struct RecordReader {
    path: std::path::PathBuf,
    batches: ParquetRecordBatchReader,
    rows: u64,
    dimension: usize,
    waiting: std::vec::IntoIter<Record>,
    read: u64,
}

impl RecordReader {
    /// Opens a data set.
    ///
    /// # Errors
    /// If it is no Parquet file with the columns `reactions` and `features`.
    pub fn open(path: &Path) -> Result<Self, TrainingError> {
        let (batches, rows, dimension) = columns::open(path, &["reactions"])?;
        Ok(Self { path: path.to_owned(), batches, rows, dimension, waiting: Vec::new().into_iter(), read: 0 })
    }

    /// Number of records.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn records(&self, batch: &RecordBatch) -> Result<Vec<Record>, TrainingError> {
        let wrong = |row: usize, problem: String| TrainingError::Line {
            path: self.path.display().to_string(),
            line: self.read + row as u64 + 1,
            problem,
        };
        let lists = batch.column_by_name("reactions").and_then(|column| column.as_list_opt::<i32>().cloned());
        let values = columns::feature_values(batch);
        let (Some(lists), Some(values)) = (lists, values) else {
            return Err(TrainingError::file(&self.path, "its column \"reactions\" or \"features\" has not the expected type"));
        };
        let row = |(row, features): (usize, &[f32])| {
            let users = lists.value(row);
            let users = users.as_list_opt::<i32>().ok_or_else(|| wrong(row, "reactions are no list of lists".to_owned()))?;
            let user = |index: usize| -> Result<Vec<Reaction>, TrainingError> {
                let names = users.value(index);
                let names = names.as_string_opt::<i32>().ok_or_else(|| wrong(row, "a reaction is no text".to_owned()))?;
                names.iter().map(|name| name.unwrap_or("").parse().map_err(|problem| wrong(row, problem))).collect()
            };
            let users = (0..users.len()).map(user).collect::<Result<_, _>>()?;
            match features.iter().position(|value| !value.is_finite()) {
                Some(bad) => Err(wrong(row, format!("feature {} is not a finite number", bad + 1))),
                None => Ok(Record { users, features: features.to_vec() }),
            }
        };
        values.chunks_exact(self.dimension).enumerate().map(row).collect()
    }
}

impl Iterator for RecordReader {
    type Item = Result<Record, TrainingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.waiting.next() {
                self.read += 1;
                return Some(Ok(record));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(TrainingError::file(&self.path, format!("can't be read: {error}")))),
            };
            match self.records(&batch) {
                Ok(records) => self.waiting = records.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
