//! An evaluation as tables of text.

use comfy_table::{CellAlignment, Table, presets};

use crate::training::evaluate::Evaluation;

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(head.iter().copied());
    table
}

fn aligned(mut table: Table) -> Table {
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if index == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// The whole evaluation, in Markdown's notation of tables.
pub fn text(evaluation: &Evaluation) -> String {
    let report = &evaluation.classification;
    let mut classes = table(&["class", "precision", "recall", "F1", "pictures"]);
    for class in &report.classes {
        let number = |value: f64| format!("{value:.4}");
        classes.add_row([
            class.class.clone(),
            number(class.precision),
            number(class.recall),
            number(class.f1),
            class.support.to_string(),
        ]);
    }
    let names = report.classes.iter().map(|class| class.class.as_str());
    let mut confusion = table(&["truth, said"].into_iter().chain(names.clone()).collect::<Vec<_>>());
    for (name, row) in names.zip(&report.confusion) {
        confusion.add_row([name.to_owned()].into_iter().chain(row.iter().map(usize::to_string)));
    }
    let mut recall = table(&["false alarms allowed", "threshold on 1 - p(ham)", "recall", "false alarms"]);
    for at in &evaluation.binary.recall_at {
        let note = if at.enough_ham { "" } else { " (too little ham to tell)" };
        let allowed = format!("{} %{note}", 100.0 * at.allowed);
        recall.add_row([allowed, format!("{:.5}", at.threshold), at.recall.to_string(), at.false_positives.to_string()]);
    }
    let mut sources = table(&["source", "class", "pictures", "1 - p(ham) >= 0.5", "at tag", "at reject"]);
    for source in &evaluation.sources {
        sources.add_row([
            source.source.clone(),
            source.class.clone(),
            source.at_tag.total.to_string(),
            source.over_half.to_string(),
            source.at_tag.to_string(),
            source.at_reject.map_or("-".to_owned(), |rate| rate.to_string()),
        ]);
    }
    let mut mistakes = table(&["mistake", "class", "1 - p(ham)", "tagged"]);
    for mistake in &evaluation.mistakes {
        let tagged = if mistake.tagged { "yes" } else { "no" };
        mistakes.add_row([mistake.name.clone(), mistake.class.clone(), format!("{:.4}", mistake.score), tagged.to_owned()]);
    }
    let ham = evaluation.ham_sources.map_or(String::new(), |ham| {
        let (mean, worst) = (100.0 * ham.mean, 100.0 * ham.worst);
        format!("false alarms at tag: mean of {} ham sources {mean:.3} %, worst {worst:.2} %\n", ham.sources)
    });
    let calibration = &evaluation.calibration;
    format!(
        "model {}\naccuracy {:.4}, weighted F1 {:.4}, area under ROC {:.4}, average precision {:.4}\ncalibration error {:.4}, Brier {:.4}\n{ham}\n\
         {}\n\n{}\n\n{}\n\n{}\n\n{}\n",
        evaluation.model,
        report.accuracy,
        report.weighted_f1,
        evaluation.binary.roc_area,
        evaluation.binary.pr_area,
        calibration.error,
        calibration.brier,
        aligned(classes),
        aligned(confusion),
        aligned(recall),
        aligned(sources),
        aligned(mistakes),
    )
}
