//! Typed settings. Layers are merged (`layers`), read key by key (`reader`) into types that can't hold a bad value
//! (`types`), and checked as a whole: all errors come at once. What each setting means is told in one place, the shipped
//! `conf/imagespam-milter.toml`, which is also the layer of defaults.

mod feedback;
mod layers;
mod reader;
mod rules;
mod types;

use std::{path::PathBuf, time::Duration};

use ::config::ValueKind;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use feedback::{Api, Campaign, Feedback, Learn, Quorum, StoreAddress};
pub use layers::{DEFAULT_PATH, DEFAULTS, Sources};
pub use reader::SettingError;
use reader::{Reader, origin, show, string};
pub use rules::Rule;
pub use types::{
    Action, Device, HeaderName, ListenAddress, MailPattern, OnFailure, Probability, QrCondition, Skip, SmtpReply, Threshold,
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

/// `[model]`
#[derive(Clone, Debug)]
pub struct Model {
    /// Folder of the bundle.
    pub bundle: PathBuf,
    /// ONNX Runtime's library, if it is not to be searched for.
    pub onnxruntime: Option<PathBuf>,
    /// What the backbone runs on.
    pub device: Device,
    /// Nets that run side by side, at least 1.
    pub sessions: usize,
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

/// `[policy]`
#[derive(Clone, Debug)]
pub struct Policy {
    /// First match wins.
    pub rules: Vec<Rule>,
    /// Judge and log only.
    pub dry_run: bool,
    /// Counted from the end of the message's data.
    pub deadline: Duration,
    /// For messages that could not be judged.
    pub on_failure: OnFailure,
    /// For messages of which a limit cut something off, if no rule fits.
    pub on_incomplete: Action,
    /// Put before the subject by [`Action::Subject`].
    pub subject_prefix: String,
    /// Reply of [`Action::Reject`].
    pub reject_reply: SmtpReply,
    /// Reply of [`Action::Tempfail`].
    pub tempfail_reply: SmtpReply,
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

/// `[skip]`
#[derive(Clone, Debug)]
pub struct Skips {
    /// Messages of users who have logged in.
    pub authenticated: bool,
    /// Messages from these networks.
    pub networks: Vec<IpNet>,
    /// Messages of these envelope senders.
    pub senders: Vec<MailPattern>,
    /// Messages whose every recipient is listed.
    pub recipients: Vec<MailPattern>,
    /// Pictures that are too small.
    pub picture_below: PictureBelow,
}

/// Bounds below which a picture is not judged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct PictureBelow {
    /// Pictures of fewer pixels; 0: none.
    pub pixels: u64,
    /// Pictures of fewer bytes; 0: none.
    pub bytes: u64,
}

impl PictureBelow {
    /// Whether a picture of these sides in pixels and this size in bytes is too small to be judged.
    pub fn too_small(&self, (width, height): (u32, u32), bytes: usize) -> bool {
        u64::from(width) * u64::from(height) < self.pixels || (bytes as u64) < self.bytes
    }
}

/// `[limits]`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a message, headers included.
    pub message_bytes: usize,
    /// MIME parts of a message.
    pub parts: usize,
    /// Lines of a message that could be header fields.
    pub header_lines: usize,
    /// Messages within messages.
    pub nesting: usize,
    /// Pictures of a message.
    pub pictures: usize,
    /// Bytes of a picture's file.
    pub picture_bytes: usize,
    /// Width x height of a picture.
    pub picture_pixels: u64,
    /// Bytes that a decoder may allocate.
    pub decoder_memory: u64,
    /// Frames of an animation that are looked at.
    pub frames: usize,
    /// Frames of an animation, all different, that are judged.
    pub distinct_frames: usize,
    /// Pages of a document that are judged.
    pub pages: usize,
    /// Files that are unpacked from the archives of a message.
    pub archive_files: usize,
    /// Bytes that are unpacked from the archives of a message.
    pub archive_bytes: u64,
    /// How many times its packed size a file in an archive may have.
    pub archive_ratio: u64,
    /// Processes that open messages, side by side, at least 1.
    pub workers: usize,
    /// Pictures that wait for the net.
    pub waiting: usize,
    /// For opening one container, or decoding one picture.
    pub picture_time: Duration,
    /// Bytes of address space of a process that opens messages.
    pub worker_memory: u64,
}

/// `[log]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// How much it tells.
    pub level: LogLevel,
    /// How it is written on standard error.
    pub format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line an event, for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("\"text\" or \"json\""),
        }
    }
}

/// How much the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what fails.
    Error,
    /// And what is odd.
    Warn,
    /// And a line for each message.
    Info,
    /// And how each picture was judged.
    Debug,
}

impl std::str::FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err("\"error\", \"warn\", \"info\" or \"debug\""),
        }
    }
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
    let (milter, model, cache, policy) = (read_milter(r), read_model(r), read_cache(r), read_policy(r));
    let header = read_header(r);
    let (api, feedback) = (feedback::read_api(r), feedback::read_feedback(r));
    let (campaign, learn) = (feedback::read_campaign(r), feedback::read_learn(r));
    let (skip, limits) = (read_skips(r), read_limits(r));
    let (level, format) = (r.text("log.level"), r.text("log.format"));
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
        log: Log { level: level?, format: format? },
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
        connections: usize::try_from(connections?).ok()?,
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

fn read_model(r: &mut Reader) -> Option<Model> {
    let (bundle, onnxruntime) = (r.string("model.bundle"), r.string("model.onnxruntime"));
    let (device, sessions) = (r.text("model.device"), r.number("model.sessions", 0..=256));
    Some(Model {
        bundle: bundle?.into(),
        onnxruntime: onnxruntime.map(non_empty)?.map(PathBuf::from),
        device: device?,
        sessions: match usize::try_from(sessions?).ok()? {
            0 => cores().min(8),
            number => number,
        },
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn read_cache(r: &mut Reader) -> Option<Cache> {
    let memory = r.size("cache.memory", 0..=16 * MAX_SIZE);
    let spam = r.number("cache.spam", 0..=10_000_000);
    let age = r.duration("cache.age", Duration::from_secs(1)..=365 * DAY);
    Some(Cache { memory: memory?, spam: usize::try_from(spam?).ok()?, age: age? })
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn read_policy(r: &mut Reader) -> Option<Policy> {
    let rules = rules::read(r);
    let dry_run = r.flag("policy.dry_run");
    // Postfix and Sendmail wait 300 seconds for a milter's answer to a message.
    let deadline = r.duration("policy.deadline", Duration::from_millis(1)..=Duration::from_secs(240));
    let (on_failure, on_incomplete) = (r.text("policy.on_failure"), r.text("policy.on_incomplete"));
    let subject_prefix = r.read("policy.subject_prefix", |value| {
        // One encoded-word of RFC 2047 holds at most 75 characters: 45 bytes in base64.
        let allowed = "a text of 1 to 45 bytes on one line";
        let fits = |text: &String| (1..=45).contains(&text.len()) && !text.chars().any(char::is_control);
        string(value, allowed).and_then(|text| if fits(&text) { Ok(text) } else { Err(allowed.to_owned()) })
    });
    let mut reply = |key: &str, class: char| {
        r.read(key, |value| {
            let allowed = format!(
                "a reply code {class}xx, an enhanced status code {class}.x.x and up to 400 ASCII characters of text, without \"%\""
            );
            SmtpReply::parse(&string(value, &allowed)?, class).ok_or(allowed)
        })
    };
    let (reject_reply, tempfail_reply) = (reply("policy.reject_reply", '5'), reply("policy.tempfail_reply", '4'));
    Some(Policy {
        rules: rules?,
        dry_run: dry_run?,
        deadline: deadline?,
        on_failure: on_failure?,
        on_incomplete: on_incomplete?,
        subject_prefix: subject_prefix?,
        reject_reply: reject_reply?,
        tempfail_reply: tempfail_reply?,
    })
}

fn read_skips(r: &mut Reader) -> Option<Skips> {
    let authenticated = r.flag("skip.authenticated");
    let networks: Option<Vec<Network>> = r.list("skip.networks", "a network such as \"192.0.2.0/24\" or an address");
    let patterns = "an address such as \"user@example.org\", or a domain such as \"example.org\"";
    let (senders, recipients) = (r.list("skip.senders", patterns), r.list("skip.recipients", patterns));
    let pixels = r.number("skip.picture_below_pixels", 0..=1_000_000);
    let bytes = r.size("skip.picture_below_bytes", 0..=1 << 20);
    Some(Skips {
        authenticated: authenticated?,
        networks: networks?.into_iter().map(|network| network.0).collect(),
        senders: senders?,
        recipients: recipients?,
        picture_below: PictureBelow { pixels: pixels?, bytes: bytes? },
    })
}

/// A network, or one address as a network of its own.
struct Network(IpNet);

impl std::str::FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| address()).map(Self).map_err(|_| ())
    }
}

fn read_limits(r: &mut Reader) -> Option<Limits> {
    let message_bytes = r.size("limits.message_bytes", 1..=MAX_SIZE);
    let parts = r.number("limits.parts", 1..=100_000);
    let header_lines = r.number("limits.header_lines", 1..=10_000_000);
    let nesting = r.number("limits.nesting", 0..=100);
    let pictures = r.number("limits.pictures", 1..=10_000);
    let picture_bytes = r.size("limits.picture_bytes", 1..=MAX_SIZE);
    let picture_pixels = r.number("limits.picture_pixels", 1..=1_000_000_000);
    let decoder_memory = r.size("limits.decoder_memory", 1 << 20..=16 * MAX_SIZE);
    let frames = r.number("limits.frames", 1..=100_000);
    let distinct_frames = r.number("limits.distinct_frames", 1..=1000);
    let pages = r.number("limits.pages", 0..=10_000);
    let archive_files = r.number("limits.archive_files", 0..=1_000_000);
    let archive_bytes = r.size("limits.archive_bytes", 0..=4 * MAX_SIZE);
    let archive_ratio = r.number("limits.archive_ratio", 1..=100_000);
    let (workers, waiting) = (r.number("limits.workers", 0..=1000), r.number("limits.waiting", 1..=1_000_000));
    let picture_time = r.duration("limits.picture_time", Duration::from_millis(10)..=Duration::from_secs(240));
    // Less would not hold the program itself.
    let worker_memory = r.size("limits.worker_memory", 256 << 20..=64 * MAX_SIZE);
    Some(Limits {
        message_bytes: usize::try_from(message_bytes?).ok()?,
        parts: usize::try_from(parts?).ok()?,
        header_lines: usize::try_from(header_lines?).ok()?,
        nesting: usize::try_from(nesting?).ok()?,
        pictures: usize::try_from(pictures?).ok()?,
        picture_bytes: usize::try_from(picture_bytes?).ok()?,
        picture_pixels: picture_pixels?,
        decoder_memory: decoder_memory?,
        frames: usize::try_from(frames?).ok()?,
        distinct_frames: usize::try_from(distinct_frames?).ok()?,
        pages: usize::try_from(pages?).ok()?,
        archive_files: usize::try_from(archive_files?).ok()?,
        archive_bytes: archive_bytes?,
        archive_ratio: archive_ratio?,
        workers: match usize::try_from(workers?).ok()? {
            0 => (2 * cores()).min(16),
            number => number,
        },
        waiting: usize::try_from(waiting?).ok()?,
        picture_time: picture_time?,
        worker_memory: worker_memory?,
    })
}
