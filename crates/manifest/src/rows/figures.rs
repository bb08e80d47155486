//! The report's figures as numbers.

use crate::row::row;

row! {
    /// A point of a figure of the report.
    pub struct FigurePoint = "figure-points/1", row_group_rows = 65536 {
        /// The figure; its files are called `figures/<figure>-<panel>.svg` and `figures/<figure>.csv`.
        figure: String,
        /// The figure's panel, counted from 1.
        panel: u32,
        /// The panel's title.
        panel_title: String,
        /// What the line is.
        series: String,
        /// What `x` is, with its unit.
        x_label: String,
        /// Where on the horizontal axis.
        x: f64,
        /// What `y` is, with its unit.
        y_label: String,
        /// Where on the vertical axis.
        y: f64,
        /// Lower end of the interval; null where there is none.
        interval_low: Option<f64>,
        /// Upper end of the interval; null where there is none.
        interval_high: Option<f64>,
    }
}
