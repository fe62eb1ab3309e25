//! The command line: one file for each subcommand, thin. Parses, calls, prints.

#[macro_use]
mod say;

mod check_config;
mod client;
mod dataset;
mod evaluate;
mod feedback;
mod learn;
mod manuals;
mod model;
mod report;
mod run;
mod scan;
mod setup;
mod status;
mod train;
mod work;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::{self, SettingError, Settings, Sources},
    inspect,
    model::{Bundle, Net, Placement, Runtime, in_use},
    verdict::Judge,
};

/// Finds spam that hides in pictures: a milter for Postfix and Sendmail.
#[derive(Debug, Parser)]
#[command(name = "imagespam-milter", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    sources: SourceArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct SourceArgs {
    /// Configuration file; files in conf.d beside it are read too
    #[arg(short, long, global = true, value_name = "FILE", help = format!("Configuration file [default: {}]", config::DEFAULT_PATH))]
    config: Option<PathBuf>,
    /// Override one setting, such as policy.dry_run=true; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground; it reloads on SIGHUP, and ends on SIGTERM or SIGINT
    Run,
    /// Check the configuration and tell every error in it
    CheckConfig(check_config::CheckConfig),
    /// Hook the daemon up to the mail server
    #[command(subcommand)]
    Setup(setup::Setup),
    /// Tell how the daemon is: model, rates, queues, latest problems
    Status(status::Status),
    /// Judge messages and pictures as the daemon would
    Scan(scan::Scan),
    /// Ask the running daemon for its verdict on a message
    Client(client::Client),
    /// Look into a model bundle
    #[command(subcommand)]
    Model(model::Model),
    /// Train a new bundle on labelled pictures or feature vectors
    Train(train::Train),
    /// Tell what a bundle is worth on labelled pictures or feature vectors
    Evaluate(evaluate::Evaluate),
    /// Record what a user says of the pictures in the message on standard input
    Report(report::Report),
    /// The store of users' reactions
    #[command(subcommand)]
    Feedback(feedback::Feedback),
    /// Train a new head from users' reactions, and put it to use if it is better
    Learn(learn::Learn),
    /// Feature vectors and users' reactions as files
    #[command(subcommand)]
    Dataset(dataset::Dataset),
    /// Write manual pages and shell completions; for packagers
    #[command(hide = true)]
    Manuals(manuals::Manuals),
    /// Open messages for the process that started this one; of no use by hand
    #[command(hide = true)]
    Worker,
}

/// Exit status of a command that could not do its work.
const FAILURE: u8 = 2;
/// Exit status where something was found that a rule does more to than accept, as clamscan's.
const FOUND: u8 = 1;

/// Parses the command line and runs the subcommand; returns the process's exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let sources = Sources { file: cli.sources.config, overrides: cli.sources.overrides };
    let result = match cli.command {
        Command::Run => run::run(&sources),
        Command::CheckConfig(command) => command.run(&sources),
        Command::Setup(command) => command.run(&sources),
        Command::Status(command) => command.run(&sources),
        Command::Scan(command) => command.run(&sources),
        Command::Client(command) => command.run(&sources),
        Command::Model(command) => command.run(&sources),
        Command::Train(command) => command.run(&sources),
        Command::Evaluate(command) => command.run(&sources),
        Command::Dataset(command) => command.run(&sources),
        Command::Report(command) => command.run(&sources),
        Command::Feedback(command) => command.run(&sources),
        Command::Learn(command) => command.run(&sources),
        Command::Manuals(command) => command.run(),
        Command::Worker => inspect::worker().map(|()| ExitCode::SUCCESS).map_err(Into::into),
    };
    result.unwrap_or_else(|error| {
        eprintln!("imagespam-milter: {error:#}");
        ExitCode::from(FAILURE)
    })
}

fn settings(sources: &Sources) -> anyhow::Result<Settings> {
    config::load(sources).map(|(settings, _)| settings).map_err(|errors| anyhow::anyhow!("{}", report(&errors)))
}

/// All errors of the configuration, a line each.
fn report(errors: &[SettingError]) -> String {
    let lines: Vec<_> = errors.iter().map(|error| format!("  {error}")).collect();
    let count = match errors.len() {
        1 => "1 error".to_owned(),
        number => format!("{number} errors"),
    };
    format!("{count} in the configuration:\n{}", lines.join("\n"))
}

/// The bundle in use; `tell` hears why a learned one is not used.
fn bundle_in_use(settings: &Settings, tell: impl FnOnce(String)) -> anyhow::Result<Bundle> {
    let (bundle, problem) = in_use(&settings.model.bundle, settings.learn.folder.as_deref())?;
    if let Some(problem) = problem {
        tell(format!("{problem}; going on with {}", bundle.manifest.title()));
    }
    Ok(bundle)
}

/// What a command tells on standard error.
fn complain(problem: String) {
    eprintln!("imagespam-milter: {problem}");
}

fn load_net(settings: &Settings, sessions: usize, tell: impl FnOnce(String)) -> anyhow::Result<(Runtime, Net)> {
    net_of(&bundle_in_use(settings, tell)?, settings, sessions)
}

fn net_of(bundle: &Bundle, settings: &Settings, sessions: usize) -> anyhow::Result<(Runtime, Net)> {
    let runtime = Runtime::load(settings.model.onnxruntime.as_deref())?;
    let (device, precision) = (settings.model.device, settings.model.precision);
    let placement = Placement { device, precision, sessions, waiting: settings.limits.waiting };
    let net = Net::load(&runtime, bundle, placement)?;
    Ok((runtime, net))
}

/// A judge as the daemon's, but for what users have lately reported.
fn load_judge(settings: &Settings, sessions: usize) -> anyhow::Result<Judge> {
    let (_, net) = load_net(settings, sessions, complain)?;
    Ok(Judge::new(net, settings, None)?)
}

/// Runs work that waits for sockets or databases.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("can't start the runtime")?;
    runtime.block_on(work)
}
