//! Finding pictures of *different* things that look alike, and measuring how well that works.
//!
//! Visual similarity discovery: given a picture of an object, find other objects that look like it. Other
//! pictures of the same object are no answers; to find those is identification, and being good at it says
//! little of discovery (Barkan et al., "Efficient Discovery and Effective Evaluation of Visual Perceptual
//! Similarity", ICCV 2023).
//!
//! * [`catalogue`]: a folder of pictures in a store, brought up to date file by file
//! * [`embedder`]: pictures to vectors
//! * [`store`]: where vectors and what is known of them are kept and searched
//! * [`query`], [`search`](mod@search), [`duplicates`](mod@duplicates), [`recall`](mod@recall): what is asked of a store
//! * [`transfer`]: stores as a whole, copied and compared
//! * [`candidates`](mod@candidates), [`votes`]: which pairs people are asked about, and what they say
//! * [`agreement`]: how far people agree with each other
//! * [`evaluation`]: how good models are at discovery, from labels that are never complete
//! * [`expert_pairs`]: which models score labelled pairs right, without a catalogue
//! * [`tables`]: all files of pairs and pictures from one format to another
//! * [`head`]: a map on vectors, learned from labels
//!
//! Vectors have unit length and are compared by their cosine, so a higher score is better everywhere.
//! Results do not depend on the number of threads. Nothing here prints, exits or panics on what users give.

pub mod agreement;
pub mod candidates;
pub mod catalogue;
pub mod duplicates;
pub mod embedder;
mod error;
pub mod evaluation;
pub mod expert_pairs;
pub mod head;
pub mod query;
pub mod recall;
pub mod search;
pub mod store;
pub mod tables;
pub mod transfer;
pub mod votes;
mod whole_file;

pub use error::{Error, Result};
