//! The same messages through ebbtide and its peers, side by side.
//!
//! One file a peer in `peers/`, each written after that crate's own documentation, with the same
//! payload, bound, runtime and work, and the best of its settings. Apart from the other benches,
//! because peers compile slowly; nothing but the benches uses it.

pub mod cases;
pub mod drive;
pub mod measure;
pub mod peers;
pub mod shapes;
pub mod tally;
