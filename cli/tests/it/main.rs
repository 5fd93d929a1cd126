//! The `ebbtide` command as its users meet it: exact output, exit codes, files.

mod command;
mod help;
