//! Printing on standard output.

use std::{
    fmt,
    io::{self, ErrorKind, Write, stdout},
    process,
};

use anyhow::Context;

use super::FAILURE;

/// `println!`, but where nobody reads on (`… | head`) the program ends without a word, and where there is no room with an error;
/// std's panics at both.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::line(format_args!($($text)*)) };
}

/// What [`say`] does.
pub fn line(text: fmt::Arguments<'_>) {
    match is_read(writeln!(stdout().lock(), "{text}")) {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => eprintln!("imagespam-milter: {error:#}"),
    }
    process::exit(FAILURE.into());
}

/// Whether somebody still reads what is printed: one who has closed the pipe wants no more.
///
/// # Errors
/// If standard output can't be written to.
pub fn is_read(printed: io::Result<()>) -> anyhow::Result<bool> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        printed => printed.map(|()| true).context("standard output can't be written to"),
    }
}
