//! Typed settings. Layers are merged (`layers`), read key by key (`reader`) into types that can't hold a bad value
//! (`types`), and checked as a whole: all errors come at once. What each setting means is told in one place, the shipped
//! `conf/imagespam-milter.toml`, which is also the layer of defaults.

mod feedback;
mod layers;
mod limits;
mod log;
mod model;
mod policy;
mod reader;
mod rules;
mod skips;
mod types;

use std::time::Duration;

use ::config::ValueKind;

pub use feedback::{Api, Campaign, Feedback, Learn, Quorum, StoreAddress};
pub use layers::{DEFAULT_PATH, DEFAULTS, Sources};
pub use limits::Limits;
pub use log::{Log, LogFormat, LogLevel};
pub use model::{Device, Model, Precision};
pub use policy::Policy;
use reader::{Reader, origin, show, string};
pub use reader::{SettingError, without_password};
pub use rules::Rule;
pub use skips::{PictureBelow, Skips};
pub use types::{
    Action, HeaderName, ListenAddress, MailPattern, OnFailure, Probability, QrCondition, Skip, SmtpReply, Threshold,
};

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sockets and connections.
    pub milter: Milter,
    /// The net.
    pub model: Model,
    /// What is remembered of pictures.
    pub cache: Cache,
    /// What to do with what score.
    pub policy: Policy,
    /// The header that carries the verdict.
    pub header: Header,
    /// What is not judged.
    pub skip: Skips,
    /// Bounds on what a sender can cause.
    pub limits: Limits,
    /// The local HTTP interface.
    pub api: Api,
    /// What users say of pictures.
    pub feedback: Feedback,
    /// What reports do at once.
    pub campaign: Campaign,
    /// What they do to the head.
    pub learn: Learn,
    /// What the log tells, and how.
    pub log: Log,
}

/// `[milter]`
#[derive(Clone, Debug)]
pub struct Milter {
    /// Sockets to listen on, at least one.
    pub listen: Vec<ListenAddress>,
    /// Permission bits of unix sockets.
    pub socket_mode: u32,
    /// User name of unix sockets' owner.
    pub socket_owner: Option<String>,
    /// Group name of unix sockets.
    pub socket_group: Option<String>,
    /// Connections served at once.
    pub connections: usize,
    /// Longest silence of the mail server.
    pub connection_timeout: Duration,
    /// Time for messages under way at shutdown.
    pub shutdown_grace: Duration,
}

/// `[cache]`
#[derive(Clone, Debug)]
pub struct Cache {
    /// Bytes of what is kept of the latest files, feature vectors above all.
    pub memory: u64,
    /// Pictures held against near-duplicates, the latest that a rule was against.
    pub spam: usize,
    /// Age at which both are forgotten.
    pub age: Duration,
}

/// `[header]`
#[derive(Clone, Debug)]
pub struct Header {
    /// Name of the verdict's header.
    pub name: HeaderName,
    /// Name of the header that tells the codes found in pictures.
    pub qr: HeaderName,
    /// Skips that are told in a header.
    pub on_skip: Vec<Skip>,
}

/// A setting in force, for display: key, value as in the file, origin.
pub type Printed = (String, String, String);

/// Merges all layers and reads the settings.
///
/// # Errors
/// Every error of all layers, never only the first.
pub fn load(sources: &Sources) -> Result<(Settings, Vec<Printed>), Vec<SettingError>> {
    let mut reader = Reader::new(layers::merge(sources)?);
    let printed = reader.settings().map(|(key, value)| (key.to_owned(), show(value), origin(value))).collect();
    let settings = read(&mut reader);
    let errors = reader.finish();
    match settings {
        Some(settings) if errors.is_empty() => Ok((settings, printed)),
        _ => Err(errors),
    }
}

const MAX_SIZE: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads every key, also after an error, before it gives up.
fn read(r: &mut Reader) -> Option<Settings> {
    let (milter, model, cache, policy) = (read_milter(r), model::read(r), read_cache(r), policy::read(r));
    let header = read_header(r);
    let (api, feedback) = (feedback::read_api(r), feedback::read_feedback(r));
    let (campaign, learn) = (feedback::read_campaign(r), feedback::read_learn(r));
    let (skip, limits, log) = (skips::read(r), limits::read(r), log::read(r));
    Some(Settings {
        milter: milter?,
        model: model?,
        cache: cache?,
        policy: policy?,
        header: header?,
        skip: skip?,
        limits: limits?,
        api: api?,
        feedback: feedback?,
        campaign: campaign?,
        learn: learn?,
        log: log?,
    })
}

fn read_header(r: &mut Reader) -> Option<Header> {
    let name: Option<HeaderName> = r.text("header.name");
    let qr = r.text::<HeaderName>("header.qr");
    let on_skip = r.list("header.on_skip", "the name of a skip");
    let (name, qr) = (name?, qr?);
    if name.matches(qr.as_str()) {
        r.error("configuration".to_owned(), "header.qr", "is the same as header.name; the two need different names".to_owned());
        return None;
    }
    Some(Header { name, qr, on_skip: on_skip? })
}

fn read_milter(r: &mut Reader) -> Option<Milter> {
    let listen = r.read("milter.listen", |value| {
        let allowed = "a list of sockets, each \"unix:/path\", \"inet:host:port\" or \"inet6:[host]:port\"";
        let ValueKind::Array(items) = &value.kind else { return Err(allowed.to_owned()) };
        let parse = |item| string(item, allowed)?.parse().map_err(|wrong| format!("{wrong} (not {})", show(item)));
        let sockets = items.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if sockets.is_empty() { Err(format!("{allowed}, at least one")) } else { Ok(sockets) }
    });
    let socket_mode = read_mode(r, "milter.socket_mode");
    let (owner, group) = (r.string("milter.socket_owner"), r.string("milter.socket_group"));
    let connections = r.number("milter.connections", 1..=100_000);
    let connection_timeout = r.duration("milter.connection_timeout", Duration::from_secs(10)..=DAY);
    let shutdown_grace = r.duration("milter.shutdown_grace", Duration::ZERO..=DAY);
    Some(Milter {
        listen: listen?,
        socket_mode: socket_mode?,
        socket_owner: owner.map(non_empty)?,
        socket_group: group.map(non_empty)?,
        connections: connections?,
        connection_timeout: connection_timeout?,
        shutdown_grace: shutdown_grace?,
    })
}

fn read_mode(r: &mut Reader, key: &str) -> Option<u32> {
    r.read(key, |value| {
        let allowed = "permissions as an octal text, such as \"0660\"";
        u32::from_str_radix(&string(value, allowed)?, 8).ok().filter(|mode| *mode <= 0o777).ok_or_else(|| allowed.to_owned())
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn read_cache(r: &mut Reader) -> Option<Cache> {
    let memory = r.size("cache.memory", 0..=16 * MAX_SIZE);
    let spam = r.number("cache.spam", 0..=10_000_000);
    let age = r.duration("cache.age", Duration::from_secs(1)..=365 * DAY);
    Some(Cache { memory: memory?, spam: spam?, age: age? })
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
