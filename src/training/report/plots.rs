//! Curves as SVG.

use plotters::{
    coord::{Shift, ranged1d::ValueFormatter},
    prelude::*,
};

use crate::training::{TrainingError, evaluate::Evaluation};

const SIZE: (u32, u32) = (380, 320);
/// The smallest rate of false alarms that the logarithmic axis shows.
const LEAST_RATE: f64 = 1e-4;

fn failed(error: impl std::fmt::Display) -> TrainingError {
    TrainingError::Numbers(format!("the plot can't be drawn: {error}"))
}

/// Recall over the rate of false alarms, the latter logarithmic: what happens at strict thresholds is what matters.
pub fn roc(evaluation: &Evaluation) -> Result<String, TrainingError> {
    let points = evaluation.binary.curve.iter().map(|point| (point.false_positive_rate.max(LEAST_RATE), point.recall)).collect();
    draw("Recall over false alarms", ("false alarms", "recall"), (LEAST_RATE..1.0).log_scale(), points, None)
}

/// Precision over recall.
pub fn precision_recall(evaluation: &Evaluation) -> Result<String, TrainingError> {
    let points = evaluation.binary.curve.iter().map(|point| (point.recall, point.precision)).collect();
    draw("Precision over recall", ("recall", "precision"), 0.0..1.0, points, None)
}

/// Frequency of not-ham over the score; a perfect model lies on the diagonal.
pub fn calibration(evaluation: &Evaluation) -> Result<String, TrainingError> {
    let points = evaluation.calibration.bins.iter().map(|bin| (bin.score, bin.frequency)).collect();
    draw("Calibration", ("1 - p(ham)", "share that is not ham"), 0.0..1.0, points, Some(vec![(0.0, 0.0), (1.0, 1.0)]))
}

/// Title, margins and room for labels, alike in all plots.
fn frame<'a, 'b>(area: &'a DrawingArea<SVGBackend<'b>, Shift>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, ("sans-serif", 15)).margin(10).x_label_area_size(38).y_label_area_size(46);
    builder
}

/// Stacked bars, one for each place, in one colour a series.
pub fn bars(
    title: &str,
    (x, y): (&str, &str),
    series: &[(&str, Vec<u64>)],
    place: impl Fn(usize) -> String,
) -> Result<String, TrainingError> {
    const COLOURS: [RGBColor; 3] = [RGBColor(46, 125, 50), RGBColor(198, 40, 40), RGBColor(249, 168, 37)];
    let places = series.first().map_or(0, |(_, counts)| counts.len());
    let highest = (0..places).map(|at| series.iter().map(|(_, counts)| counts[at]).sum::<u64>()).max().unwrap_or(0).max(1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (2 * SIZE.0, SIZE.1)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = frame(&area, title)
            .build_cartesian_2d((0..places.max(1)).into_segmented(), 0..highest + highest.div_ceil(10))
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(10)
            .y_labels(6)
            .x_desc(x)
            .y_desc(y)
            .x_label_formatter(&|at| match at {
                SegmentValue::CenterOf(at) | SegmentValue::Exact(at) if *at < places => place(*at),
                // The axis has a place more than there are bars: the end of its range belongs to it.
                _ => String::new(),
            })
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.1))
            .draw()
            .map_err(failed)?;
        let mut below = vec![0u64; places];
        for (number, (name, counts)) in series.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let bar = |(at, count): (usize, &u64)| {
                let corners = [(SegmentValue::Exact(at), below[at]), (SegmentValue::Exact(at + 1), below[at] + count)];
                let mut bar = Rectangle::new(corners, colour.filled());
                bar.set_margin(0, 0, 1, 1);
                bar
            };
            let bars: Vec<_> = counts.iter().enumerate().map(bar).collect();
            let drawn = chart.draw_series(bars).map_err(failed)?;
            drawn.label(*name).legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
            below.iter_mut().zip(counts).for_each(|(below, count)| *below += count);
        }
        if series.len() > 1 {
            let place = SeriesLabelPosition::UpperLeft;
            chart
                .configure_series_labels()
                .position(place)
                .background_style(WHITE.mix(0.8))
                .border_style(TRANSPARENT)
                .draw()
                .map_err(failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn draw<X>(
    title: &str,
    (x, y): (&str, &str),
    range: X,
    points: Vec<(f64, f64)>,
    guide: Option<Vec<(f64, f64)>>,
) -> Result<String, TrainingError>
where
    X: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
{
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = frame(&area, title).build_cartesian_2d(range, 0.0..1.0).map_err(failed)?;
        chart
            .configure_mesh()
            .x_labels(5)
            .y_labels(6)
            .x_desc(x)
            .y_desc(y)
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.1))
            .draw()
            .map_err(failed)?;
        if let Some(guide) = guide {
            chart.draw_series(LineSeries::new(guide, BLACK.mix(0.3))).map_err(failed)?;
            let dots = points.iter().map(|point| Circle::new(*point, 3, RGBColor(21, 101, 192).filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
        chart.draw_series(LineSeries::new(points, RGBColor(21, 101, 192).stroke_width(2))).map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}
