//! The base set of a bundle: what its head was trained on, as projected vectors of 8 bits a number, so that a site can train a
//! new head on it and on its users' reactions without any picture. One `safetensors` file.

use std::{collections::HashMap, path::Path};

use faer::Mat;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    TrainingError,
    calibration::Probabilities,
    examples::Examples,
    head::{Projection, projections},
};

/// A base set.
pub struct BaseSet {
    /// Features to the vectors' components: of each function of a head one behind the other.
    pub projection: Projection,
    /// Projected vectors, with classes, sources and hashes; the components of the second function, if there is one, are the tuned
    /// ones.
    pub examples: Examples,
    /// What the bundle's own head said of each, before it was trained on it.
    pub out_of_fold: Probabilities,
}

impl BaseSet {
    /// Of examples with features, and what a head said of them out of fold.
    ///
    /// # Errors
    /// If the decomposition does not converge.
    pub fn new(examples: &Examples, out_of_fold: &Probabilities, seed: u64) -> Result<Self, TrainingError> {
        let mut parts = projections(examples, seed)?.into_iter();
        let plain = parts.next().ok_or_else(|| TrainingError::Numbers("a head has no function".to_owned()))?;
        let (projection, tuned) = match parts.next() {
            Some(part) => (plain.beside(&part), [vec![false; plain.width()], vec![true; part.width()]].concat()),
            None => (plain, Vec::new()),
        };
        Ok(Self { examples: projected(&projection, &tuned, examples)?, projection, out_of_fold: out_of_fold.clone() })
    }

    /// Other examples with features as projected vectors, like those of this set.
    ///
    /// # Errors
    /// If a vector comes out as no number.
    pub fn projected(&self, examples: &Examples) -> Result<Examples, TrainingError> {
        projected(&self.projection, &self.examples.tuned, examples)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// If there are more sources or classes than it can number.
    pub fn write(&self) -> Result<Vec<u8>, TrainingError> {
        let (rows, components) = (self.examples.len(), self.examples.dimension);
        let mut names: Vec<&str> = self.examples.sources.iter().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.dedup();
        let failed = |error: &dyn std::fmt::Display| TrainingError::Data(format!("the base set can't be written: {error}"));
        let source = |name: &str| u16::try_from(names.binary_search(&name).unwrap_or(usize::MAX)).map_err(|error| failed(&error));
        let sources = self.examples.sources.iter().map(|name| source(name)).collect::<Result<Vec<u16>, _>>()?;
        let labels = self.examples.labels.iter().map(|label| u8::try_from(*label).map_err(|error| failed(&error)));
        let labels = labels.collect::<Result<Vec<u8>, _>>()?;
        let mut scale = vec![0f32; components];
        for row in 0..rows {
            scale.iter_mut().zip(self.examples.row(row)).for_each(|(scale, value)| *scale = scale.max(value.abs() / 127.0));
        }
        let step = |(value, scale): (&f32, &f32)| if *scale > 0.0 { (value / scale).round() as i8 } else { 0 };
        let vectors: Vec<u8> =
            (0..rows).flat_map(|row| self.examples.row(row).iter().zip(&scale).map(step)).map(i8::cast_unsigned).collect();
        let (matrix, offset) = self.projection.parts();
        let hashes: Vec<u64> = self.examples.hashes.iter().map(|hash| hash.unwrap_or(0)).collect();
        let known: Vec<u8> = self.examples.hashes.iter().map(|hash| u8::from(hash.is_some())).collect();
        let seen: Vec<u8> = self.examples.seen.iter().map(|seen| u8::from(*seen)).collect();
        let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let out_of_fold: Vec<f32> = self.out_of_fold.iter().flatten().copied().collect();
        let classes = self.examples.classes.len();
        let tensors: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = vec![
            ("matrix", Dtype::F32, vec![self.projection.features(), components], floats(&matrix)),
            ("offset", Dtype::F32, vec![components], floats(offset)),
            ("scale", Dtype::F32, vec![components], floats(&scale)),
            ("vectors", Dtype::I8, vec![rows, components], vectors),
            ("labels", Dtype::U8, vec![rows], labels),
            ("sources", Dtype::U16, vec![rows], sources.iter().flat_map(|number| number.to_le_bytes()).collect()),
            ("hashes", Dtype::U64, vec![rows], hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect()),
            ("hash_known", Dtype::U8, vec![rows], known),
            ("seen", Dtype::U8, vec![rows], seen),
            ("out_of_fold", Dtype::F32, vec![rows, classes], floats(&out_of_fold)),
        ];
        let views = tensors
            .iter()
            .map(|(name, kind, shape, bytes)| Ok((*name, TensorView::new(*kind, shape.clone(), bytes).map_err(|e| failed(&e))?)))
            .collect::<Result<Vec<_>, TrainingError>>()?;
        let text = |list: &[&str]| serde_json::to_string(list).map_err(|error| failed(&error));
        let classes: Vec<&str> = self.examples.classes.iter().map(String::as_str).collect();
        let metadata = HashMap::from([
            ("classes".to_owned(), text(&classes)?),
            ("sources".to_owned(), text(&names)?),
            ("tuned".to_owned(), self.examples.tuned.iter().filter(|tuned| **tuned).count().to_string()),
        ]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| failed(&error))
    }

    /// Reads what [`BaseSet::write`] wrote; `path` is what errors name.
    ///
    /// # Errors
    /// If it is something else.
    pub fn read(bytes: &[u8], path: &Path) -> Result<Self, TrainingError> {
        let failed = |error: &dyn std::fmt::Display| TrainingError::file(path, format!("is no base set: {error}"));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| failed(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| failed(&error))?;
        let text = |name: &str| -> Result<Vec<String>, TrainingError> {
            let found = metadata.metadata().as_ref().and_then(|metadata| metadata.get(name));
            serde_json::from_str(found.ok_or_else(|| failed(&format!("no {name}")))?).map_err(|error| failed(&error))
        };
        let tensor = |name: &str, kind: Dtype| -> Result<Vec<u8>, TrainingError> {
            let found = file.tensor(name).map_err(|error| failed(&error))?;
            if found.dtype() == kind { Ok(found.data().to_vec()) } else { Err(failed(&format!("{name} has another type"))) }
        };
        let floats = |name: &str| -> Result<Vec<f32>, TrainingError> {
            Ok(tensor(name, Dtype::F32)?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        };
        let (classes, names) = (text("classes")?, text("sources")?);
        let names: Vec<std::sync::Arc<str>> = names.into_iter().map(Into::into).collect();
        let (scale, vectors) = (floats("scale")?, tensor("vectors", Dtype::I8)?);
        let (labels, known) = (tensor("labels", Dtype::U8)?, tensor("hash_known", Dtype::U8)?);
        // Older base sets have neither.
        let tuned = metadata.metadata().as_ref().and_then(|metadata| metadata.get("tuned")).map_or(Ok(0), |text| text.parse());
        let tuned: usize = tuned.map_err(|error| failed(&error))?;
        let seen = if tuned > 0 { tensor("seen", Dtype::U8)? } else { vec![0; labels.len()] };
        let (sources, hashes) = (tensor("sources", Dtype::U16)?, tensor("hashes", Dtype::U64)?);
        let (sources, hashes) = (sources.as_chunks::<2>().0, hashes.as_chunks::<8>().0);
        let out_of_fold: Probabilities = floats("out_of_fold")?.chunks(classes.len().max(1)).map(<[f32]>::to_vec).collect();
        let projection = Projection::from_parts(&floats("matrix")?, floats("offset")?);
        let rows = labels.len();
        if scale.is_empty()
            || vectors.len() != rows * scale.len()
            || tuned >= scale.len()
            || [known.len(), seen.len(), sources.len(), hashes.len(), out_of_fold.len()].iter().any(|length| *length != rows)
        {
            return Err(failed(&"its tensors have different lengths"));
        }
        let mut examples = Examples::new(classes, scale.len());
        if tuned > 0 {
            examples.tuned = (0..scale.len()).map(|component| component >= scale.len() - tuned).collect();
        }
        for (row, steps) in vectors.chunks(scale.len()).enumerate() {
            let vector: Vec<f32> = steps.iter().zip(&scale).map(|(step, scale)| f32::from(step.cast_signed()) * scale).collect();
            let source =
                names.get(usize::from(u16::from_le_bytes(sources[row]))).ok_or_else(|| failed(&"a source has no name"))?;
            let hash = (known[row] == 1).then(|| u64::from_le_bytes(hashes[row]));
            let label = usize::from(labels[row]);
            if label >= examples.classes.len() {
                return Err(failed(&"a label has no class"));
            }
            examples.push(label, source.clone(), String::new(), hash, &vector).map_err(|problem| failed(&problem))?;
        }
        examples.seen = seen.iter().map(|seen| *seen == 1).collect();
        Ok(Self { projection, examples, out_of_fold })
    }
}

fn projected(projection: &Projection, tuned: &[bool], examples: &Examples) -> Result<Examples, TrainingError> {
    let vectors = projection.apply(examples);
    let mut found = Examples::new(examples.classes.clone(), vectors.ncols());
    found.tuned = tuned.to_vec();
    for row in 0..examples.len() {
        let vector: Vec<f32> = (0..vectors.ncols()).map(|column| vectors[(row, column)]).collect();
        let (label, source, hash) = (examples.labels[row], examples.sources[row].clone(), examples.hashes[row]);
        found.push(label, source, String::new(), hash, &vector).map_err(TrainingError::Data)?;
    }
    found.seen.clone_from(&examples.seen);
    Ok(found)
}

/// The vectors as a matrix: rows x components.
pub fn matrix(examples: &Examples) -> Mat<f32> {
    Mat::from_fn(examples.len(), examples.dimension, |row, column| examples.row(row)[column])
}
