//! `[api]`, `[feedback]`, `[campaign]` and `[learn]`: what users say of pictures, and what comes of it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ::config::ValueKind;

use super::{
    DAY, non_empty,
    reader::{Reader, string},
};

/// `[api]`
#[derive(Clone, Debug)]
pub struct Api {
    /// The unix socket of the local HTTP interface; `None`: there is none.
    pub socket: Option<PathBuf>,
    /// Its permission bits.
    pub mode: u32,
    /// Its group.
    pub group: Option<String>,
    /// An address for all but users' reports; `None`: there is none.
    pub listen: Option<SocketAddr>,
    /// File of the token that is asked for there; `None` only if that address is a loopback one.
    pub token_file: Option<PathBuf>,
}

/// `[feedback]`
#[derive(Clone, Debug)]
pub struct Feedback {
    /// Where reactions are kept; `None`: nowhere.
    pub store: Option<StoreAddress>,
    /// File of the key under which users and pictures are written down.
    pub key: PathBuf,
    /// Reactions of one user within 24 hours that are taken.
    pub user_daily: u64,
    /// For which a picture is kept after it was last reported.
    pub keep: Duration,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` address.
    Postgres(String),
}

impl std::str::FromStr for StoreAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("sqlite", path)) if path.starts_with('/') && !path.starts_with("//") => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            _ => Err("\"sqlite:/absolute/path\", \"postgres://user@host/database\", or empty"),
        }
    }
}

/// Users and their agreement that it takes to believe them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quorum {
    /// Users who agree, at least.
    pub min_users: usize,
    /// Sum of their weights, at least. A user's weight is 0.5 at first, and from 0 to 1 by how often others agree with him.
    pub min_weight: f64,
    /// Share of the weight that agrees, at least; above one half.
    pub min_consistency: f64,
}

/// `[campaign]`
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Whether reports act before the head is trained again.
    pub enabled: bool,
    /// What it takes.
    pub quorum: Quorum,
    /// Age at which a reaction is forgotten here.
    pub expire: Duration,
    /// Pictures that are held in memory, the latest.
    pub pictures: usize,
}

/// `[learn]`
#[derive(Clone, Debug)]
pub struct Learn {
    /// Folder of the heads that were learned here; `None`: none are learned, nor used.
    pub folder: Option<PathBuf>,
    /// What it takes for a picture to be learned from.
    pub quorum: Quorum,
    /// Labelled pictures without which there is nothing to learn.
    pub min_pictures: usize,
    /// How many more false alarms than the head in use a new one may cause on the base set's ham: a share.
    pub false_alarm_margin: f64,
    /// How much more of the reported pictures it must judge as the users do: a share.
    pub gain_margin: f64,
    /// Heads that are kept.
    pub keep: usize,
}

pub fn read_api(r: &mut Reader) -> Option<Api> {
    let (socket, mode, group) = (r.string("api.socket"), super::read_mode(r, "api.socket_mode"), r.string("api.socket_group"));
    let listen = r.read("api.listen", |value| {
        let allowed = "an address with a port, such as \"127.0.0.1:9825\" or \"[::1]:9825\", or empty";
        let text = string(value, allowed)?;
        if text.is_empty() { Ok(None) } else { text.parse::<SocketAddr>().map(Some).map_err(|_| allowed.to_owned()) }
    });
    let token_file = r.string("api.token_file").map(non_empty);
    if let (Some(Some(address)), Some(None)) = (listen, &token_file)
        && !address.ip().is_loopback()
    {
        let problem = format!("{address} is not an address of this machine itself: that takes a token (api.token_file)");
        r.error("configuration".to_owned(), "api.listen", problem);
    }
    Some(Api {
        socket: socket.map(non_empty)?.map(PathBuf::from),
        mode: mode?,
        group: group.map(non_empty)?,
        listen: listen?,
        token_file: token_file?.map(PathBuf::from),
    })
}

pub fn read_feedback(r: &mut Reader) -> Option<Feedback> {
    let store = r.read("feedback.store", |value| {
        let text = string(value, "a text")?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(str::to_owned) }
    });
    let key = r.string("feedback.key");
    let user_daily = r.number("feedback.user_daily", 1..=1_000_000);
    let keep = r.duration("feedback.keep", DAY..=100 * 365 * DAY);
    Some(Feedback { store: store?, key: key?.into(), user_daily: user_daily?, keep: keep? })
}

pub fn read_campaign(r: &mut Reader) -> Option<Campaign> {
    let (enabled, quorum) = (r.flag("campaign.enabled"), read_quorum(r, "campaign"));
    let expire = r.duration("campaign.expire", Duration::from_secs(60)..=10 * 365 * DAY);
    let pictures = r.number("campaign.pictures", 1..=1_000_000);
    Some(Campaign { enabled: enabled?, quorum: quorum?, expire: expire?, pictures: pictures? })
}

pub fn read_learn(r: &mut Reader) -> Option<Learn> {
    let (folder, quorum) = (r.string("learn.folder"), read_quorum(r, "learn"));
    let min_pictures = r.number("learn.min_pictures", 1..=1_000_000);
    let alarms = read_share(r, "learn.false_alarm_margin", 0.0..=1.0);
    let gain = read_share(r, "learn.gain_margin", 0.0..=1.0);
    let keep = r.number("learn.keep", 2..=1000);
    Some(Learn {
        folder: folder.map(non_empty)?.map(PathBuf::from),
        quorum: quorum?,
        min_pictures: min_pictures?,
        false_alarm_margin: alarms?,
        gain_margin: gain?,
        keep: keep?,
    })
}

fn read_quorum(r: &mut Reader, section: &str) -> Option<Quorum> {
    let min_users = r.number(&format!("{section}.min_users"), 1..=1_000_000);
    let min_weight = read_share(r, &format!("{section}.min_weight"), 0.0..=1e6);
    let min_consistency = read_share(r, &format!("{section}.min_consistency"), 0.51..=1.0);
    Some(Quorum { min_users: min_users?, min_weight: min_weight?, min_consistency: min_consistency? })
}

fn read_share(r: &mut Reader, key: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    r.read(key, |value| {
        let number = match value.kind {
            ValueKind::Float(number) => Some(number),
            ValueKind::I64(number) => Some(number as f64),
            _ => None,
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
    })
}
