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

    /// The picture in the view's size. `None` if it has no pixels.
    pub fn sized(&self, picture: &Picture) -> Option<Picture> {
        let (width, height) = self.size();
        resize(picture, width, height)
    }

    /// Width and height to which `image::resize` brings a picture for this view. Workers size pictures by it alone, so that
    /// a rule other than `image::resize`'s has to be told to them first.
    pub fn size(&self) -> (u32, u32) {
        match self.resize {
            ResizeRule::Bilinear => (self.width, self.height),
        }
    }

    /// Normalises the channels of a picture in the view's size (RGB, 8 bits a channel): `(value - mean) / deviation`, value 0
    /// to 255.
    pub fn input(&self, pixels: &[u8]) -> Vec<f32> {
        let order = match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let normal = [0, 1, 2].map(|channel: usize| {
            let (mean, deviation) = (self.mean[channel], self.deviation[channel]);
            (u8::MIN..=u8::MAX).map(|value| (f32::from(value) - mean) / deviation).collect::<Vec<_>>()
        });
        let mut input = vec![0.0; pixels.len()];
        match self.layout {
            Layout::Nhwc => {
                for (numbers, pixel) in input.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
                    for channel in 0..3 {
                        numbers[channel] = normal[channel][usize::from(pixel[order[channel]])];
                    }
                }
            }
            Layout::Nchw => {
                for (channel, plane) in input.chunks_exact_mut((pixels.len() / 3).max(1)).enumerate() {
                    for (number, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
                        *number = normal[channel][usize::from(pixel[order[channel]])];
                    }
                }
            }
        }
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red and a blue pixel, side by side.
    const PIXELS: [u8; 6] = [255, 0, 0, 0, 0, 255];

    fn view(layout: Layout, channels: Channels) -> View {
        let (mean, deviation) = ([5.0, 0.0, 55.0], [1.0, 1.0, 2.0]);
        View { width: 2, height: 1, resize: ResizeRule::Bilinear, layout, channels, mean, deviation }
    }

    #[test]
    fn channels_and_axes_come_in_the_order_of_the_view() {
        // Blue, green, red: (0 - 5, 0, (255 - 55) / 2) of the red pixel, (255 - 5, 0, (0 - 55) / 2) of the blue one.
        assert_eq!(view(Layout::Nhwc, Channels::Bgr).input(&PIXELS), [-5.0, 0.0, 100.0, 250.0, 0.0, -27.5]);
        assert_eq!(view(Layout::Nchw, Channels::Bgr).input(&PIXELS), [-5.0, 250.0, 0.0, 0.0, 100.0, -27.5]);
        assert_eq!(view(Layout::Nchw, Channels::Rgb).input(&PIXELS), [250.0, -5.0, 0.0, 0.0, -27.5, 100.0]);
    }
}
