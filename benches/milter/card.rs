//! The net on a graphics card, where there is one.

use std::{net::TcpStream, path::Path, sync::Arc};

use crate::{
    FORGETFUL,
    bare::Bare,
    common::{
        free_port,
        http::{get, value},
    },
    cores,
    load::{self, Frames},
    row, runtime, spread,
    steady::daemon,
};

const ROUNDS: usize = 5;
const PICTURES: usize = 600;
/// Of ONNX Runtime by itself: runs, and pictures in each.
const RUNS: usize = 20;
const BATCHES: [usize; 4] = [1, 4, 16, 32];

pub fn card(folder: &Path) {
    let pictures = load::pictures(folder, PICTURES);
    let messages = Arc::new(pictures.iter().map(|picture| Frames::of(&load::message(picture))).collect::<Vec<_>>());
    let port = free_port();
    let listen = format!("api.listen=\"127.0.0.1:{port}\"");
    let on_card = daemon(&[&FORGETFUL[..], &["model.device=\"cuda:0\"", listen.as_str()]].concat());
    if !on_card.log().contains(" device=cuda:0 ") {
        return println!("skipped: no graphics card, or no ONNX Runtime for one");
    }
    let on_processor = daemon(&[&FORGETFUL[..], &["model.device=\"cpu\""]].concat());
    let runtime = runtime();
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [card, processor] =
            [&on_card, &on_processor].map(|daemon| runtime.block_on(load::all(&daemon.socket(), &messages, 8 * cores())).0);
        rates.push(pictures.len() as f64 / card);
        ratios.push(processor / card);
    }
    row("pictures a second through the socket, on the card", &spread(&rates, 0), "");
    row(&format!("the same against {} cores", cores()), &spread(&ratios, 2), "");
    let (_, metrics) = get(TcpStream::connect(("127.0.0.1", port)).expect("connect"), "GET /metrics");
    let [pictures, runs] =
        ["batched_pictures", "batches"].map(|what| value(&metrics, &format!("imagespam_milter_{what}_total ")));
    row("pictures in a run of the card, on average", &format!("{:.1}", pictures / runs), "");
    let mut bare = Bare::on_card();
    bare.batches(2, 1);
    let one = bare.batches(RUNS, 1);
    for batch in BATCHES {
        bare.batches(2, batch);
        let ratios: Vec<f64> = (0..ROUNDS).map(|_| one * batch as f64 / bare.batches(RUNS, batch)).collect();
        row(
            &format!("ONNX Runtime alone on the card: pictures a second in batches of {batch}, against one by one"),
            &spread(&ratios, 2),
            "",
        );
    }
}
