//! Arithmetic on `candle`'s tensors in place. `candle` makes a new tensor of each result, whose pages the kernel has to clear and map: for
//! the dozens of 40 MB of a batch of the paper's preset that was a fifth of the processor's time.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};
use rayon::prelude::*;

/// Changes each row of a tensor by the same row of another, or by its only one, on all cores.
///
/// # Errors
/// If one isn't contiguous and of float32 on the processor, or the other is neither of the tensor's size nor of its rows'.
pub fn rows(tensor: &Tensor, other: &Tensor, change: impl Fn(&mut [f32], &[f32]) + Sync) -> Result<()> {
    tensor.inplace_op2(other, &Rows(change))
}

struct Rows<F>(F);

impl<F: Fn(&mut [f32], &[f32]) + Sync> InplaceOp2 for Rows<F> {
    fn name(&self) -> &'static str {
        "rows in place"
    }

    fn cpu_fwd(&self, numbers: &mut CpuStorage, layout: &Layout, others: &CpuStorage, of_others: &Layout) -> Result<()> {
        let (CpuStorage::F32(numbers), CpuStorage::F32(others)) = (numbers, others) else { bail!("rows are of float32") };
        let (Some((from, to)), Some((begin, end))) = (layout.contiguous_offsets(), of_others.contiguous_offsets()) else {
            bail!("rows are of contiguous tensors")
        };
        let (numbers, others) = (&mut numbers[from..to], &others[begin..end]);
        let (size, width) = (numbers.len(), layout.dims().last().copied().unwrap_or(1).max(1));
        if ![size, width].contains(&others.len()) {
            bail!("{} numbers for {size} in rows of {width}", others.len());
        }
        let rows = numbers.par_chunks_mut(width).enumerate();
        rows.for_each(|(index, row)| {
            (self.0)(row, if others.len() == width { others } else { &others[index * width..][..width] })
        });
        Ok(())
    }
}
