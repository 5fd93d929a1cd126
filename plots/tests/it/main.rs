//! Figures and reports of made-up runs, looked at as their readers would.
//!
//! `made_up` and `awkward` have the runs, `gallery` their reports; `structure` reads what was
//! drawn, `browser` opens it in Chromium.

mod awkward;
mod browser;
mod gallery;
mod made_up;
mod structure;
