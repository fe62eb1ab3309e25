//! Every seed of the fuzz targets, and every input that has once been found to fail, is taken apart without a panic and in
//! no time.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::{fs, path::Path, time::Instant};

#[test]
fn no_seed_of_a_fuzz_target_panics_or_runs_on() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    // Panics are caught where pictures are decoded: here they count all the same.
    let panics = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = panics.clone();
    std::panic::set_hook(Box::new(move |panic| seen.lock().expect("list").push(panic.to_string())));
    let (mut count, mut failed) = (0, Vec::new());
    for (target, run) in targets::TARGETS {
        for seed in fs::read_dir(seeds.join(target)).expect("seeds").map(|seed| seed.expect("seed").path()) {
            let bytes = fs::read(&seed).expect("seed");
            let started = Instant::now();
            let result = std::panic::catch_unwind(|| run(&bytes));
            let found = std::mem::take(&mut *panics.lock().expect("list"));
            if result.is_err() || !found.is_empty() || started.elapsed().as_secs() > 20 {
                failed.push(format!("{}: {:?} {found:?}", seed.display(), started.elapsed()));
            }
            count += 1;
        }
    }
    let _ = std::panic::take_hook();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(count >= 40, "{count} seeds");
}
