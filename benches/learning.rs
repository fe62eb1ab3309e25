//! What users' reports are worth, and what liars among them can do: simulated users, real feature vectors.
//! cargo bench --bench learning -- attacks
//! cargo bench --bench learning -- curve VECTORS.parquet SOURCE [EVERY]
//! cargo bench --bench learning -- near VECTORS.parquet VARIANTS.parquet
//! VECTORS are those of `imagespam-milter dataset features`. SOURCE (the start of a source's name, such as "ish") is the kind of spam
//! that the base set lacks; half of it is reported, the other half tested on. So are ham sources: by a digest of their names,
//! some are reported from, some only tested on. VARIANTS: of the pictures that benches/variants.py makes. EVERY: take every so-manieth vector of the base set only.

use std::{collections::BTreeMap, path::Path, time::Instant};

use imagespam_milter::{
    config::{Learn, Quorum, Settings, Sources, load},
    feedback::{Near, Opinion, Person, Reaction, Trust, Vote, opinion},
    model::Thresholds,
    training::{
        Watch,
        base::BaseSet,
        calibration::named_scores,
        examples::Examples,
        groups,
        learn::{Candidate, Lesson, belief},
        promotion::{Figures, judged},
    },
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

fn defaults() -> Settings {
    load(&Sources::default()).expect("defaults").0
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["attacks"] => attacks(),
        ["near", vectors, variants] => near(Path::new(vectors), Path::new(variants)),
        ["curve", vectors, source] => curve(Path::new(vectors), source, 1),
        ["curve", vectors, source, every] => curve(Path::new(vectors), source, every.parse().expect("a number")),
        // `cargo test --all-targets` runs benchmarks without arguments.
        _ => println!("usage: see the head of benches/learning.rs"),
    }
}

/// Users of a site.
struct Users {
    random: ChaCha8Rng,
    /// How likely each names the true class of a picture.
    right: Vec<f64>,
}

impl Users {
    /// As `NoiseModel` has them, but each user stays the same; `liars`: a share that clicks at random.
    fn new(count: usize, liars: f64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let right = (0..count).map(|number| match random.random::<f64>() {
            _ if (number as f64) < liars * count as f64 => 1.0 / 3.0,
            draw if draw < 0.7 => 0.96,
            draw if draw < 0.95 => 0.8,
            _ => 1.0 / 3.0,
        });
        let right = right.collect();
        Self { random, right }
    }

    /// Reactions of so many different users to a picture of a class.
    fn votes(&mut self, class: usize, users: usize) -> Vec<Vote> {
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < users.min(self.right.len()) {
            let user = self.random.random_range(0..self.right.len());
            if !chosen.contains(&user) {
                chosen.push(user);
            }
        }
        chosen.into_iter().map(|user| self.vote(user, class)).collect()
    }

    fn vote(&mut self, user: usize, class: usize) -> Vote {
        let named = if self.random.random_bool(self.right[user]) { class } else { (class + self.random.random_range(1..3)) % 3 };
        cast(user, [Reaction::UnmarkSpam, Reaction::MarkSpam, Reaction::MarkAd][named])
    }

    /// The published law: P(more than k users) = 1 / (k + 1).
    fn count(&mut self) -> usize {
        ((1.0 / (1.0 - self.random.random::<f64>())) as usize).clamp(1, 50)
    }
}

fn person(user: usize) -> Person {
    Sha256::digest(user.to_le_bytes()).into()
}

fn cast(user: usize, reaction: Reaction) -> Vote {
    Vote { person: person(user), reaction, at: 1 }
}

/// The published consistency rule: every user alike, anybody suffices.
fn published(consistency: f64) -> Quorum {
    Quorum { min_users: 1, min_weight: 0.0, min_consistency: consistency }
}

fn says(votes: &[Vote], trust: &Trust, quorum: &Quorum) -> Option<Opinion> {
    opinion(votes, trust).filter(|opinion| opinion.reaches(quorum))
}

fn attacks() {
    let Settings { campaign, learn, .. } = defaults();
    println!("Verdicts on the next user's mail, by reports alone. 200 users, 400 campaigns with 1 to 50 reports each.\n");
    println!("| attack | rule | campaigns decided | of these wrong | ham called spam |\n|---|---|---:|---:|---:|");
    for liars in [0.0, 0.1, 0.3] {
        let mut users = Users::new(200, liars, 1);
        let campaigns: Vec<(usize, Vec<Vote>)> = (0..400)
            .map(|number| {
                let (class, count) = (number % 2, users.count());
                (class, users.votes(class, count))
            })
            .collect();
        let trust = Trust::of(campaigns.iter().map(|(_, votes)| votes.as_slice()));
        let alike = Trust::default();
        let rules = [
            ("published, > 0 users, consistency 0.75", &alike, published(0.75)),
            ("published, > 2 users, consistency 0.75", &alike, Quorum { min_users: 3, ..published(0.75) }),
            ("campaign defaults", &trust, campaign.quorum),
        ];
        for (rule, trust, quorum) in rules {
            let said = campaigns.iter().filter_map(|(class, votes)| Some((*class, says(votes, trust, &quorum)?.class)));
            let (mut decided, mut wrong, mut alarms) = (0, 0, 0);
            for (class, said) in said {
                decided += 1;
                wrong += u32::from(class != said);
                alarms += u32::from(class == 0 && said == 1);
            }
            println!("| {:.0} % of users click at random | {rule} | {decided} | {wrong} | {alarms} |", 100.0 * liars);
        }
    }
    println!(
        "\nA ring, and those who object (users of good standing: weight 1). Verdict of the campaign defaults; published rule, > 2 users, 0.75.\n"
    );
    println!("| who | says | against | who object | campaign defaults | published |\n|---|---|---|---:|---|---|");
    let mut users = Users::new(200, 0.0, 2);
    let mut history: Vec<Vec<Vote>> = (0..400).map(|number| users.votes(number % 2, 6)).collect();
    // Seasoned members have reported true spam before, as others did.
    for campaign in history.iter_mut().filter(|_| true).step_by(4).skip(1) {
        let class = opinion(campaign, &Trust::default()).map_or(0, |opinion| opinion.class);
        let reaction = [Reaction::UnmarkSpam, Reaction::MarkSpam, Reaction::MarkAd][class];
        campaign.extend((2000..2020).map(|member| cast(member, reaction)));
    }
    let trust = Trust::of(history.iter().map(Vec::as_slice));
    let honest: Vec<usize> = (0..200).filter(|user| trust.weight(&person(*user)) > 0.99).collect();
    let cases = [
        ("20 new accounts", 1000, 20, "spam", "a newsletter", Reaction::MarkSpam, Reaction::UnmarkSpam),
        ("20 seasoned accounts", 2000, 20, "spam", "a newsletter", Reaction::MarkSpam, Reaction::UnmarkSpam),
        ("10 accounts of spammers", 3000, 10, "not spam", "their own spam", Reaction::UnmarkSpam, Reaction::MarkSpam),
    ];
    for (who, first, count, says_so, what, theirs, ours) in cases {
        for objecting in [0, 2, 4, 7, 10, 20, 40, 80] {
            let mut votes: Vec<Vote> = (first..first + count).map(|member| cast(member, theirs)).collect();
            votes.extend(honest.iter().take(objecting).map(|user| cast(*user, ours)));
            let tell =
                |opinion: Option<Opinion>| opinion.map_or("none: the net decides", |found| ["ham", "spam", "ad"][found.class]);
            let by_default = tell(says(&votes, &trust, &campaign.quorum));
            let by_rule = tell(says(&votes, &Trust::default(), &Quorum { min_users: 3, ..published(0.75) }));
            println!("| {who} | {says_so} | {what} | {objecting} | {by_default} | {by_rule} |");
        }
    }
    let one: Vec<Vec<Vote>> = (0..10_000).map(|_| vec![cast(5000, Reaction::MarkSpam)]).collect();
    let count = |quorum: &Quorum| one.iter().filter(|votes| says(votes, &Trust::default(), quorum).is_some()).count();
    println!(
        "\nOne user reports 10,000 pictures: feedback.user_daily takes 200 a day; of 10,000 taken, verdicts of others changed: {} by the \
         campaign defaults, pictures learned from: {} by the learn defaults, {} by the published rule with > 0 users.",
        count(&campaign.quorum),
        count(&learn.quorum),
        count(&published(0.75))
    );
}

/// Reported pictures with their classes, how far each is believed, and what [`measured`] says of a head that learned them.
type Trained = (Vec<(usize, usize)>, Vec<f64>, String);

/// A head with its thresholds, and the seconds it took.
struct Head {
    candidate: Candidate,
    thresholds: Thresholds,
    seconds: f64,
}

impl Head {
    fn train(base: &BaseSet, lesson: &Lesson) -> Self {
        let started = Instant::now();
        let candidate = Candidate::train(base, lesson, 42, &Watch::silent()).expect("head");
        let thresholds = named_scores(&candidate.thresholds);
        Self { candidate, thresholds, seconds: started.elapsed().as_secs_f64() }
    }

    /// How many of these it calls something else than ham, as a cell of a table.
    fn flagged(&self, examples: &Examples) -> String {
        let found = self.candidate.probabilities(examples).expect("probabilities");
        let flagged = found.iter().filter(|row| judged(row, &self.thresholds) != 0).count();
        format!("{:.1} % ({flagged} of {})", 100.0 * flagged as f64 / examples.len() as f64, examples.len())
    }
}

/// What a head that learned these reported pictures finds, and whether `learn` would put it in the place of the first one, as cells
/// of a table.
fn measured(
    settings: &Learn,
    base: &BaseSet,
    first: &Head,
    examples: Examples,
    weights: Vec<f64>,
    tested: [&Examples; 2],
) -> String {
    let current = first.candidate.probabilities(&examples).expect("probabilities");
    let lesson = Lesson { latest: vec![0; examples.len()], current, weights, examples };
    let head = Head::train(base, &lesson);
    let in_use = (&first.thresholds, -1);
    let figures = Figures::measure(base, &first.thresholds, &lesson, in_use, &head.candidate, &head.thresholds);
    let used = if lesson.examples.len() < settings.min_pictures {
        "no: too few"
    } else if figures.objection(settings).is_none() {
        "yes"
    } else if figures.objection(&Learn { gain_margin: 0.0, ..settings.clone() }).is_none() {
        "with gain_margin 0"
    } else {
        "no"
    };
    let [lures, office] = tested.map(|examples| head.flagged(examples));
    format!("{lures} | {office} | {used} | {:.0}", head.seconds)
}

fn digest(name: &str) -> u8 {
    Sha256::digest(name)[0]
}

fn curve(path: &Path, target: &str, every: usize) {
    let settings = defaults().learn;
    let watch = Watch::silent();
    let all = Examples::load(path, &["ham", "spam", "ad"].map(str::to_owned), &watch).expect("vectors");
    let top = |row: usize| all.sources[row].split('/').next().unwrap_or_default().to_owned();
    let is_target = |row: usize| all.labels[row] != 0 && all.sources[row].starts_with(target);
    // Of 8 ham sources, 6 are of the base set, 1 is reported from, 1 only tested on.
    let part = |row: usize| if all.labels[row] == 0 { digest(&top(row)) % 8 } else { 2 };
    let rows = 0..all.len();
    let base: Vec<usize> = rows.clone().filter(|row| !is_target(*row) && part(*row) > 1).step_by(every).collect();
    let reported_ham: Vec<usize> = rows.clone().filter(|row| part(*row) == 0).collect();
    let unseen: Vec<usize> = rows.clone().filter(|row| part(*row) == 1).collect();
    let lures = all.select(&rows.filter(|row| is_target(*row)).collect::<Vec<_>>());
    let grouped = groups::near_duplicate_groups(&lures, &watch).expect("groups");
    let half = groups::split(&lures, &grouped, 0.5, 7);
    let sources: std::collections::BTreeSet<_> = unseen.iter().map(|row| top(*row)).collect();
    println!(
        "base {} vectors without \"{target}\"; reported from {} lures and {} ham pictures of other sources; tested on {} lures that share \
         no near-duplicate with them, and {} office pictures of {} sources that nothing else saw\n",
        base.len(),
        half.train.len(),
        reported_ham.len(),
        half.test.len(),
        unseen.len(),
        sources.len()
    );
    let examples = all.select(&base);
    let nothing = vec![vec![0.0; 3]; examples.len()];
    let mut base = BaseSet::new(&examples, &nothing, 42).expect("base set");
    let project = |examples: &Examples| base.projected(examples).expect("vectors");
    let (pool, test) = (project(&lures.select(&half.train)), project(&lures.select(&half.test)));
    let (ham_pool, unseen) = (project(&all.select(&reported_ham)), project(&all.select(&unseen)));
    drop(all);
    let none = Examples::new(base.examples.classes.clone(), base.examples.dimension);
    let first = Head::train(&base, &Lesson { examples: none, weights: Vec::new(), latest: Vec::new(), current: Vec::new() });
    base.out_of_fold.clone_from(&first.candidate.base);
    println!(
        "| reports | users | rule | labelled | recall at tag | false alarms, unseen office | put to use | seconds |\n|---:|---|---|---:|---:|---:|---|---:|"
    );
    println!("| 0 | - | - | 0 | {} | {} | - | {:.0} |", first.flagged(&test), first.flagged(&unseen), first.seconds);
    // Rules that label the same pictures alike make the same head: it is trained once.
    let mut last: Option<Trained> = None;
    let mut run = |reports: usize, liars: f64, rule: &str, quorum: &Quorum, weighted: bool| {
        let mut users = Users::new(200, liars, 3);
        let mut pictures = Examples::new(base.examples.classes.clone(), base.examples.dimension);
        let mut votes: Vec<Vec<Vote>> = Vec::new();
        for number in 0..reports {
            let (from, row) = if number % 2 == 0 { (&pool, number / 2) } else { (&ham_pool, number / 2) };
            // Spread over the whole pool.
            let row = row * 7919 % from.len();
            let class = from.labels[row];
            pictures.push(class, "reports".into(), String::new(), from.hashes[row], from.row(row)).expect("vector");
            let count = users.count();
            votes.push(users.votes(class, count));
        }
        let trust = if weighted { Trust::of(votes.iter().map(Vec::as_slice)) } else { Trust::default() };
        let said: BTreeMap<usize, Opinion> =
            votes.iter().enumerate().filter_map(|(row, votes)| Some((row, says(votes, &trust, quorum)?))).collect();
        let mut examples = pictures.select(&said.keys().copied().collect::<Vec<_>>());
        examples.labels = said.values().map(|opinion| opinion.class).collect();
        // The published method counts every label alike.
        let weights: Vec<f64> = said.values().map(|opinion| if weighted { belief(opinion) } else { 1.0 }).collect();
        let labelled: Vec<(usize, usize)> = said.iter().map(|(row, opinion)| (*row, opinion.class)).collect();
        let known = last.take().filter(|(pictures, beliefs, _)| *pictures == labelled && *beliefs == weights);
        let found = known
            .map_or_else(|| measured(&settings, &base, &first, examples, weights.clone(), [&test, &unseen]), |(.., found)| found);
        println!("| {reports} | {:.0} % random | {rule} | {} | {found} |", 100.0 * liars, labelled.len());
        last = Some((labelled, weights, found));
    };
    for reports in [5, 20, 100, 500] {
        for consistency in [0.0, 0.5, 0.6, 0.75] {
            run(reports, 0.0, &format!("published, consistency {consistency}"), &published(consistency), false);
        }
        run(reports, 0.0, "learn defaults", &settings.quorum, true);
    }
    for liars in [0.1, 0.3] {
        run(500, liars, "published, consistency 0.6", &published(0.6), false);
        run(500, liars, "learn defaults", &settings.quorum, true);
    }
}

/// How many pairs of a lure and a ham picture are taken for near-duplicates, and how many variants of a lure are.
fn near(vectors: &Path, variants: &Path) {
    let load = |path: &Path| Examples::load(path, &["ham", "spam", "ad"].map(str::to_owned), &Watch::silent()).expect("vectors");
    let sketches = |examples: &Examples| -> Vec<Near> {
        (0..examples.len()).map(|row| Near::new(examples.hashes[row].unwrap_or(0), examples.row(row))).collect()
    };
    let all = load(vectors);
    let known = sketches(&all);
    let (ham, lures): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|row| all.labels[*row] == 0);
    for (name, drawn) in [("all ham", true), ("ham that was not drawn for training", false)] {
        let ham: Vec<usize> = ham.iter().copied().filter(|row| drawn || !all.names[*row].contains("/drawn/")).collect();
        let matches = |lure: &usize| ham.iter().filter(|row| known[*lure].is(&known[**row])).count();
        let found: usize = lures.iter().map(matches).sum();
        let pairs = ham.len() as f64 * lures.len() as f64 / 1e6;
        println!(
            "{name}: {found} of {pairs:.1} million pairs of a lure and a ham picture ({:.2} in a million)",
            found as f64 / pairs
        );
    }
    let variants = load(variants);
    let sketch = sketches(&variants);
    let stem = |row: usize| Path::new(&variants.names[row]).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let rows: BTreeMap<String, usize> = (0..variants.len()).map(|row| (stem(row), row)).collect();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (name, row) in &rows {
        let Some((number, kind)) = name.split_once('_').filter(|(_, kind)| *kind != "original") else { continue };
        let Some(original) = rows.get(&format!("{number}_original")) else { continue };
        let (known, total) = counts.entry(kind).or_default();
        *total += 1;
        *known += usize::from(sketch[*original].is(&sketch[*row]));
    }
    for (kind, (known, total)) in counts {
        println!("{kind}: {known} of {total} variants known");
    }
}
