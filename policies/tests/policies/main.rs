//! Every policy against what must hold for any policy, and `adaptive` in a closed loop.

mod closed_loop;
mod properties;
mod strategies;
mod toy;
