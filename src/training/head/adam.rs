//! Adam (Kingma and Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019), as `candle_nn::AdamW` computes it, to the bit, but
//! in place and on all cores: that one makes thirteen new tensors of the size of the weights at each step.

use std::cell::RefCell;

use candle_core::{Result, Tensor, Var, bail};
use rayon::prelude::*;

use super::in_place;

/// Decay of the mean of gradients, and of that of their squares: Adam's usual ones.
const BETA: [f64; 2] = [0.9, 0.999];
/// Beside the root of the mean square: Keras' default.
const EPSILON: f64 = 1e-7;
/// Numbers that one core takes at a time.
const CHUNK: usize = 1 << 14;

/// The optimiser.
pub struct Adam {
    variables: Vec<(Var, RefCell<Moments>)>,
    steps: i32,
    weight_decay: f64,
}

/// Means of a variable's gradients and of their squares, each number's own.
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    /// Of these variables, in float32 on the processor.
    pub fn new(variables: Vec<Var>, weight_decay: f64) -> Self {
        let zeros = |variable: &Var| vec![0.0; variable.elem_count()];
        let moments = |variable: &Var| RefCell::new(Moments { first: zeros(variable), second: zeros(variable) });
        let variables = variables.into_iter().map(|variable| (variable.clone(), moments(&variable))).collect();
        Self { variables, steps: 0, weight_decay }
    }

    /// A step down these gradients, one for each variable.
    ///
    /// # Errors
    /// If a gradient is not of its variable's size and type.
    pub fn step(&mut self, gradients: &[Tensor], learning_rate: f64) -> Result<()> {
        self.steps += 1;
        // Make up for moments that began with zero.
        let scales = BETA.map(|beta| (1.0 / (1.0 - beta.powi(self.steps))) as f32);
        let decay = (1.0 - learning_rate * self.weight_decay) as f32;
        let (keep, take) = (BETA.map(|beta| beta as f32), BETA.map(|beta| (1.0 - beta) as f32));
        let (learning_rate, epsilon) = (learning_rate as f32, EPSILON as f32);
        for ((variable, moments), gradient) in self.variables.iter().zip(gradients) {
            in_place::numbers(variable, gradient, |values, gradients| {
                let Moments { first, second } = &mut *moments.borrow_mut();
                if values.len() != first.len() || gradients.len() != first.len() {
                    bail!("{} gradients for {} numbers", gradients.len(), first.len());
                }
                let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
                let chunks = values.par_chunks_mut(CHUNK).zip(gradients.par_chunks(CHUNK));
                chunks.zip(moments).for_each(|((values, gradients), (first, second))| {
                    let moments = first.iter_mut().zip(second);
                    for ((value, gradient), (first, second)) in values.iter_mut().zip(gradients).zip(moments) {
                        *first = *first * keep[0] + gradient * take[0];
                        *second = *second * keep[1] + gradient * gradient * take[1];
                        let step = *first * scales[0] / ((*second * scales[1]).sqrt() + epsilon);
                        *value = *value * decay - step * learning_rate;
                    }
                });
                Ok(())
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use candle_nn::{AdamW, Optimizer, ParamsAdamW};

    use super::*;

    #[test]
    fn steps_are_those_of_candle() {
        // More than one chunk, and not a whole number of them.
        let start: Vec<f32> = (0..30_000).map(|at| (at as f32 * 0.7).sin()).collect();
        let variable = || Var::from_vec(start.clone(), (150, 200), &Device::Cpu).expect("variable");
        let numbers = |variable: &Var| variable.flatten_all().and_then(|all| all.to_vec1::<f32>()).expect("numbers");
        let (ours, theirs) = (variable(), variable());
        let parameters = ParamsAdamW { lr: 0.01, weight_decay: 0.1, eps: EPSILON, ..ParamsAdamW::default() };
        let mut candles = AdamW::new(vec![theirs.clone()], parameters).expect("optimiser");
        let mut adam = Adam::new(vec![ours.clone()], 0.1);
        let target = Tensor::ones((150, 200), candle_core::DType::F32, &Device::Cpu).expect("target");
        let gradients = |variable: &Var| (variable.as_tensor() - &target)?.powf(4.0)?.sum_all()?.backward();
        for _ in 0..20 {
            candles.step(&gradients(&theirs).expect("gradients")).expect("step");
            let gradient = gradients(&ours).expect("gradients").remove(&ours).expect("gradient");
            adam.step(&[gradient], 0.01).expect("step");
            assert_eq!(numbers(&ours), numbers(&theirs));
        }
        assert_ne!(numbers(&ours), start);
    }
}
