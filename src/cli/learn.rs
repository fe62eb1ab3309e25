//! `learn`
#[derive(clap::Args, Debug)]
pub struct Learn {}
impl Learn { pub fn run(&self, _s: &crate::config::Sources) -> anyhow::Result<std::process::ExitCode> { Ok(0.into()) } }
