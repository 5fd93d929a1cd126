//! `adaptive` in a closed loop with a toy broker, which knows nothing of core.

mod closed_loop;
mod toy;
