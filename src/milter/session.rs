//! One connection of a mail server: its events, collected into one message after the other.

use std::{
    ffi::{CStr, CString},
    future::Future,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use indymilter::{Actions, Context, ContextActions, EomContext, MacroStage, NegotiateContext, ProtoOpts, SocketInfo, Status};
use metrics::counter;
use tokio::{sync::watch, time};

use super::{log, reply};
use crate::{
    config::{Action, Settings, Skip},
    telemetry::Counted,
    verdict::{Envelope, Judges, Outcome, Scheduler, Verdict, count, envelope_skip},
};

/// How often a mail server that waits for a verdict hears of it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// Bytes from which a part of a message is kept as it came, without a copy. Mail servers send 64 KiB at a time.
const PIECE: usize = 16 << 10;

/// What all connections share.
pub struct Shared {
    /// Who judges at the moment.
    pub judges: Judges,
    /// Has a receiver for each message under way.
    pub under_way: watch::Sender<()>,
}

/// State of a connection.
pub struct Session {
    shared: Arc<Shared>,
    /// Who judges, and by which settings: as it was when the mail server was asked what it lets a milter do.
    pub scheduler: Arc<Scheduler>,
    /// What the mail server agreed to.
    options: ProtoOpts,
    client: Option<IpAddr>,
    message: Option<Message>,
    _counted: Counted,
}

/// A message as far as it has come.
pub struct Message {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// `Message-ID`, if it has one.
    pub id: Option<String>,
    /// Raw body of the first `Subject`.
    pub subject: Option<Vec<u8>>,
    /// How many fields have the name of the verdict's header.
    pub foreign_verdicts: i32,
    /// How many fields have the name of the codes' header.
    pub foreign_codes: i32,
    /// Bytes that have come, kept or not.
    pub size: usize,
    /// Header and body, unless there is a reason not to judge: what is whole, and what comes behind it.
    pieces: Vec<Bytes>,
    rest: Vec<u8>,
    skip: Option<Skip>,
    in_body: bool,
    _under_way: watch::Receiver<()>,
}

impl Message {
    /// Takes a part of the header or body. By its first, all recipients are known.
    fn push(&mut self, part: Bytes, settings: &Settings) {
        if self.size == 0 {
            self.skip = envelope_skip(&settings.skip, &self.envelope);
        }
        self.size += part.len();
        if self.size > settings.limits.message_bytes {
            self.skip = self.skip.or(Some(Skip::MessageSize));
        }
        if self.skip.is_some() {
            (self.pieces, self.rest) = (Vec::new(), Vec::new());
        } else if part.len() < PIECE {
            self.rest.extend_from_slice(&part);
        } else {
            self.close_piece();
            self.pieces.push(part);
        }
    }

    fn close_piece(&mut self) {
        if !self.rest.is_empty() {
            self.pieces.push(std::mem::take(&mut self.rest).into());
        }
    }

    /// All that has come.
    fn take(&mut self) -> Vec<Bytes> {
        self.close_piece();
        std::mem::take(&mut self.pieces)
    }
}

/// What is asked of the mail server: only the events, macros and rights that are used.
pub async fn negotiate(
    context: &mut NegotiateContext<Session>,
    offered_actions: Actions,
    offered_options: ProtoOpts,
    shared: Arc<Shared>,
) -> Status {
    let scheduler = shared.judges.borrow().clone();
    let policy = &scheduler.settings().policy;
    let mut actions = Actions::empty();
    if !policy.dry_run {
        actions |= Actions::ADD_HEADER | Actions::CHANGE_HEADER;
        if policy.rules.iter().map(|rule| rule.action).chain([policy.on_incomplete]).any(|action| action == Action::Quarantine) {
            actions |= Actions::QUARANTINE;
        }
    }
    if !offered_actions.contains(actions) {
        tracing::warn!("the mail server does not let a milter do {:?}: these actions will not happen", actions - offered_actions);
    }
    context.requested_actions = actions & offered_actions;
    // No answer to the events that never need one: it saves a round trip each.
    let silent = ProtoOpts::NOREPLY_CONNECT | ProtoOpts::NOREPLY_MAIL | ProtoOpts::NOREPLY_RCPT | ProtoOpts::NOREPLY_HEADER;
    context.requested_opts = (context.requested_opts | silent | ProtoOpts::SKIP) & offered_options;
    // One message has one queue id, known at its end at the latest.
    let macros = [
        (MacroStage::Connect, c""),
        (MacroStage::Helo, c""),
        (MacroStage::Mail, c"{auth_type}"),
        (MacroStage::Rcpt, c""),
        (MacroStage::Data, c""),
        (MacroStage::Eoh, c""),
        (MacroStage::Eom, c"i"),
    ];
    context.requested_macros = macros.map(|(stage, names)| (stage, CString::from(names))).into();
    let _counted = Counted::new("imagespam_milter_connections");
    context.data = Some(Session { shared, scheduler, options: context.requested_opts, client: None, message: None, _counted });
    Status::Continue
}

/// `NoReply` where the mail server agreed to get none.
fn done(session: &Session, silent: ProtoOpts) -> Status {
    if session.options.contains(silent) { Status::Noreply } else { Status::Continue }
}

pub async fn connect(context: &mut Context<Session>, address: SocketInfo) -> Status {
    let Some(session) = &mut context.data else { return Status::Accept };
    session.client = match address {
        SocketInfo::Inet(address) => Some(address.ip()),
        SocketInfo::Unix(_) | SocketInfo::Unknown => None,
    };
    done(session, ProtoOpts::NOREPLY_CONNECT)
}

pub async fn mail(context: &mut Context<Session>, arguments: Vec<CString>) -> Status {
    let authenticated = context.macros.get(c"{auth_type}").is_some_and(|value| !value.is_empty());
    let Some(session) = &mut context.data else { return Status::Accept };
    let envelope = Envelope { client: session.client, authenticated, sender: address(&arguments), recipients: Vec::new() };
    session.message = Some(Message {
        envelope,
        id: None,
        subject: None,
        foreign_verdicts: 0,
        foreign_codes: 0,
        size: 0,
        pieces: Vec::new(),
        rest: Vec::new(),
        skip: None,
        in_body: false,
        _under_way: session.shared.under_way.subscribe(),
    });
    done(session, ProtoOpts::NOREPLY_MAIL)
}

pub async fn rcpt(context: &mut Context<Session>, arguments: Vec<CString>) -> Status {
    let Some(session) = &mut context.data else { return Status::Accept };
    if let Some(message) = &mut session.message {
        message.envelope.recipients.push(address(&arguments));
    }
    done(session, ProtoOpts::NOREPLY_RCPT)
}

pub async fn header(context: &mut Context<Session>, name: CString, value: CString) -> Status {
    let Some(session) = &mut context.data else { return Status::Accept };
    if let Some(message) = &mut session.message {
        let text = name.to_string_lossy();
        if session.scheduler.settings().header.name.matches(&text) {
            message.foreign_verdicts = message.foreign_verdicts.saturating_add(1);
        } else if session.scheduler.settings().header.qr.matches(&text) {
            message.foreign_codes = message.foreign_codes.saturating_add(1);
        } else if text.eq_ignore_ascii_case("subject") && message.subject.is_none() {
            message.subject = Some(value.as_bytes().to_vec());
        } else if text.eq_ignore_ascii_case("message-id") && message.id.is_none() {
            message.id = Some(value.to_string_lossy().trim().to_owned());
        }
        let line = [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat();
        message.push(line.into(), session.scheduler.settings());
    }
    done(session, ProtoOpts::NOREPLY_HEADER)
}

pub async fn body(context: &mut Context<Session>, chunk: Bytes) -> Status {
    let Some(session) = &mut context.data else { return Status::Accept };
    let Some(message) = &mut session.message else { return Status::Continue };
    if !message.in_body {
        message.in_body = true;
        message.push(Bytes::from_static(b"\r\n"), session.scheduler.settings());
    }
    message.push(chunk, session.scheduler.settings());
    // The rest of a message that is not judged need not come at all.
    if message.skip.is_some() && session.options.contains(ProtoOpts::SKIP) { Status::Skip } else { Status::Continue }
}

pub async fn end_of_message(context: &mut EomContext<Session>) -> Status {
    let queue_id = context.macros.get(c"i").map(|id| id.to_string_lossy().into_owned());
    let Some(session) = &mut context.data else { return Status::Accept };
    let Some(mut message) = session.message.take() else { return Status::Accept };
    let scheduler = session.scheduler.clone();
    let settings = scheduler.settings();
    let unjudged = |outcome, action| Verdict { model: scheduler.judge().model(), ..Verdict::unjudged(outcome, action) };
    let verdict = match message.skip {
        Some(Skip::MessageSize) => {
            let action = settings.policy.on_incomplete;
            let incomplete = vec!["message_bytes".to_owned()];
            Verdict { incomplete, ..unjudged(Outcome::Skipped(Skip::MessageSize), action) }
        }
        Some(skip) => unjudged(Outcome::Skipped(skip), Action::Accept),
        None => {
            let judged = scheduler.message(message.take(), message.envelope.recipients.clone());
            match unless_gone(context, judged).await {
                Some(verdict) => verdict,
                None => {
                    counter!("imagespam_milter_messages_abandoned_total").increment(1);
                    tracing::info!("{}: the mail server has gone before the verdict", queue_id.as_deref().unwrap_or("-"));
                    return Status::Tempfail;
                }
            }
        }
    };
    count(&verdict);
    log::message(queue_id.as_deref(), &message, &verdict, settings);
    if settings.policy.dry_run {
        return Status::Accept;
    }
    match reply::carry_out(context, &message, &verdict, settings).await {
        Ok(status) => status,
        Err(error) => {
            // The mail server has gone or refuses the change: the message must not suffer.
            tracing::warn!("{}: can't change the message: {error}", queue_id.as_deref().unwrap_or("-"));
            Status::Accept
        }
    }
}

/// Waits for the verdict, and tells the mail server now and then that it is under way, by which it is seen that there still is
/// one. `None`: it has gone, and the work has been dropped.
async fn unless_gone(context: &EomContext<Session>, judged: impl Future<Output = Verdict>) -> Option<Verdict> {
    let mut judged = pin!(judged);
    let mut sign_of_life = time::interval_at(time::Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
    loop {
        tokio::select! {
            verdict = &mut judged => return Some(verdict),
            _ = sign_of_life.tick() => context.actions.progress().await.ok()?,
        }
    }
}

pub async fn abort(context: &mut Context<Session>) -> Status {
    if let Some(session) = &mut context.data {
        session.message = None;
    }
    Status::Continue
}

pub async fn close(context: &mut Context<Session>) -> Status {
    context.data = None;
    Status::Continue
}

/// The bare address of MAIL or RCPT: without angle brackets, source route and ESMTP parameters.
fn address(arguments: &[CString]) -> String {
    let first = arguments.first().map(CString::as_c_str).map_or(std::borrow::Cow::Borrowed(""), CStr::to_string_lossy);
    let bare = first.trim().trim_start_matches('<').trim_end_matches('>');
    let routed = bare.strip_prefix('@').and_then(|route| route.split_once(':'));
    routed.map_or(bare, |(_, address)| address).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_brackets_and_source_routes() {
        let of = |text: &str| address(&[CString::new(text).expect("no NUL"), c"SIZE=1".to_owned()]);
        assert_eq!(of("<a@example.org>"), "a@example.org");
        assert_eq!(of("a@example.org"), "a@example.org");
        assert_eq!(of("<@relay.example,@b.example:a@example.org>"), "a@example.org");
        assert_eq!(of("<>"), "");
        assert_eq!(address(&[]), "");
    }
}
