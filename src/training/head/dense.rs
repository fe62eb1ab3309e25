//! Dense layers trained by gradients, with `candle`: the paper's classifier, and a linear one.

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::ops;
use faer::Mat;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::adam::Adam;
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
                let input = rows_of(examples, rows)?;
                let target: Vec<f32> = rows
                    .iter()
                    .flat_map(|row| {
                        (0..classes).map(|class| if examples.labels[*row] == class { class_weights[class] } else { 0.0 })
                    })
                    .collect();
                let target = Tensor::from_vec(target, (rows.len(), classes), &Device::Cpu)?;
                // Weighted cross-entropy, averaged over the batch as Keras does.
                // candle would take the gradient of the examples as well, which is a sixth of the work and no use: it takes that of
                // the first layer's products, and ours of its weights.
                let first = &dense.layers[0].weights;
                let products = Var::from_tensor(&input.matmul(&first.as_detached_tensor())?)?;
                let logs = ops::log_softmax(&dense.behind(&products)?, D::Minus1)?;
                let loss = (logs * target)?.sum_all()?.affine(-1.0 / rows.len() as f64, 0.0)?;
                let mut gradients = loss.backward()?;
                if let Some(gradient) = gradients.remove(&products) {
                    gradients.insert(first, input.t()?.matmul(&gradient)?);
                }
                optimizer.step(&gradients, plan.learning_rate * left)?;
                sum += loss.to_scalar::<f32>()?;
                watch.note(format!("epoch {epoch}/{}, loss {:.4}", plan.epochs, sum / batches as f32));
                watch.step(1)?;
            }
        }
        watch.end();
        Ok(dense)
    }

    fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        self.behind(&input.matmul(&self.layers[0].weights)?)
    }

    /// The logits from the first layer's products of input and weights.
    fn behind(&self, products: &Tensor) -> candle_core::Result<Tensor> {
        let mut value = products.broadcast_add(&self.layers[0].bias)?;
        for layer in &self.layers[1..] {
            value = value.relu()?.matmul(&layer.weights)?.broadcast_add(&layer.bias)?;
        }
        Ok(value)
    }

    /// The logits of each example: rows x classes.
    ///
    /// # Errors
    /// If the arithmetic fails.
    pub fn scores(&self, examples: &Examples) -> Result<Mat<f32>, TrainingError> {
        let mut scores = Mat::zeros(examples.len(), examples.classes.len());
        let rows: Vec<usize> = (0..examples.len()).collect();
        for rows in rows.chunks(4096) {
            let logits = self.forward(&rows_of(examples, rows)?)?.to_vec2::<f32>()?;
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
}

fn rows_of(examples: &Examples, rows: &[usize]) -> candle_core::Result<Tensor> {
    let values = rows.iter().flat_map(|row| examples.row(*row)).copied().collect::<Vec<f32>>();
    Tensor::from_vec(values, (rows.len(), examples.dimension), &Device::Cpu)
}

fn class_weights(examples: &Examples) -> Vec<f32> {
    let counts = examples.counts();
    let spam = examples.classes.iter().position(|class| class == "spam").map(|spam| counts[spam]);
    let reference = spam.or(counts.iter().copied().max()).unwrap_or(1);
    counts.iter().map(|count| reference as f32 / (*count).max(1) as f32).collect()
}
