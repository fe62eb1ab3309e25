//! `[skip]`: what is not judged.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{reader::Reader, types::MailPattern};

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

pub fn read(r: &mut Reader) -> Option<Skips> {
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
