//! The `lotline` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lotline::app::dispatch::main()
}
