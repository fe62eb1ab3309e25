//! The command `imagespam-milter`.

use std::process::ExitCode;

fn main() -> ExitCode {
    imagespam_milter::cli::main()
}
