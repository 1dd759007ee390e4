//! `table …`: columns, each as wide as its widest cell (Go's tabwriter).

/// What a cell takes at least, and what stands between it and the next.
const LEAST: usize = 12;
const PADDING: usize = 2;

/// Cells end with a tab; the last of a line is in no column. A column goes on as long as the lines that follow have it, too.
pub(super) fn columns(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text
        .split('\n')
        .map(|line| line.split('\t').collect())
        .collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; line.len() - 1]).collect();
    let most = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..most {
        let has = |line: usize| {
            lines
                .get(line)
                .is_some_and(|cells| column + 1 < cells.len())
        };
        let mut line = 0;
        while line < lines.len() {
            let end = (line..lines.len())
                .find(|at| !has(*at))
                .unwrap_or(lines.len());
            let cells = || {
                lines[line..end]
                    .iter()
                    .map(|cells| cells[column].chars().count())
            };
            let widest = cells().max().unwrap_or(0);
            let width = match widest {
                0 => 0,
                widest => LEAST.max(widest + PADDING),
            };
            widths[line..end]
                .iter_mut()
                .for_each(|widths| widths[column] = width);
            line = end.max(line + 1);
        }
    }
    let line = |(cells, widths): (&Vec<&str>, &Vec<usize>)| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let last = cells.last().copied().unwrap_or_default();
        padded.collect::<String>() + last
    };
    let lines: Vec<String> = lines.iter().zip(&widths).map(line).collect();
    lines.join("\n")
}
