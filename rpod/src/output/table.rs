//! Columns as Go's tabwriter aligns them, with podman's setting: at least twelve wide, two spaces apart.

const MIN_WIDTH: usize = 12;
const PADDING: usize = 2;

/// Align `text`, whose cells end with a tab; the last cell of a line has none and is not padded.
///
/// A column is a run of neighbouring lines that have a cell there: a line with fewer cells ends it.
pub fn align(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text
        .split('\n')
        .map(|line| line.split('\t').collect())
        .collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < lines.len() {
            let length = lines[start..]
                .iter()
                .take_while(|cells| column + 1 < cells.len())
                .count();
            let block = start..start + length;
            if let Some(width) = lines[block.clone()]
                .iter()
                .map(|cells| width(cells[column]))
                .max()
            {
                widths[block]
                    .iter_mut()
                    .for_each(|widths| widths[column] = width);
            }
            start += length.max(1);
        }
    }
    let mut output = String::with_capacity(text.len() * 2);
    for (index, (cells, widths)) in lines.iter().zip(&widths).enumerate() {
        if index > 0 {
            output.push('\n');
        }
        for (column, cell) in cells.iter().enumerate() {
            output.push_str(cell);
            if let Some(width) = widths.get(column) {
                output.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
        }
    }
    output
}

/// What a column takes for this cell. A column of empty cells takes nothing, as in Go.
fn width(cell: &str) -> usize {
    (cell.chars().count() + PADDING).max(MIN_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_as_podman() {
        assert_eq!(
            align("REPOSITORY\tTAG\tIMAGE ID\nlocalhost/a\t1\t0757da1e0da6\n"),
            "REPOSITORY   TAG         IMAGE ID\nlocalhost/a  1           0757da1e0da6\n"
        );
    }

    #[test]
    fn a_shorter_line_ends_a_column() {
        assert_eq!(
            align("a\tb\nplain\nlonger than twelve\tb"),
            "a           b\nplain\nlonger than twelve  b"
        );
    }

    #[test]
    fn text_without_tabs_is_itself() {
        assert_eq!(align("a\n\nb"), "a\n\nb");
    }
}
