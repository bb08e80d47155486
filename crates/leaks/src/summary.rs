//! What is printed.

use twinset_stage::printable_line;

use crate::numerals::{level, percent};
use crate::sentences;
use crate::{Accuracy, Analysis};

/// The findings as text for a terminal; it ends in a line end. `without_twins` is the command that makes a training set without the twins.
pub fn text(analysis: &Analysis, without_twins: &str) -> String {
    let mut lines = vec![sentences::leaked(analysis), String::new()];
    lines.extend(table(analysis));
    lines.push(String::new());
    lines.push(format!(
        "Differences are in points, with {} intervals. The two accuracies share images, and the intervals take that into account.",
        level(analysis.confidence)
    ));
    if analysis.n_leaked > 0 {
        lines.push(format!("{} The training images without the twins:", sentences::CONFOUND));
        lines.push(format!("  {}", printable_line(without_twins)));
    }
    if analysis.models.len() > 1 {
        lines.push(String::new());
        lines.push(sentences::ranking(analysis));
        lines.extend(analysis.reversals.iter().map(|of| format!("  {}", printable_line(&sentences::reversal(of)))));
    }
    lines.push(String::new());
    for model in &analysis.models {
        let (name, read) = (printable_line(&model.name), &model.read);
        let predicted = read.predicted_column.as_ref().map(|column| format!(", predicted class by column `{column}`"));
        let label = read.label_column.as_ref().map(|column| format!(", labels of column `{column}` agree"));
        let [predicted, label] = [predicted, label].map(Option::unwrap_or_default);
        let line = format!("{name}: {}, images by {}{predicted}{label}", read.format, read.images_by);
        lines.push(printable_line(&line).into_owned());
    }
    lines.join("\n") + "\n"
}

/// A line for each model, the best as reported first.
fn table(analysis: &Analysis) -> Vec<String> {
    let share =
        |accuracy: Accuracy| accuracy.accuracy.map_or("–".to_owned(), |share| format!("{} %", percent(share)));
    let header = ["model", "reported", "without twins", "difference", "on leaked"].map(str::to_owned);
    let mut rows = vec![header];
    for ranked in &analysis.ranking.0 {
        let model = &analysis.models[ranked.model];
        let difference = model.overstatement.map_or("–".to_owned(), crate::numerals::difference);
        let name = printable_line(&model.name).into_owned();
        rows.push([name, share(model.reported), share(model.without_twin), difference, share(model.leaked)]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
