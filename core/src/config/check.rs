//! Values checked as a whole and once: all faults are reported, and what passed cannot become
//! wrong any more.
//!
//! Apart because the broker's and the agents' configuration are checked alike. What they may
//! say lives in `ranges.rs` and `agent.rs`.

use std::fmt;
use std::ops::Deref;

use super::BrokerConfig;
use crate::fault::Fault;

/// A value whose faults can be listed.
pub trait Check {
    /// Everything wrong with it, always in the same order.
    fn faults(&self) -> Vec<Fault>;

    /// The same, as whoever built it in code is told: defaults are there that a file would have brought within its
    /// bounds.
    fn faults_in_code(&self) -> Vec<Fault> {
        self.faults()
    }
}

/// A value without faults. Read-only, so that it stays so.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<T>(T);

/// A configuration with faults.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// All of them; at least one.
    pub faults: Vec<Fault>,
}

impl<T: Check> Checked<T> {
    /// Checks `value`, which was built in code.
    ///
    /// # Errors
    /// All of its faults.
    pub fn new(value: T) -> Result<Self, ConfigError> {
        let faults = value.faults_in_code();
        Self::unless(faults, value)
    }

    /// Checks `value`, which was read from a text.
    ///
    /// # Errors
    /// All of its faults.
    pub fn read(value: T) -> Result<Self, ConfigError> {
        let faults = value.faults();
        Self::unless(faults, value)
    }

    fn unless(faults: Vec<Fault>, value: T) -> Result<Self, ConfigError> {
        if faults.is_empty() {
            Ok(Self(value))
        } else {
            Err(ConfigError { faults })
        }
    }

    /// A value whose faults have been asked for, and that has none.
    pub(super) fn known(value: T) -> Self {
        debug_assert!(value.faults().is_empty(), "it was checked");
        Self(value)
    }

    /// The value, to be changed and checked again.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// To be handed to whoever takes any configuration and checks it.
impl From<Checked<Self>> for BrokerConfig {
    fn from(checked: Checked<Self>) -> Self {
        checked.into_inner()
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// As it is displayed: a `main` that returns it prints this.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
