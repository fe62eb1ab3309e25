//! Mail servers in number: connections that hand over whole messages in one write, as fast as the daemon takes them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::common::messages::with_picture;

/// A message as frames of the milter protocol, from MAIL to the end of its data.
pub struct Frames {
    bytes: Vec<u8>,
    /// Body chunks, each of which is answered: also those after one that the rest is not wanted of.
    chunks: usize,
}

impl Frames {
    /// Of a raw message.
    pub fn of(message: &[u8]) -> Self {
        let mut frames = Vec::new();
        let mut frame = |kind: u8, payload: &[u8]| {
            frames.extend_from_slice(&u32::try_from(payload.len() + 1).expect("length").to_be_bytes());
            frames.push(kind);
            frames.extend_from_slice(payload);
        };
        frame(b'M', b"<sender@example.com>\0");
        frame(b'R', b"<user@example.test>\0");
        let end = message.windows(4).position(|window| window == b"\r\n\r\n").expect("end of header");
        for field in String::from_utf8_lossy(&message[..end]).replace("\r\n ", "\n ").split("\r\n") {
            let (name, value) = field.split_once(':').expect("colon");
            frame(b'L', format!("{name}\0{}\0", value.trim_start()).as_bytes());
        }
        let chunks = message[end + 4..].chunks(65535);
        let count = chunks.len();
        chunks.for_each(|chunk| frame(b'B', chunk));
        frame(b'D', b"Ei\0QUEUE1\0");
        frame(b'E', b"");
        Self { bytes: frames, chunks: count }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Value of the verdict's header, unfolded.
    pub verdict: String,
    /// From the end of data to the answer.
    pub time: Duration,
}

/// A connection of a mail server.
pub struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Connection {
    pub async fn open(socket: &Path) -> std::io::Result<Self> {
        let (reader, writer) = UnixStream::connect(socket).await?.into_split();
        let mut connection = Self { reader: BufReader::with_capacity(4096, reader), writer };
        let offer: Vec<u8> = [6, crate::common::client::ALL_ACTIONS, crate::common::client::ALL_OPTIONS]
            .iter()
            .flat_map(|number: &u32| number.to_be_bytes())
            .collect();
        connection.writer.write_all(&[&(offer.len() as u32 + 1).to_be_bytes(), &b"O"[..], &offer].concat()).await?;
        frame(&mut connection.reader).await?;
        let client = b"host.example\x004\x00\x19192.0.2.1\0";
        connection.writer.write_all(&[&(client.len() as u32 + 1).to_be_bytes(), &b"C"[..], client].concat()).await?;
        Ok(connection)
    }

    /// Hands a message over and waits for the answer.
    pub async fn message(&mut self, frames: &Frames) -> std::io::Result<Answer> {
        let writing = async {
            self.writer.write_all(&frames.bytes).await?;
            Ok(Instant::now())
        };
        // Meanwhile: a daemon whose answers to body chunks nobody takes stops to read.
        let (written, (verdict, answered)) = tokio::try_join!(writing, answer(&mut self.reader, frames.chunks))?;
        Ok(Answer { verdict, time: answered - written })
    }
}

/// The verdict on a message of so many body chunks, and when it came.
async fn answer(reader: &mut BufReader<OwnedReadHalf>, chunks: usize) -> std::io::Result<(String, Instant)> {
    let (mut verdict, mut continued) = (String::new(), 0);
    loop {
        match frame(reader).await? {
            (b'c' | b's', _) if continued < chunks => continued += 1,
            (b'i', payload) => {
                let text = String::from_utf8_lossy(&payload[4..]).into_owned();
                if let Some(value) = text.strip_prefix("X-Image-Spam\0") {
                    verdict = value.trim_end_matches('\0').replace("\n\t", " ");
                }
            }
            (b'p' | b'm', _) => {}
            _ => return Ok((verdict, Instant::now())),
        }
    }
}

async fn frame(reader: &mut BufReader<OwnedReadHalf>) -> std::io::Result<(u8, Vec<u8>)> {
    let length = reader.read_u32().await?;
    let mut frame = vec![0; length as usize];
    reader.read_exact(&mut frame).await?;
    Ok((frame[0], frame.split_off(1)))
}

/// Pictures of mail size under a folder: JPEG and PNG files of 5 to 400 kB, at most `most`, in the order of their names.
pub fn pictures(folder: &Path, most: usize) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("entry").path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    let kind = |path: &PathBuf| matches!(path.extension().and_then(|e| e.to_str()), Some("jpg" | "jpeg" | "png"));
    let size = |path: &PathBuf| (5_000..400_000).contains(&path.metadata().expect("size").len());
    paths.retain(|path| kind(path) && size(path));
    // By name: digests, so that sources are mixed.
    paths.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    let found: Vec<_> = paths.iter().take(most).map(|path| std::fs::read(path).expect("picture")).collect();
    assert!(!found.is_empty(), "no JPEG or PNG files of 5 to 400 kB under {}", folder.display());
    found
}

/// A message with this picture.
pub fn message(picture: &[u8]) -> Vec<u8> {
    let kind = if picture.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
    with_picture("bench", kind, picture)
}

/// Hands all messages over, once each, on so many connections; seconds that took, and the answers.
pub async fn all(socket: &Path, messages: &Arc<Vec<Frames>>, connections: usize) -> (f64, Vec<Answer>) {
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(socket).await.expect("connect"));
    }
    let started = Instant::now();
    let tasks: Vec<_> = opened
        .into_iter()
        .map(|mut connection| {
            let (next, messages) = (next.clone(), messages.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while let Some(frames) = messages.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    answers.push(connection.message(frames).await.expect("answer"));
                }
                answers
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.expect("task"));
    }
    (started.elapsed().as_secs_f64(), answers)
}
