//! `cargo xtask`: the project's chores, in Rust so that a fresh machine needs cargo alone.
//!
//! Apart from the product: nothing here is shipped, and nothing shipped depends on it. A chore is
//! a file; what runs other programs is in `shell.rs`, what fetches them in `tools.rs`.

mod bench;
mod ci;
mod docs;
mod shell;
mod soak;
mod testing;
mod tidy;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask CHORE

  ci            everything that must hold before a change lands, as continuous integration runs it
  test          the whole test suite; installs what the browser test needs where it may
  docs          draws the README's figures and table from a fresh run of the main job
  bench         the simulator's speed beside bare loops and peers, instructions a message
  bench peers   the live broker's speed beside its peers: prints benches/peers/RESULTS.md
  bench decision  what a decision of the default policy costs, in time and in instructions
  bench shapes  ways to hold core under threads, around the same work
  instructions  instructions a message of the simulator, against the limit and the record
  soak          a hundred million messages through `ebbtide simulate`, in 200 MiB of memory
  tidy          the rules of the house that no other tool checks: arrows, file heads, words, lengths
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = shell::workspace_root().and_then(|root| match words.as_slice() {
        ["ci"] => ci::run(&root),
        ["test"] => testing::run(&root),
        ["docs"] => ci::release_build(&root).and_then(|()| docs::run(&root)),
        ["bench"] => bench::run(&root),
        ["bench", "peers", rounds @ ..] => bench::peers(&root, rounds),
        ["bench", "decision"] => bench::decision(&root),
        ["bench", "shapes", rounds @ ..] => bench::shapes(&root, rounds),
        ["instructions"] => bench::build(&root).and_then(|()| bench::instructions(&root)),
        ["soak"] => soak::run(&root),
        ["tidy"] => tidy::run(&root),
        [] => Err(HELP.to_owned()),
        other => Err(format!("unknown chore {:?}\n\n{HELP}", other.join(" "))),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
