//! What the Parquet files of this program have in common: a column `features`, a list of fixed size, and errors that name
//! the file.

use std::{fs::File, io::BufWriter, path::Path, sync::Arc};

use arrow_array::{Array, ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, cast::AsArray, types::Float32Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::Encoding,
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};

use super::TrainingError;

/// A file that is being written.
pub type Writer<'a, 'f> = ArrowWriter<&'a mut BufWriter<&'f File>>;

/// Rows of a row group: what a reader or writer holds in memory at once; 16 MiB at 2048 features.
pub const ROWS: usize = 2048;

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, false))
}

/// The fields of a file, `features` behind the others.
pub fn schema(others: Vec<Field>, dimension: usize) -> SchemaRef {
    let features = Field::new("features", DataType::FixedSizeList(item(), i32::try_from(dimension).unwrap_or(i32::MAX)), false);
    Arc::new(Schema::new(others.into_iter().chain([features]).collect::<Vec<_>>()))
}

/// The column `features` of rows of `dimension` numbers each, one behind the other.
pub fn features(values: Vec<f32>, dimension: usize) -> Result<ArrayRef, String> {
    let size = i32::try_from(dimension).map_err(|error| error.to_string())?;
    let array = FixedSizeListArray::try_new(item(), size, Arc::new(Float32Array::from(values)), None);
    array.map(|array| Arc::new(array) as ArrayRef).map_err(|error| error.to_string())
}

/// Opens a writer. Feature values are near random in their last bits: neither a dictionary nor compression is worth its time.
pub fn writer<'a, 'f>(out: &'a mut BufWriter<&'f File>, schema: SchemaRef) -> Result<Writer<'a, 'f>, String> {
    let column = ColumnPath::new(vec!["features".to_owned(), "list".to_owned(), "item".to_owned()]);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(ROWS))
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, Encoding::PLAIN)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    ArrowWriter::try_new(out, schema, Some(properties)).map_err(|error| error.to_string())
}

/// Opens a Parquet file that has the columns named and `features`; returns the rows, their number and the dimension.
pub fn open(path: &Path, columns: &[&str]) -> Result<(ParquetRecordBatchReader, u64, usize), TrainingError> {
    let failed = |error: &dyn std::fmt::Display| TrainingError::file(path, format!("is no readable Parquet file: {error}"));
    let file = File::open(path).map_err(|error| TrainingError::file(path, format!("can't be read: {error}")))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(&error))?;
    let schema = builder.schema().clone();
    if let Some(missing) = columns.iter().chain(&["features"]).find(|name| schema.field_with_name(name).is_err()) {
        let found: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        return Err(TrainingError::file(path, format!("has no column \"{missing}\"; it has {}", found.join(", "))));
    }
    let dimension = match schema.field_with_name("features").map(Field::data_type) {
        Ok(DataType::FixedSizeList(item, size)) if *item.data_type() == DataType::Float32 && *size > 0 => *size as usize,
        _ => return Err(TrainingError::file(path, "its column \"features\" is no list of a fixed number of 32-bit floats")),
    };
    let rows = builder.metadata().file_metadata().num_rows();
    let reader = builder.with_batch_size(ROWS).build().map_err(|error| failed(&error))?;
    Ok((reader, u64::try_from(rows).unwrap_or(0), dimension))
}

/// The features of a batch, one row behind the other.
pub fn feature_values(batch: &RecordBatch) -> Option<&[f32]> {
    let list = batch.column_by_name("features")?.as_fixed_size_list_opt()?;
    let values = list.values().as_primitive_opt::<Float32Type>()?;
    // A slice of a longer array keeps its offset outside the values.
    let (start, size) = (list.offset() * list.value_length() as usize, list.len() * list.value_length() as usize);
    (values.null_count() == 0).then(|| values.values().get(start..start + size)).flatten()
}
