//! A picture to a backbone's input, as a view of `model.toml` says.

use super::bundle::{Channels, Layout, ResizeRule, View};
use crate::image::{Picture, resize};

impl View {
    /// The input's shape for one picture.
    pub fn shape(&self) -> [usize; 4] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Layout::Nhwc => [1, height, width, 3],
            Layout::Nchw => [1, 3, height, width],
        }
    }

    /// Resizes the picture and normalises its channels: `(value - mean) / deviation`, value 0 to 255. `None` if the
    /// picture has no pixels.
    pub fn input(&self, picture: &Picture) -> Option<Vec<f32>> {
        let resized = match self.resize {
            ResizeRule::Bilinear => resize(picture, self.width, self.height)?,
        };
        let order = match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let pixels = resized.as_raw();
        let normal =
            |pixel: &[u8], channel: usize| (f32::from(pixel[order[channel]]) - self.mean[channel]) / self.deviation[channel];
        Some(match self.layout {
            Layout::Nhwc => pixels.chunks_exact(3).flat_map(|pixel| [0, 1, 2].map(|channel| normal(pixel, channel))).collect(),
            Layout::Nchw => (0..3).flat_map(|channel| pixels.chunks_exact(3).map(move |pixel| normal(pixel, channel))).collect(),
        })
    }
}
