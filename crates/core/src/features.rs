//! What a metric keeps of a picture that takes part in many pairs.

use std::any::Any;

/// What one metric has read from one picture: for a learned metric the activations of its network.
///
/// The content is the metric's own affair; features of one metric mean nothing to another.
pub struct Features {
    content: Box<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Features {
    /// `bytes` is the memory that the content takes.
    pub fn new<T: Any + Send + Sync>(content: T, bytes: usize) -> Self {
        Self { content: Box::new(content), bytes }
    }

    /// The content, when it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.content.downcast_ref()
    }

    /// Memory of the content.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Features").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_under_its_own_type_alone() {
        let features = Features::new(vec![1.0_f32; 3], 12);
        assert_eq!(features.get::<Vec<f32>>().map(Vec::len), Some(3));
        assert!(features.get::<Vec<f64>>().is_none());
        assert_eq!((features.bytes(), format!("{features:?}").contains("12")), (12, true));
    }
}
