//! Dense layers trained by gradients, with `candle`: the paper's classifier, and a linear one.

use candle_core::{D, DType, Device, Tensor, Var, bail};
use candle_nn::ops;
use faer::Mat;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{adam::Adam, in_place};
use crate::training::{TrainingError, Watch, examples::Examples, onnx};

/// What is trained, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Widths of the hidden layers, each followed by ReLU.
    hidden: &'static [usize],
    epochs: usize,
    batch: usize,
    learning_rate: f64,
    /// Whether the rate falls to zero along the way.
    decay: bool,
    weight_decay: f64,
}

/// ICISSP 2020, as published: Dense(2048, ReLU), Dense(2048, ReLU), softmax; Adam at its usual rate, 80 epochs, batches of 5000.
pub const PAPER: Plan =
    Plan { hidden: &[2048, 2048], epochs: 80, batch: 5000, learning_rate: 0.001, decay: false, weight_decay: 0.0 };
/// Multinomial logistic regression.
pub const LINEAR: Plan = Plan { hidden: &[], epochs: 200, batch: 1000, learning_rate: 0.003, decay: true, weight_decay: 0.01 };

/// A trained head.
#[derive(Clone, Debug)]
pub struct Dense {
    layers: Vec<Layer>,
}

#[derive(Clone, Debug)]
struct Layer {
    /// Inputs x outputs.
    weights: Var,
    bias: Var,
}

impl Dense {
    /// Trains on all examples. A class c weighs #spam / #c; without a class `spam`, the largest class takes its place.
    ///
    /// # Errors
    /// If the arithmetic fails, or the work is to stop.
    pub fn train(plan: Plan, examples: &Examples, seed: u64, watch: &Watch) -> Result<Self, TrainingError> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let classes = examples.classes.len();
        let widths: Vec<usize> = [examples.dimension].into_iter().chain(plan.hidden.iter().copied()).chain([classes]).collect();
        let layers = widths.windows(2).map(|pair| Layer::new(pair[0], pair[1], &mut random)).collect::<Result<_, _>>()?;
        let dense = Self { layers };
        let variables = dense.layers.iter().flat_map(|layer| [layer.weights.clone(), layer.bias.clone()]).collect();
        let mut optimizer = Adam::new(variables, plan.weight_decay);
        let class_weights = class_weights(examples);
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let batches = order.len().div_ceil(plan.batch);
        watch.begin("training", (plan.epochs * batches) as u64);
        for epoch in 1..=plan.epochs {
            let left = if plan.decay { 1.0 - (epoch - 1) as f64 / plan.epochs as f64 } else { 1.0 };
            order.shuffle(&mut random);
            let mut sum = 0.0;
            for rows in order.chunks(plan.batch) {
                let target: Vec<f32> = rows
                    .iter()
                    .flat_map(|row| {
                        (0..classes).map(|class| if examples.labels[*row] == class { class_weights[class] } else { 0.0 })
                    })
                    .collect();
                let target = Tensor::from_vec(target, (rows.len(), classes), &Device::Cpu)?;
                let inputs = dense.forward(rows_of(examples, rows)?)?;
                let (loss, gradients) = dense.backward(&inputs, &target)?;
                optimizer.step(&gradients, plan.learning_rate * left)?;
                sum += loss;
                watch.note(format!("epoch {epoch}/{}, loss {:.4}", plan.epochs, sum / batches as f32));
                watch.step(1)?;
            }
        }
        watch.end();
        Ok(dense)
    }

    /// What goes into each layer, and last the logits.
    fn forward(&self, examples: Tensor) -> candle_core::Result<Vec<Tensor>> {
        let mut inputs = vec![examples];
        for (index, layer) in self.layers.iter().enumerate() {
            inputs.push(layer.forward(&inputs[index], index + 1 < self.layers.len())?);
        }
        Ok(inputs)
    }

    /// Weighted cross-entropy, averaged over the batch as Keras does, and its gradients: of each layer's weights and bias.
    ///
    /// That of the logits is `candle`'s. Behind them it would add each gradient to zeros, in new tensors, and take that of the examples as
    /// well, which is a sixth of the work and no use.
    fn backward(&self, inputs: &[Tensor], target: &Tensor) -> candle_core::Result<(f32, Vec<Tensor>)> {
        let (rows, logits) = (target.dim(0)?, Var::from_tensor(&inputs[self.layers.len()])?);
        let loss = (ops::log_softmax(&logits, D::Minus1)? * target)?.sum_all()?.affine(-1.0 / rows as f64, 0.0)?;
        let Some(gradient) = loss.backward()?.remove(&logits) else { bail!("no gradient of the logits") };
        let mut gradient = gradient.detach();
        let ones = Tensor::ones((1, rows), DType::F32, &Device::Cpu)?;
        let mut gradients = Vec::new();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            gradients.push(ones.matmul(&gradient)?.squeeze(0)?);
            gradients.push(inputs[index].t()?.matmul(&gradient)?);
            if index > 0 {
                gradient = gradient.matmul(&layer.weights.as_detached_tensor().t()?)?;
                // Where ReLU let nothing through.
                in_place::rows(&gradient, &inputs[index], |gradients, outputs| {
                    gradients
                        .iter_mut()
                        .zip(outputs)
                        .filter(|(_, output)| **output == 0.0)
                        .for_each(|(gradient, _)| *gradient = 0.0);
                })?;
            }
        }
        gradients.reverse();
        Ok((loss.to_scalar()?, gradients))
    }

    /// The logits of each example: rows x classes.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn scores(&self, examples: &Examples) -> Result<Mat<f32>, TrainingError> {
        let mut scores = Mat::zeros(examples.len(), examples.classes.len());
        let rows: Vec<usize> = (0..examples.len()).collect();
        for rows in rows.chunks(4096) {
            let logits = self.forward(rows_of(examples, rows)?)?[self.layers.len()].to_vec2::<f32>()?;
            for (row, logits) in rows.iter().zip(logits) {
                logits.iter().enumerate().for_each(|(class, logit)| scores[(*row, class)] = *logit);
            }
        }
        Ok(scores)
    }

    /// The same in a graph: N x features to N x classes.
    ///
    /// # Errors
    /// If the weights can't be read.
    pub fn write(&self, graph: &mut onnx::Graph, features: &str) -> Result<onnx::Value, TrainingError> {
        let mut value = features.to_owned();
        for (index, layer) in self.layers.iter().enumerate() {
            let weights = layer.weights.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            let weights = graph.constant(layer.weights.dims(), &weights);
            let bias = graph.constant(layer.bias.dims(), &layer.bias.to_vec1::<f32>()?);
            let product = graph.apply("MatMul", &[&value, &weights]);
            value = graph.apply("Add", &[&product, &bias]);
            if index + 1 < self.layers.len() {
                value = graph.apply("Relu", &[&value]);
            }
        }
        Ok(value)
    }
}

impl Layer {
    /// Glorot and Bengio's uniform weights (2010), Keras' default; no bias.
    fn new(inputs: usize, outputs: usize, random: &mut ChaCha8Rng) -> candle_core::Result<Self> {
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let weights: Vec<f32> = (0..inputs * outputs).map(|_| random.random_range(-limit..limit)).collect();
        Ok(Self {
            weights: Var::from_vec(weights, (inputs, outputs), &Device::Cpu)?,
            bias: Var::zeros(outputs, DType::F32, &Device::Cpu)?,
        })
    }

    /// Its outputs, rows x outputs, behind ReLU if it is hidden.
    fn forward(&self, input: &Tensor, hidden: bool) -> candle_core::Result<Tensor> {
        let outputs = input.matmul(&self.weights.as_detached_tensor())?;
        in_place::rows(&outputs, &self.bias, |outputs, bias| {
            outputs.iter_mut().zip(bias).for_each(|(output, bias)| *output += bias);
            if hidden {
                outputs.iter_mut().for_each(|output| *output = output.max(0.0));
            }
        })?;
        Ok(outputs)
    }
}

fn rows_of(examples: &Examples, rows: &[usize]) -> candle_core::Result<Tensor> {
    let mut values = vec![0.0; rows.len() * examples.dimension];
    values.par_chunks_mut(examples.dimension).zip(rows).for_each(|(values, row)| values.copy_from_slice(examples.row(*row)));
    Tensor::from_vec(values, (rows.len(), examples.dimension), &Device::Cpu)
}

fn class_weights(examples: &Examples) -> Vec<f32> {
    let counts = examples.counts();
    let spam = examples.classes.iter().position(|class| class == "spam").map(|spam| counts[spam]);
    let reference = spam.or(counts.iter().copied().max()).unwrap_or(1);
    counts.iter().map(|count| reference as f32 / (*count).max(1) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_those_of_candle() -> candle_core::Result<()> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let widths = [6, 5, 4, 3];
        let dense =
            Dense { layers: widths.windows(2).map(|pair| Layer::new(pair[0], pair[1], &mut random)).collect::<Result<_, _>>()? };
        let rows = 9;
        let examples: Vec<f32> = (0..rows * widths[0]).map(|at| (at as f32 * 0.7).sin()).collect();
        let examples = Tensor::from_vec(examples, (rows, widths[0]), &Device::Cpu)?;
        let target: Vec<f32> = (0..rows * 3).map(|at| if at % 4 == 0 { 1.5 } else { 0.0 }).collect();
        let target = Tensor::from_vec(target, (rows, 3), &Device::Cpu)?;
        let mut value = examples.clone();
        for (index, layer) in dense.layers.iter().enumerate() {
            let input = if index > 0 { value.relu()? } else { value };
            value = input.matmul(&layer.weights)?.broadcast_add(&layer.bias)?;
        }
        let theirs = (ops::log_softmax(&value, D::Minus1)? * &target)?.sum_all()?.affine(-1.0 / rows as f64, 0.0)?;
        let store = theirs.backward()?;
        let (loss, gradients) = dense.backward(&dense.forward(examples)?, &target)?;
        assert!((loss - theirs.to_scalar::<f32>()?).abs() < 1e-6);
        let variables = dense.layers.iter().flat_map(|layer| [&layer.weights, &layer.bias]);
        for (variable, gradient) in variables.zip(gradients) {
            let theirs = store.get(variable).expect("gradient");
            assert_eq!(gradient.dims(), theirs.dims());
            let largest = |tensor: &Tensor| tensor.abs()?.max_all()?.to_scalar::<f32>();
            assert!(largest(theirs)? > 1e-3);
            assert!(largest(&(&gradient - theirs)?)? < 1e-6);
        }
        Ok(())
    }
}
