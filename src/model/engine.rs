//! The backbone at work: a bounded queue of pictures, and threads that each take from it and run a session. On a processor each
//! thread runs one picture at a time on one core, which measures faster than fewer sessions of more threads (`cargo bench --bench
//! milter -- pictures`); on a graphics card one thread runs batches. A picture that nobody waits for any more is not run.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use metrics::{counter, gauge, histogram};
use ort::{ep, session::Session, value::TensorRef};

use super::{
    Bundle, Failure, Manifest, ModelError, Runtime, Ticket,
    head::LoadedHead,
    held::Held,
    known_picture,
    precision::{Graphs, Target, int8_wanted},
    ticket::Job,
    verify::{norm, norm_fits},
};
use crate::{
    config::{Device, Precision},
    image::Picture,
};

/// Pictures that a graphics card runs at once, filled up to one of these numbers: for each it looks for the fastest way once, which takes
/// longer than mail may wait, and so is done at the start.
const CARD_BATCHES: [usize; 3] = [1, 8, MOST];
const MOST: usize = 32;
/// How long the first picture of a run on a card waits for others.
const CARD_WAIT: Duration = Duration::from_millis(2);
/// The card that "auto" tries.
const FIRST_CARD: u32 = 0;

/// Where and how the backbone runs.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Processor or card.
    pub device: Device,
    /// Arithmetic on a processor.
    pub precision: Precision,
    /// Sessions side by side on a processor, at least 1.
    pub sessions: usize,
    /// Pictures that wait for one, at most.
    pub waiting: usize,
}

impl Placement {
    /// On the processor in float32, for work that has no queue to speak of.
    pub fn cpu(sessions: usize) -> Self {
        Self { device: Device::Cpu, precision: Precision::Float32, sessions, waiting: sessions }
    }

    /// Number of the card that is to be tried.
    fn card(&self) -> Option<u32> {
        match self.device {
            Device::Cpu => None,
            Device::Auto => Some(FIRST_CARD),
            Device::Cuda(number) => Some(number),
        }
    }
}

/// The threads and their queue. They end when it is dropped.
pub struct Engine {
    queue: Sender<Job>,
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    /// Emptied when no session will be made any more.
    graphs: Mutex<Graphs>,
    manifest: Manifest,
    placement: Placement,
    on_card: AtomicBool,
    in_int8: AtomicBool,
    runs: AtomicU64,
    /// Nanoseconds of a session that a picture takes, of late.
    picture_time: AtomicU64,
    held: Held,
    /// Numbers of each of the manifest's outputs, as far as they are fixed.
    widths: OnceLock<Vec<Option<usize>>>,
}

impl Engine {
    /// Loads the backbone of a bundle.
    ///
    /// # Errors
    /// If ONNX Runtime refuses it, or its inputs and outputs are not what `model.toml` says. A card that can't be used is no
    /// error: the log tells of it, and the processor takes its place.
    pub fn start(runtime: &Runtime, bundle: &Bundle, placement: Placement) -> Result<Self, ModelError> {
        let shared = Arc::new(Shared {
            runtime: runtime.clone(),
            graphs: Mutex::new(Graphs::of(bundle)),
            manifest: bundle.manifest.clone(),
            placement,
            on_card: AtomicBool::new(false),
            in_int8: AtomicBool::new(false),
            runs: AtomicU64::new(0),
            picture_time: AtomicU64::new(0),
            held: Held::default(),
            widths: OnceLock::new(),
        });
        let (queue, jobs) = bounded(placement.waiting.max(1));
        match shared.card() {
            Some(session) => {
                shared.on_card.store(true, Ordering::Relaxed);
                let (shared, jobs) = (shared.clone(), jobs.clone());
                spawn("card", move || shared.serve_by_card(session, &jobs))?;
            }
            None => {
                shared.clone().serve_by_processor(&jobs)?;
                *shared.graphs() = Graphs::default();
            }
        }
        Ok(Self { queue, shared })
    }

    /// What it runs on at the moment: a processor or a card.
    pub fn device(&self) -> Device {
        match self.shared.placement.card() {
            Some(number) if self.shared.on_card.load(Ordering::Relaxed) => Device::Cuda(number),
            _ => Device::Cpu,
        }
    }

    /// The arithmetic that it runs in at the moment.
    pub fn precision(&self) -> Precision {
        if self.shared.in_int8.load(Ordering::Relaxed) { Precision::Int8 } else { Precision::Float32 }
    }

    /// The length of the known picture's feature vector that the bundle states of 8 bits, while it runs in these.
    pub fn int8_norm(&self) -> Option<f32> {
        let int8 = self.shared.manifest.backbone.int8.as_ref()?;
        (self.precision() == Precision::Int8).then_some(int8.features_norm)
    }

    /// How many numbers each of the manifest's outputs has, in their order; `None` where the backbone does not fix it.
    pub fn widths(&self) -> &[Option<usize>] {
        self.shared.widths.get().map_or(&[], Vec::as_slice)
    }

    /// How many runs have ended.
    pub fn runs(&self) -> u64 {
        self.shared.runs.load(Ordering::Relaxed)
    }

    /// How long a picture that is put into the queue now will be there and in a session, as far as can be told: by how many are before it,
    /// and what pictures took of late.
    pub fn wait(&self) -> Duration {
        let sessions = if self.shared.on_card.load(Ordering::Relaxed) { 1 } else { self.shared.placement.sessions.max(1) };
        let turns = self.queue.len() / sessions + 1;
        Duration::from_nanos(self.shared.picture_time.load(Ordering::Relaxed).saturating_mul(turns as u64))
    }

    /// Puts a picture into the queue, sized for each view: RGB, 8 bits a channel, rows from the top. `head` is asked about its features.
    /// Waits while the queue is full.
    ///
    /// # Errors
    /// If the pixels are not of the views' sizes, or the queue is still full at `until`.
    pub fn submit(&self, views: Vec<Vec<u8>>, head: Option<Arc<LoadedHead>>, until: Instant) -> Result<Ticket, Failure> {
        let expected = self.shared.manifest.view.iter().map(|view| view.width as usize * view.height as usize * 3);
        if !expected.eq(views.iter().map(Vec::len)) {
            return Err(Failure::Net("the views take other pixels".to_owned()));
        }
        let (job, ticket) = Job::new(views, head, until);
        let sent = self.queue.send_deadline(job, until).map_err(|error| match error {
            SendTimeoutError::Timeout(_) => Failure::Late,
            SendTimeoutError::Disconnected(_) => Failure::Net("the net's threads have ended".to_owned()),
        });
        gauge!("imagespam_milter_pictures_waiting").set(self.queue.len() as f64);
        sent.map(|()| ticket)
    }
}

fn spawn(what: &str, work: impl FnOnce() + Send + 'static) -> Result<(), ModelError> {
    let thread = thread::Builder::new().name(format!("net-{what}"));
    thread.spawn(work).map(|_| ()).map_err(|error| ModelError::Inference(format!("can't start a thread for it: {error}")))
}

impl Shared {
    fn graphs(&self) -> MutexGuard<'_, Graphs> {
        self.graphs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session on the card, if one is wanted and can be used.
    fn card(&self) -> Option<Session> {
        let number = self.placement.card()?;
        let asked = self.placement.device != Device::Auto;
        let built_in = <ep::CUDA as ep::ExecutionProvider>::is_available().unwrap_or(false);
        if !built_in && !asked {
            return None;
        }
        match self.card_session(number) {
            Ok(session) => Some(session),
            Err(error) if asked => {
                let library = self.runtime.library().display();
                tracing::error!(
                    "model.device: cuda:{number} can't be used ({error}; library {library}): going on with the processor"
                );
                None
            }
            Err(error) => {
                tracing::info!("no graphics card is used: {error}");
                None
            }
        }
    }

    fn session(&self, target: Target) -> Result<Session, ModelError> {
        let mut builder = self.runtime.session_builder()?;
        if let Target::Card(number) = target {
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            // Without TF32, whose 10 bits of mantissa move scores by up to 0.005.
            let card = ep::CUDA::default().with_device_id(number).with_tf32(false);
            let card = card.with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic);
            builder = builder.with_execution_providers([card.build().error_on_failure()])?;
        }
        let session = builder.commit_from_memory(self.graphs().bytes(target))?;
        self.check(&session)?;
        Ok(session)
    }

    /// A session on a card that has run once with each number of pictures.
    fn card_session(&self, number: u32) -> Result<Session, ModelError> {
        let mut session = self.session(Target::Card(number))?;
        for rows in CARD_BATCHES {
            self.forward(&mut session, &[], rows)?;
        }
        Ok(session)
    }

    /// Checks that the named input and outputs exist.
    fn check(&self, session: &Session) -> Result<(), ModelError> {
        let backbone = &self.manifest.backbone;
        if !session.inputs().iter().any(|input| input.name() == backbone.input) {
            return Err(self.manifest.mismatch(format!("{} has no input \"{}\"", backbone.file, backbone.input)));
        }
        match backbone.outputs.iter().find(|name| !session.outputs().iter().any(|o| o.name() == **name)) {
            Some(missing) => Err(self.manifest.mismatch(format!("{} has no output \"{missing}\"", backbone.file))),
            None => {
                let width = |name: &String| {
                    let output = session.outputs().iter().find(|output| output.name() == name)?;
                    usize::try_from(*output.dtype().tensor_shape()?.last()?).ok()
                };
                self.widths.get_or_init(|| backbone.outputs.iter().map(width).collect());
                Ok(())
            }
        }
    }

    /// What sessions on the processor are made for.
    fn processor(&self) -> Target {
        if self.in_int8.load(Ordering::Relaxed) { Target::Int8 } else { Target::Float32 }
    }

    /// A session in 8 bits, if one is wanted and gives the known features here. That it does not is an error where it was asked for by
    /// name.
    fn int8_session(&self) -> Result<Option<Session>, ModelError> {
        let wanted = int8_wanted(&self.manifest, self.placement.precision).map_err(|problem| self.manifest.mismatch(problem))?;
        let Some(int8) = wanted else { return Ok(None) };
        let known = known_picture();
        let sized: Vec<_> = self.manifest.view.iter().filter_map(|view| view.sized(&known)).map(Picture::into_raw).collect();
        let tried = self.session(Target::Int8).and_then(|mut session| {
            let norm = norm(&self.forward(&mut session, &[&sized], 1)?.concat());
            if norm_fits(norm, int8.features_norm) {
                return Ok(session);
            }
            let stated = int8.features_norm;
            Err(self.manifest.mismatch(format!(
                "on this processor the backbone in 8 bits gives features of length {norm}, but model.toml states {stated}"
            )))
        });
        match tried {
            Err(error) if self.placement.precision != Precision::Int8 => {
                tracing::warn!("model.precision: int8 is not used: {error}");
                Ok(None)
            }
            tried => tried.map(Some),
        }
    }

    fn serve_by_processor(self: Arc<Self>, jobs: &Receiver<Job>) -> Result<(), ModelError> {
        let mut tried = self.int8_session()?;
        self.in_int8.store(tried.is_some(), Ordering::Relaxed);
        let sessions = self.placement.sessions.max(1);
        for number in 0..sessions {
            let mut session = tried.take().map_or_else(|| self.session(self.processor()), Ok)?;
            let (shared, jobs) = (self.clone(), jobs.clone());
            spawn(&number.to_string(), move || {
                for job in &jobs {
                    for job in due(vec![job], &jobs) {
                        let features = shared.run(&mut session, std::slice::from_ref(&job));
                        shared.held.add(vec![job], features);
                    }
                    shared.held.settle(jobs.len(), sessions);
                }
            })?;
        }
        Ok(())
    }

    /// Until the card fails; then the processor takes its place for good.
    fn serve_by_card(self: Arc<Self>, mut session: Session, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let wait = Instant::now() + CARD_WAIT;
            let others = std::iter::from_fn(|| jobs.recv_deadline(wait).ok()).take(MOST - 1);
            let batch = due(std::iter::once(first).chain(others).collect(), jobs);
            if batch.is_empty() {
                continue;
            }
            match self.run(&mut session, &batch) {
                Ok(features) => {
                    self.held.add(batch, Ok(features));
                    self.held.settle_now();
                }
                Err(error) => {
                    tracing::error!("the graphics card fails ({error}): going on with the processor, until the next start");
                    drop(session);
                    self.on_card.store(false, Ordering::Relaxed);
                    if let Err(error) = self.clone().serve_by_processor(jobs) {
                        tracing::error!("the net can't go on with the processor: {error}");
                    }
                    return self.run_again(batch);
                }
            }
        }
    }

    /// What the card had taken and not done.
    fn run_again(&self, batch: Vec<Job>) {
        let mut session = self.session(self.processor());
        for job in batch {
            let features = match &mut session {
                Ok(session) => self.run(session, std::slice::from_ref(&job)),
                Err(error) => Err(ModelError::Inference(error.to_string())),
            };
            self.held.add(vec![job], features);
        }
        self.held.settle_now();
    }

    /// The feature vectors of at most [`MOST`] pictures, counted.
    fn run(&self, session: &mut Session, batch: &[Job]) -> Result<Vec<Vec<f32>>, ModelError> {
        let started = Instant::now();
        let rows = CARD_BATCHES.into_iter().find(|rows| *rows >= batch.len()).unwrap_or(MOST);
        let pictures: Vec<_> = batch.iter().map(|job| job.views.as_slice()).collect();
        let features = self.forward(session, &pictures, rows)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        // A mean that forgets: an eighth is of the latest run. That two threads may miss each other's does no harm.
        let took = started.elapsed().as_nanos() as u64 / batch.len().max(1) as u64;
        let before = self.picture_time.load(Ordering::Relaxed);
        self.picture_time.store(if before == 0 { took } else { before - before / 8 + took / 8 }, Ordering::Relaxed);
        counter!("imagespam_milter_batches_total").increment(1);
        counter!("imagespam_milter_batched_pictures_total").increment(batch.len() as u64);
        histogram!("imagespam_milter_stage_seconds", "stage" => "net").record(started.elapsed());
        Ok(features)
    }

    /// The feature vectors of pictures, each sized for each view: of each, for each view, the backbone's outputs one behind the other. The net runs on `rows`
    /// pictures, at least as many as there are: what is missing is of no interest.
    fn forward(&self, session: &mut Session, batch: &[&[Vec<u8>]], rows: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        let backbone = &self.manifest.backbone;
        let mut features = vec![Vec::new(); batch.len()];
        for (number, view) in self.manifest.view.iter().enumerate() {
            let [_, a, b, c] = view.shape();
            let mut input: Vec<f32> = match batch {
                [picture] => view.input(&picture[number]),
                batch => batch.iter().flat_map(|picture| view.input(&picture[number])).collect(),
            };
            input.resize(rows * a * b * c, 0.0);
            let tensor = TensorRef::from_array_view(([rows, a, b, c], input.as_slice()))?;
            let outputs = session.run(ort::inputs![backbone.input.as_str() => tensor])?;
            for name in &backbone.outputs {
                let numbers = outputs[name.as_str()].try_extract_tensor::<f32>()?.1;
                if numbers.iter().any(|number| !number.is_finite()) {
                    return Err(self.manifest.mismatch("the net gives features that are no numbers"));
                }
                for (features, numbers) in features.iter_mut().zip(numbers.chunks((numbers.len() / rows).max(1))) {
                    features.extend_from_slice(numbers);
                }
            }
        }
        Ok(features)
    }
}

/// Those of `batch` that somebody still waits for, and in time.
fn due(mut batch: Vec<Job>, jobs: &Receiver<Job>) -> Vec<Job> {
    gauge!("imagespam_milter_pictures_waiting").set(jobs.len() as f64);
    batch.retain(|job| {
        histogram!("imagespam_milter_stage_seconds", "stage" => "net_queue").record(job.since.elapsed());
        let due = job.is_due();
        if !due {
            counter!("imagespam_milter_pictures_dropped_total").increment(1);
        }
        due
    });
    batch
}
