//! What goes from layer to layer: planes, or blocks of sixteen channels, whichever a kernel reads.

use std::cell::OnceCell;

use lookalike_kernels::Blocks;

use crate::Result;

/// Numbers of a batch × channels × height × width. Each form is made when it is first asked for.
#[derive(Debug)]
pub(super) struct Activations {
    shape: [usize; 4],
    planes: OnceCell<Vec<f32>>,
    blocks: OnceCell<Blocks>,
}

impl Activations {
    pub(super) fn of_planes(shape: [usize; 4], planes: Vec<f32>) -> Self {
        Self { shape, planes: OnceCell::from(planes), blocks: OnceCell::new() }
    }

    pub(super) fn of_blocks(blocks: Blocks) -> Self {
        Self { shape: blocks.shape(), planes: OnceCell::new(), blocks: OnceCell::from(blocks) }
    }

    pub(super) fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The same numbers under another shape of as many.
    pub(super) fn reshaped(self, shape: [usize; 4]) -> Self {
        if shape == self.shape { self } else { Self::of_planes(shape, self.into_planes()) }
    }

    pub(super) fn planes(&self) -> &[f32] {
        self.planes.get_or_init(|| self.blocks.get().map(Blocks::to_planes).unwrap_or_default())
    }

    pub(super) fn into_planes(mut self) -> Vec<f32> {
        self.planes();
        self.planes.take().unwrap_or_default()
    }

    pub(super) fn blocks(&self) -> Result<&Blocks> {
        if self.blocks.get().is_none() {
            let mut blocks = Blocks::new();
            blocks.read_planes(self.shape, self.planes())?;
            // Nobody else can have set it.
            let _ = self.blocks.set(blocks);
        }
        Ok(self.blocks.get_or_init(Blocks::new))
    }

    pub(super) fn into_blocks(mut self) -> Result<Blocks> {
        self.blocks()?;
        Ok(self.blocks.take().unwrap_or_default())
    }
}
