//! Whole flows through the crate that a service embeds, a module each.

mod embed;
