//! Policies in a closed loop with a toy broker, which knows nothing of core, and their settings.

mod closed_loop;
mod rests;
mod settings;
mod toy;
