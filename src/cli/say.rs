//! Printing on standard output.

use std::{
    fmt,
    io::{ErrorKind, Write, stdout},
    process,
};

use super::FAILURE;

/// `println!`, but where nobody reads on (`… | head`) the program ends without a word, and where there is no room with an error;
/// std's panics at both.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::line(format_args!($($text)*)) };
}

/// What [`say`] does.
pub fn line(text: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(stdout().lock(), "{text}") {
        if error.kind() != ErrorKind::BrokenPipe {
            eprintln!("imagespam-milter: standard output can't be written to: {error}");
        }
        process::exit(FAILURE.into());
    }
}
