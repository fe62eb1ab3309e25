//! Arithmetic on `candle`'s tensors in place. `candle` makes a new tensor of each result, whose pages the kernel has to clear and map: for
//! the dozens of 40 MB of a batch of the paper's preset that was a fifth of the processor's time.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};
use rayon::prelude::*;

/// Changes the numbers of a tensor by those of another.
///
/// # Errors
/// If one isn't contiguous and of float32 on the processor, and those of `change`.
pub fn numbers(tensor: &Tensor, other: &Tensor, change: impl Fn(&mut [f32], &[f32]) -> Result<()>) -> Result<()> {
    tensor.inplace_op2(other, &Numbers(change))
}

/// Changes each row of a tensor by the same row of another, or by its only one, on all cores.
///
/// # Errors
/// Those of [`numbers`], or if the other is neither of the tensor's size nor of its rows'.
pub fn rows(tensor: &Tensor, other: &Tensor, change: impl Fn(&mut [f32], &[f32]) + Sync) -> Result<()> {
    let width = tensor.dims().last().copied().unwrap_or(1).max(1);
    numbers(tensor, other, |numbers, others| {
        if ![numbers.len(), width].contains(&others.len()) {
            bail!("{} numbers for {} in rows of {width}", others.len(), numbers.len());
        }
        let rows = numbers.par_chunks_mut(width).enumerate();
        rows.for_each(|(index, row)| change(row, if others.len() == width { others } else { &others[index * width..][..width] }));
        Ok(())
    })
}

struct Numbers<F>(F);

impl<F: Fn(&mut [f32], &[f32]) -> Result<()>> InplaceOp2 for Numbers<F> {
    fn name(&self) -> &'static str {
        "numbers in place"
    }

    fn cpu_fwd(&self, numbers: &mut CpuStorage, layout: &Layout, others: &CpuStorage, of_others: &Layout) -> Result<()> {
        let (CpuStorage::F32(numbers), CpuStorage::F32(others)) = (numbers, others) else {
            bail!("only float32 is changed in place")
        };
        let (Some((from, to)), Some((begin, end))) = (layout.contiguous_offsets(), of_others.contiguous_offsets()) else {
            bail!("only contiguous tensors are changed in place")
        };
        (self.0)(&mut numbers[from..to], &others[begin..end])
    }
}
