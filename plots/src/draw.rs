//! Drawing, without knowing what is drawn: axes, curves in panels, labelled rows, and the two
//! backends behind them.
//!
//! The files above this folder say which figure shows what; here is how a line, an axis or a
//! bar comes onto the page. Deliberately absent: anything about brokers.

pub(crate) mod axis;
pub(crate) mod curves;
pub(crate) mod legend;
pub(crate) mod panel;
pub(crate) mod pen;
mod raster;
pub(crate) mod rows;
pub(crate) mod thin;

pub(crate) use raster::{Raster, average};
