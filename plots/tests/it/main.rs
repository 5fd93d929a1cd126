//! Figures and reports of made-up runs, looked at as their readers would.
//!
//! `gallery` has the runs, `structure` reads what was drawn, `browser` opens it in Chromium.

mod browser;
mod gallery;
mod made_up;
mod structure;
