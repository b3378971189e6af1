//! The benches' results as they lie in their files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// All files of a folder, by their names without `.csv`.
pub(crate) struct Results(BTreeMap<String, Table>);

/// A file: lines that begin with `#`, then names of columns, then rows.
pub(crate) struct Table {
    /// What the lines that begin with `#` say: machine first, then the method.
    pub(crate) head: Vec<String>,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    columns: &'a [String],
    values: &'a [String],
}

impl Results {
    /// Reads a folder.
    ///
    /// # Errors
    /// A folder or a file that can't be read.
    pub(crate) fn read(folder: &Path) -> io::Result<Results> {
        let mut tables = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else {
                continue;
            };
            if extension == "csv" {
                let table = Table::parse(&fs::read_to_string(&path)?);
                tables.insert(stem.to_string_lossy().into_owned(), table);
            }
        }
        Ok(Results(tables))
    }

    /// A file, unless it is missing or has no rows.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.0.get(name).filter(|table| !table.rows.is_empty())
    }
}

impl Table {
    fn parse(text: &str) -> Table {
        let (head, lines): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with('#'));
        let mut rows = lines
            .iter()
            .map(|line| line.split(',').map(str::to_owned).collect());
        Table {
            head: head
                .iter()
                .map(|line| line.trim_start_matches(['#', ' ']).to_owned())
                .collect(),
            columns: rows.next().unwrap_or_default(),
            rows: rows.collect(),
        }
    }

    /// The rows whose columns have these values.
    pub(crate) fn with<'a>(&'a self, values: &[(&str, &str)]) -> Vec<Row<'a>> {
        let wanted = |row: &Row<'_>| values.iter().all(|(name, value)| row.text(name) == *value);
        self.rows().filter(wanted).collect()
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row {
            columns: &self.columns,
            values,
        })
    }

    /// The different values of a column, in the order in which they come.
    pub(crate) fn values(&self, column: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for row in self.rows() {
            if !values.contains(&row.text(column)) {
                values.push(row.text(column));
            }
        }
        values
    }
}

impl<'a> Row<'a> {
    /// A column's value; nothing where there is no such column.
    pub(crate) fn text(&self, column: &str) -> &'a str {
        let place = self.columns.iter().position(|name| name == column);
        place
            .and_then(|place| self.values.get(place))
            .map_or("", String::as_str)
    }

    /// A column's value as a number.
    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        self.text(column).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# a machine\n# a method\nparty,round,ns\npolicy,1,5.5\nsend,1,\npolicy,2,6\n";

    #[test]
    fn a_table_has_its_head_and_its_rows() {
        let table = Table::parse(TEXT);
        assert_eq!(table.head, ["a machine", "a method"]);
        assert_eq!(table.values("party"), ["policy", "send"]);
        let rows = table.with(&[("party", "policy"), ("round", "2")]);
        assert_eq!(
            rows.iter().map(|row| row.number("ns")).collect::<Vec<_>>(),
            [Some(6.0)]
        );
    }

    #[test]
    fn nothing_is_no_number() {
        let table = Table::parse(TEXT);
        assert!(
            table
                .with(&[("party", "send")])
                .iter()
                .all(|row| row.number("ns").is_none())
        );
    }
}
