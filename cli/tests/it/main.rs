//! The `ebbtide` command as its users meet it: exact output, exit codes, files.

mod arena;
mod bad_input;
mod bench;
mod check;
mod command;
mod conformance;
mod determinism;
mod exit_codes;
mod help;
mod oracle;
mod parity;
mod parity_of_scenarios;
mod real_traces;
mod saved;
mod shipped;
mod simulate;
mod traces;
mod validate;
