//! imagespam-milter: a milter that looks at the pictures in a message and decides whether they are spam.
//!
//! A message travels one way: `milter` collects it, `inspect` has it opened in a process of its own, where
//! `mail` finds its pictures and `image` decodes them, `model` turns pixels into probabilities, `verdict` makes a score and an action of them, and `milter` carries that out. A module uses only
//! those to its left in that picture, and `config`, which stands under all.

#![warn(missing_docs)]
// A panic would cost a message its verdict, or the daemon its life.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod api;
pub mod cli;
pub mod config;
pub mod feedback;
pub mod image;
pub mod inspect;
pub mod mail;
pub mod milter;
pub mod model;
pub mod postfix;
pub mod socket;
pub mod telemetry;
pub mod training;
pub mod verdict;
