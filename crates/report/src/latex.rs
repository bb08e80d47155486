//! Tables as LaTeX, for papers: `booktabs`, one `tabular` a file.

use twinset_chart::short;
use twinset_manifest::rows::{ClaimRow, Split};

use crate::files::File;
use crate::names::Names;
use crate::numerals::{percent, points};
use crate::published::Repeated;
use crate::results::{Measure, Results};
use crate::statistics::Interval;

/// All tables of a report.
pub(crate) fn tables(
    results: &Results<'_>,
    names: &Names<'_>,
    claims: &[ClaimRow],
    published: &[Repeated<'_>],
) -> Vec<File> {
    let accuracy = results.splits().into_iter().map(|split| accuracy(results, names, split));
    let mut files: Vec<File> = accuracy.collect();
    if !claims.is_empty() {
        files.push(verdicts(claims));
    }
    if !published.is_empty() {
        files.push(published_table(published, names));
    }
    files
}

fn accuracy(results: &Results<'_>, names: &Names<'_>, split: Split) -> File {
    let measures = results.measures_on(split);
    let mut header = vec!["arm".to_owned(), "rate".to_owned(), "seeds".to_owned()];
    header.extend(measures.iter().map(|measure| escaped(&names.measure(measure))));
    let mut rows = Vec::new();
    for arm in &results.arms {
        for rate in &arm.rates {
            let value = |measure: &&Measure| {
                let Some(accuracy) = rate.accuracy(measure, None, results.confidence) else { return String::new() };
                with_interval(accuracy.mean.mean, accuracy.mean.interval.or(accuracy.wilson))
            };
            let n_seeds = measures.iter().map(|measure| rate.proportions(measure, None).len()).max().unwrap_or(0);
            let mut row = vec![escaped(&arm.arm.name), short(rate.rate), n_seeds.to_string()];
            row.extend(measures.iter().map(value));
            rows.push(row);
        }
    }
    let note = "Accuracy in %: mean over seeds [t interval; Wilson's over images where there is one seed].";
    table(&format!("accuracy-{split}"), note, &header, &rows)
}

fn verdicts(claims: &[ClaimRow]) -> File {
    let header = ["claim", "family", "seeds", "difference", "interval", "$p$ (Holm)", "verdict"].map(str::to_owned);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let row = |claim: &ClaimRow| {
        let interval = claim.interval_low.zip(claim.interval_high);
        vec![
            escaped(&claim.name),
            escaped(&claim.family),
            claim.n_seeds.to_string(),
            claim.difference.map_or_else(String::new, |difference| math(&points(difference))),
            interval
                .map_or_else(String::new, |(low, high)| format!("[{}, {}]", math(&points(low)), math(&points(high)))),
            number(claim.p_adjusted),
            claim.verdict.to_string(),
        ]
    };
    let rows: Vec<_> = claims.iter().map(row).collect();
    table(
        "verdicts",
        "Differences in percentage points, paired by seed, with intervals adjusted to the number of claims in the family.",
        &header,
        &rows,
    )
}

fn published_table(published: &[Repeated<'_>], names: &Names<'_>) -> File {
    let header = ["arm", "measure", "rate", "published", "ours", "difference"].map(str::to_owned);
    let mut rows = Vec::new();
    for repeated in published {
        for level in &repeated.levels {
            let interval = |level: &crate::published::Level| level.ours.and_then(|ours| ours.interval).or(level.wilson);
            rows.push(vec![
                escaped(&repeated.arm.arm.name),
                escaped(&format!("{} ({})", names.measure(&repeated.measure), repeated.measure.split)),
                short(level.rate),
                level.published.map_or_else(String::new, percent),
                level.ours.map_or_else(String::new, |ours| with_interval(ours.mean, interval(level))),
                level.difference().map_or_else(String::new, |difference| math(&points(difference))),
            ]);
        }
    }
    table("published", "Accuracy in %; ours: mean over seeds.", &header, &rows)
}

fn with_interval(value: f64, interval: Option<Interval>) -> String {
    let value = percent(value);
    interval.map_or(value.clone(), |Interval { low, high }| format!("{value} [{}, {}]", percent(low), percent(high)))
}

/// A table of cells that are LaTeX already.
fn table(id: &str, note: &str, header: &[String], rows: &[Vec<String>]) -> File {
    let columns: String = header.iter().enumerate().map(|(i, _)| if i == 0 { 'l' } else { 'r' }).collect();
    let mut text =
        format!("% {note}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{} \\\\\n\\midrule\n", header.join(" & "));
    for row in rows {
        text.push_str(&format!("{} \\\\\n", row.join(" & ")));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n");
    File { path: format!("tables/{id}.tex"), text }
}

/// A number with a typographic minus sign, in mathematics.
fn math(number: &str) -> String {
    format!("${}$", number.replace('\u{2212}', "-"))
}

/// Text in which nothing is a command.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\u{3b5}' => escaped.push_str("$\\varepsilon$"),
            '\u{a0}' => escaped.push('~'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_table_is_a_command() {
        assert_eq!(
            escaped("50 % & a_b \\ \u{3b5}\u{a0}=\u{a0}8/255"),
            "50 \\% \\& a\\_b \\textbackslash{} $\\varepsilon$~=~8/255"
        );
        assert_eq!(math("\u{2212}1.2"), "$-1.2$");
        let table = table("t", "Note.", &["a".to_owned(), "b".to_owned()], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(table.path, "tables/t.tex");
        assert_eq!(
            table.text,
            "% Note.\n\\begin{tabular}{lr}\n\\toprule\na & b \\\\\n\\midrule\n1 & 2 \\\\\n\\bottomrule\n\\end{tabular}\n"
        );
    }
}
