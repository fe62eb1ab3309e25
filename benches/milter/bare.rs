//! What the daemon is held against: ONNX Runtime by itself, and a loop of decoding, resizing and ONNX Runtime.

use std::{sync::atomic::AtomicUsize, sync::atomic::Ordering, time::Instant};

use imagespam_milter::{
    config::{Limits, Precision, Sources, load},
    image,
    model::{Bundle, Runtime, trimmed},
};
use ort::{
    ep,
    session::{Session, builder::GraphOptimizationLevel},
    value::TensorRef,
};

use crate::common::bundle;

/// Sessions of backbone and head.
pub struct Bare {
    bundle: Bundle,
    sessions: Vec<(Session, Session)>,
    limits: Limits,
}

impl Bare {
    /// So many sessions of the backbone of so many threads each.
    pub fn new(sessions: usize, threads: usize, precision: Precision) -> Self {
        Self::with(sessions, threads, precision, Vec::new())
    }

    /// A session on the first graphics card.
    pub fn on_card() -> Self {
        Self::with(1, 1, Precision::Float32, vec![ep::CUDA::default().build().error_on_failure()])
    }

    fn with(sessions: usize, threads: usize, precision: Precision, providers: Vec<ep::ExecutionProviderDispatch>) -> Self {
        let bundle = Bundle::open(&bundle()).expect("bundle");
        let runtime = Runtime::load(None).expect("ONNX Runtime");
        let session = |graph: &[u8], threads: usize, providers: Vec<ep::ExecutionProviderDispatch>| {
            let builder = Session::builder(runtime.environment()).expect("session");
            let builder = builder.with_execution_providers(providers).expect("device");
            let builder = builder.with_optimization_level(GraphOptimizationLevel::All).expect("level");
            builder.with_intra_threads(threads).expect("threads").commit_from_memory(graph).expect("graph")
        };
        let backbone = match precision {
            Precision::Int8 => bundle.int8.as_ref().expect("[backbone.int8]"),
            _ => &bundle.backbone,
        };
        let backbone = trimmed(backbone, &bundle.manifest.backbone.outputs);
        // The head is small, and threads of it that wait for work would take the cores from the backbone's.
        let sessions = (0..sessions)
            .map(|_| (session(&backbone, threads, providers.clone()), session(&bundle.head, 1, Vec::new())))
            .collect();
        Self { bundle, sessions, limits: load(&Sources::default()).expect("defaults").0.limits }
    }

    /// Seconds for all pictures: each decoded, resized, and run.
    pub fn decoded(&mut self, pictures: &[Vec<u8>]) -> f64 {
        let view = self.bundle.manifest.view[0].clone();
        let limits = self.limits.clone();
        self.run(pictures.len(), |number| {
            let (picture, _) = image::decode_reduced(&pictures[number], &limits).ok()?;
            Some(view.input(view.sized(&picture)?.as_raw()))
        })
    }

    /// Seconds for so many pictures that are tensors already.
    pub fn ready(&mut self, count: usize) -> f64 {
        let view = self.bundle.manifest.view[0].clone();
        let tensor = view.input(&vec![100; (view.width * view.height * 3) as usize]);
        self.run(count, |_| Some(tensor.clone()))
    }

    /// Seconds for so many runs of the backbone, each of so many pictures that are tensors already.
    pub fn batches(&mut self, count: usize, pictures: usize) -> f64 {
        let backbone = &self.bundle.manifest.backbone;
        let [_, channels, height, width] = self.bundle.manifest.view[0].shape();
        let input = vec![0.1_f32; pictures * channels * height * width];
        let started = Instant::now();
        for _ in 0..count {
            let tensor = TensorRef::from_array_view(([pictures, channels, height, width], input.as_slice())).expect("tensor");
            let inputs = ort::inputs![backbone.input.as_str() => tensor];
            std::hint::black_box(self.sessions[0].0.run(inputs).expect("run"));
        }
        started.elapsed().as_secs_f64()
    }

    fn run(&mut self, count: usize, input: impl Fn(usize) -> Option<Vec<f32>> + Sync) -> f64 {
        let (manifest, next) = (&self.bundle.manifest, AtomicUsize::new(0));
        let shape = manifest.view[0].shape();
        let started = Instant::now();
        std::thread::scope(|scope| {
            for (backbone, head) in &mut self.sessions {
                let (next, input) = (&next, &input);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            break;
                        }
                        let Some(tensor) = input(number) else { continue };
                        let tensor = TensorRef::from_array_view((shape, tensor.as_slice())).expect("tensor");
                        let outputs = backbone.run(ort::inputs![manifest.backbone.input.as_str() => tensor]).expect("run");
                        let parts = manifest
                            .backbone
                            .outputs
                            .iter()
                            .map(|name| outputs[name.as_str()].try_extract_tensor::<f32>().expect("features").1);
                        let features = parts.flatten().copied().collect::<Vec<f32>>();
                        let tensor = TensorRef::from_array_view(([1, features.len()], features.as_slice())).expect("tensor");
                        std::hint::black_box(head.run(ort::inputs![manifest.head.input.as_str() => tensor]).expect("run"));
                    }
                });
            }
        });
        started.elapsed().as_secs_f64()
    }
}
