//! Labelled feature vectors, and where they come from: folders of pictures named after their class, or stored vectors.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{Array, RecordBatch, StringArray, UInt64Array, cast::AsArray, types::UInt64Type};
use arrow_schema::{DataType, Field};

use super::{TrainingError, Watch, columns, write_file};

/// Labelled feature vectors.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// Names of the classes, `ham` first.
    pub classes: Vec<String>,
    /// Numbers of a vector.
    pub dimension: usize,
    /// Of each whether it comes of weights that were tuned on labelled pictures; empty if none does.
    pub tuned: Vec<bool>,
    /// Class of each, an index into `classes`.
    pub labels: Vec<usize>,
    /// Where each comes from: the folders between the data folder and the file, without the class.
    pub sources: Vec<Arc<str>>,
    /// Path or digest of each, for people.
    pub names: Vec<String>,
    /// Perceptual hash of each picture; `None` for vectors whose picture is not at hand.
    pub hashes: Vec<Option<u64>>,
    /// Whether those weights were tuned on this picture or a near-duplicate: what they make of it tells nothing of other pictures.
    pub seen: Vec<bool>,
    values: Vec<f32>,
}

impl Examples {
    /// No example yet.
    pub fn new(classes: Vec<String>, dimension: usize) -> Self {
        Self { classes, dimension, ..Self::default() }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The vector of a row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Adds a vector.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn push(
        &mut self,
        label: usize,
        source: Arc<str>,
        name: String,
        hash: Option<u64>,
        vector: &[f32],
    ) -> Result<(), String> {
        if vector.len() != self.dimension {
            return Err(format!("has {} features, but the others have {}", vector.len(), self.dimension));
        }
        if let Some(bad) = vector.iter().position(|value| !value.is_finite()) {
            return Err(format!("feature {} is not a finite number", bad + 1));
        }
        self.labels.push(label);
        self.sources.push(source);
        self.names.push(name);
        self.hashes.push(hash);
        self.seen.push(false);
        self.values.extend_from_slice(vector);
        Ok(())
    }

    /// The given rows, in their order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut chosen = Self { tuned: self.tuned.clone(), ..Self::new(self.classes.clone(), self.dimension) };
        for &row in rows {
            chosen.labels.push(self.labels[row]);
            chosen.sources.push(self.sources[row].clone());
            chosen.names.push(self.names[row].clone());
            chosen.hashes.push(self.hashes[row]);
            chosen.seen.push(self.seen[row]);
            chosen.values.extend_from_slice(self.row(row));
        }
        chosen
    }

    /// Adds the rows of another set of the same classes and dimension.
    pub fn append(&mut self, other: Self) {
        self.labels.extend(other.labels);
        self.sources.extend(other.sources);
        self.names.extend(other.names);
        self.hashes.extend(other.hashes);
        self.seen.extend(other.seen);
        self.values.extend(other.values);
    }

    /// Whether any number comes of tuned weights.
    pub fn is_tuned(&self) -> bool {
        self.tuned.contains(&true)
    }

    /// Rows whose picture the backbone was not tuned on.
    pub fn unseen(&self) -> Vec<usize> {
        (0..self.len()).filter(|row| !self.seen[*row]).collect()
    }

    /// The same without what comes of tuned weights: zeros stand there.
    pub fn untuned(&self) -> Cow<'_, Self> {
        if !self.is_tuned() {
            return Cow::Borrowed(self);
        }
        let mut plain = Self { tuned: Vec::new(), ..self.clone() };
        for vector in plain.values.chunks_exact_mut(self.dimension) {
            vector.iter_mut().zip(&self.tuned).filter(|(_, tuned)| **tuned).for_each(|(value, _)| *value = 0.0);
        }
        Cow::Owned(plain)
    }

    /// Number of vectors of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.labels.iter().for_each(|label| counts[*label] += 1);
        counts
    }

    /// The same for people: `12 ham, 3 spam`.
    pub fn tally(&self) -> String {
        let of: Vec<_> = self.counts().iter().zip(&self.classes).map(|(count, class)| format!("{count} {class}")).collect();
        of.join(", ")
    }

    /// Without the classes of fewer than `least` vectors, and without their vectors; ham stays in any case.
    pub fn without_small_classes(&self, least: usize) -> Self {
        let counts = self.counts();
        let kept: Vec<usize> = (0..counts.len()).filter(|class| *class == 0 || counts[*class] >= least).collect();
        let rows: Vec<usize> = (0..self.len()).filter(|row| kept.contains(&self.labels[*row])).collect();
        let mut chosen = self.select(&rows);
        chosen.classes = kept.iter().map(|class| self.classes[*class].clone()).collect();
        let place = |label: &usize| kept.iter().position(|class| class == label).unwrap_or(0);
        chosen.labels = chosen.labels.iter().map(place).collect();
        chosen
    }

    /// Refuses what no head can be trained on: no ham, nothing but ham, or a class with one vector.
    ///
    /// # Errors
    /// Says which class lacks what.
    pub fn check(&self) -> Result<(), TrainingError> {
        if !self.classes.iter().any(|class| class == "ham") {
            return Err(TrainingError::Data("there is no class \"ham\": false alarms could not be measured".to_owned()));
        }
        for (class, count) in self.classes.iter().zip(self.counts()) {
            if count < 2 {
                let what = if count == 0 { "no picture" } else { "only one picture" };
                return Err(TrainingError::Data(format!(
                    "class \"{class}\" has {what}; at least 2 are needed, and hundreds to be of use"
                )));
            }
        }
        if self.classes.len() < 2 {
            return Err(TrainingError::Data("there is only the class \"ham\": nothing could be found".to_owned()));
        }
        Ok(())
    }

    /// Writes the vectors as a Parquet file with the columns `class`, `source`, `name`, `hash` (perceptual, where known) and
    /// `features`.
    ///
    /// # Errors
    /// If it can't be written; `path` is then left as it was.
    pub fn save(&self, path: &Path) -> Result<(), TrainingError> {
        let failed = |error: String| TrainingError::file(path, format!("can't be written: {error}"));
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let schema = columns::schema(
            vec![text("class"), text("source"), text("name"), Field::new("hash", DataType::UInt64, true)],
            self.dimension,
        );
        write_file(path, |out| {
            let mut file = columns::writer(out, schema.clone()).map_err(failed)?;
            let rows: Vec<usize> = (0..self.len()).collect();
            for rows in rows.chunks(columns::ROWS) {
                let column = |of: &dyn Fn(usize) -> String| -> arrow_array::ArrayRef {
                    Arc::new(StringArray::from_iter_values(rows.iter().map(|row| of(*row))))
                };
                let values = rows.iter().flat_map(|row| self.row(*row)).copied().collect();
                let batch = RecordBatch::try_new(
                    schema.clone(),
                    vec![
                        column(&|row| self.classes[self.labels[row]].clone()),
                        column(&|row| self.sources[row].to_string()),
                        column(&|row| self.names[row].clone()),
                        Arc::new(UInt64Array::from_iter(rows.iter().map(|row| self.hashes[*row]))),
                        columns::features(values, self.dimension).map_err(failed)?,
                    ],
                );
                file.write(&batch.map_err(|error| failed(error.to_string()))?).map_err(|error| failed(error.to_string()))?;
            }
            file.close().map(|_| ()).map_err(|error| failed(error.to_string()))
        })
    }

    /// Reads vectors that [`Examples::save`] or `dataset label` wrote. `known` are classes that get the first indices; others
    /// are errors unless `known` is empty, when all are taken, `ham` first.
    ///
    /// # Errors
    /// If the file is not of that kind, a vector is not finite, or a class is not known.
    pub fn load(path: &Path, known: &[String], watch: &Watch) -> Result<Self, TrainingError> {
        let (batches, rows, dimension) = columns::open(path, &["class"])?;
        watch.begin("reading vectors", rows);
        let mut found = Self::new(known.to_vec(), dimension);
        for batch in batches {
            let batch = batch.map_err(|error| TrainingError::file(path, format!("can't be read: {error}")))?;
            let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>().cloned());
            let (Some(classes), Some(values)) = (text("class"), columns::feature_values(&batch)) else {
                return Err(TrainingError::file(path, "its column \"class\" or \"features\" has not the expected type"));
            };
            let (sources, names) = (text("source"), text("name"));
            let hashes = batch.column_by_name("hash").and_then(|column| column.as_primitive_opt::<UInt64Type>().cloned());
            let at = |column: &Option<StringArray>, row: usize| column.as_ref().map(|column| column.value(row).to_owned());
            for (row, vector) in values.chunks_exact(dimension).enumerate() {
                let wrong =
                    |problem| TrainingError::Line { path: path.display().to_string(), line: found.len() as u64 + 1, problem };
                let class = classes.value(row);
                let label = match found.classes.iter().position(|known| known == class) {
                    Some(label) => label,
                    None if known.is_empty() => {
                        found.classes.push(class.to_owned());
                        found.classes.len() - 1
                    }
                    None => return Err(wrong(format!("has the class \"{class}\"; known are {}", known.join(", ")))),
                };
                let source = at(&sources, row).unwrap_or_else(|| "stored".to_owned()).into();
                let name = at(&names, row).unwrap_or_else(|| format!("{}#{}", path.display(), found.len() + 1));
                let hash = hashes.as_ref().filter(|hashes| !hashes.is_null(row)).map(|hashes| hashes.value(row));
                found.push(label, source, name, hash, vector).map_err(|problem| TrainingError::Line {
                    path: path.display().to_string(),
                    line: found.labels.len() as u64 + 1,
                    problem,
                })?;
            }
            watch.step(batch.num_rows() as u64)?;
        }
        watch.end();
        found.ham_first();
        Ok(found)
    }

    fn ham_first(&mut self) {
        if let Some(ham) = self.classes.iter().position(|class| class == "ham").filter(|ham| *ham != 0) {
            self.classes.swap(0, ham);
            for label in &mut self.labels {
                *label = if *label == ham {
                    0
                } else if *label == 0 {
                    ham
                } else {
                    *label
                };
            }
        }
    }
}

/// A picture file and what it is an example of.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The file.
    pub path: PathBuf,
    /// Index into the classes.
    pub label: usize,
    /// The folders between the data folder and the file, without the class.
    pub source: Arc<str>,
}

/// Finds the pictures under `folders`. A picture's class is the outermost folder on its way that bears a class's name:
/// `DATA/spam/x.png` and `DATA/ish/spam/x.png` are both spam. Hidden files and folders are left out.
///
/// # Errors
/// If a folder can't be read, or holds a picture that is in no class.
pub fn list(folders: &[PathBuf], classes: &[String]) -> Result<Vec<Labelled>, TrainingError> {
    let mut found = BTreeMap::new();
    for folder in folders {
        let before = found.len();
        walk(folder, folder, classes, &mut found)?;
        if found.len() == before {
            let names = classes.join(", ");
            return Err(TrainingError::file(folder, format!("holds no file in a folder named after a class ({names})")));
        }
    }
    Ok(found.into_values().collect())
}

fn walk(root: &Path, folder: &Path, classes: &[String], found: &mut BTreeMap<PathBuf, Labelled>) -> Result<(), TrainingError> {
    let failed = |error: std::io::Error| TrainingError::file(folder, format!("can't be read: {error}"));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, classes, found)?;
            continue;
        }
        let base = root.file_name().into_iter().chain(path.strip_prefix(root).unwrap_or(&path).iter());
        let steps: Vec<String> = base.map(|step| step.to_string_lossy().into_owned()).collect();
        let steps = &steps[..steps.len().saturating_sub(1)];
        let place = steps.iter().position(|step| classes.contains(step));
        let label = place.and_then(|place| classes.iter().position(|class| *class == steps[place]));
        if let (Some(place), Some(label)) = (place, label) {
            let above = if place > 0 { &steps[1..place] } else { &[] };
            let source = above.iter().chain(&steps[place + 1..]).cloned().collect::<Vec<_>>().join("/");
            let source = if source.is_empty() { steps[0].clone() } else { source };
            found.insert(path.clone(), Labelled { path, label, source: source.into() });
        } else if crate::mail::PictureType::detect(&start(&path)).is_some() {
            let names = classes.join(", ");
            return Err(TrainingError::file(&path, format!("is in no class: none of its folders is named {names}")));
        }
    }
    Ok(())
}

fn start(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut start = Vec::new();
    // What can't be read is told when it is to be decoded.
    let _ = fs::File::open(path).map(|file| file.take(16).read_to_end(&mut start));
    start
}
