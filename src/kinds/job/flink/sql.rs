//! The block `flink_sql`: declarations, and one statement that becomes a job. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::diagnostic::Diagnostic;
use crate::document::ContentHash;
use crate::kinds::job::spec::Reader;

/// SQL that becomes a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlinkSql {
    /// The statements, or the files that hold them.
    pub script: Script,
    /// How many tasks an operator has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Flink's own settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// Statements, or the files that hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Script {
    /// Statements.
    Statements(Vec<String>),
    /// Files of the project: path from the root of its tree and the content's hash.
    Files(Vec<(String, ContentHash)>),
}

impl FlinkSql {
    pub(in crate::kinds::job) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let statements = reader.texts("statements");
        let files: Vec<(String, ContentHash)> = reader
            .block
            .files_of("files")
            .map(|file| (file.path.to_string(), file.hash))
            .collect();
        let parallelism = reader.parallelism();
        let settings = reader.map("settings").unwrap_or_default();
        let script = match (statements, files.is_empty()) {
            (Some(statements), true) => {
                let place = reader.given("statements")?.value_span;
                if let Err(problem) = Statements::of(statements.iter().flat_map(|text| split(text)))
                {
                    reader.found.push(
                        Diagnostic::error("sql-statements", "These statements are no job")
                            .at(place)
                            .detail(problem),
                    );
                    return None;
                }
                Script::Statements(statements)
            }
            (None, false) => Script::Files(files),
            (both, _) => {
                let summary = if both.is_some() {
                    "flink_sql has statements or files, not both"
                } else {
                    "flink_sql needs statements or files"
                };
                let place = reader.block.span.clone();
                reader
                    .found
                    .push(Diagnostic::error("sql-statements", summary).at(place));
                return None;
            }
        };
        Some(Self {
            script,
            parallelism,
            settings,
        })
    }

    /// Returns the attributes as a plan shows them.
    pub(in crate::kinds::job) fn shown(&self) -> Vec<(&'static str, Json)> {
        let script = match &self.script {
            Script::Statements(statements) => ("statements", json!(statements)),
            Script::Files(files) => {
                let files: Vec<String> = files
                    .iter()
                    .map(|(path, hash)| format!("{path} ({})", hash.short()))
                    .collect();
                ("files", json!(files))
            }
        };
        vec![
            script,
            ("parallelism", json!(self.parallelism)),
            ("settings", json!(self.settings)),
        ]
    }
}

/// A script in order: what prepares, and the one statement that becomes the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kinds::job) struct Statements {
    /// Declarations and settings.
    pub(in crate::kinds::job) before: Vec<String>,
    /// The `INSERT` or the statement set.
    pub(in crate::kinds::job) job: String,
}

impl Statements {
    /// Sorts the statements of a script, or says why they are no job.
    pub(in crate::kinds::job) fn of(
        statements: impl IntoIterator<Item = String>,
    ) -> Result<Self, String> {
        let mut before: Vec<String> = statements.into_iter().collect();
        let jobs = before.iter().filter(|text| is_job(text)).count();
        match (jobs, before.pop()) {
            (1, Some(job)) if is_job(&job) => Ok(Self { before, job }),
            (0, _) => Err("None of them is an INSERT or an EXECUTE STATEMENT SET.".to_owned()),
            (1, _) => {
                Err("The INSERT must be the last one: what comes after it is of no use.".to_owned())
            }
            (more, _) => Err(format!(
                "They hold {more} INSERTs, which would be {more} jobs: put them into EXECUTE STATEMENT SET BEGIN … END."
            )),
        }
    }
}

fn is_job(statement: &str) -> bool {
    let mut words = statement.split_whitespace();
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    match first.as_str() {
        "INSERT" => true,
        "EXECUTE" => words
            .next()
            .is_some_and(|second| !second.eq_ignore_ascii_case("PLAN")),
        _ => false,
    }
}

/// Splits a script at its semicolons: those in texts, names and comments do not count, nor those between
/// `BEGIN` and `END` of a statement set. Comments between statements are dropped.
pub(in crate::kinds::job) fn split(script: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    let mut in_set = false;
    let mut rest = script;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '\'' | '"' | '`' => quoted(rest, letter),
            '-' if rest.starts_with("--") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            // What stands in a hint is no comment.
            '/' if rest.starts_with("/*") && !rest.starts_with("/*+") => {
                rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
                statement.push(' ');
                continue;
            }
            ';' if !in_set => {
                rest = &rest[1..];
                push(&mut statements, &mut statement);
                continue;
            }
            _ if letter.is_alphabetic() => {
                let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let word = &rest[..end.unwrap_or(rest.len())];
                let opens = word.eq_ignore_ascii_case("BEGIN")
                    && statement.trim_end().to_ascii_uppercase().ends_with("SET");
                // Each statement of a set has a semicolon of its own, so that an END elsewhere is that of a CASE.
                let closes =
                    word.eq_ignore_ascii_case("END") && statement.trim_end().ends_with(';');
                in_set = opens || (in_set && !closes);
                word.len()
            }
            _ => letter.len_utf8(),
        };
        statement.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    push(&mut statements, &mut statement);
    statements
}

/// Returns the length of what is quoted at the start of a text; a doubled quote is one that is meant.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            continue;
        }
        if letters.peek().is_some_and(|(_, next)| *next == quote) {
            letters.next();
        } else {
            return at + letter.len_utf8();
        }
    }
    text.len()
}

fn push(statements: &mut Vec<String>, statement: &mut String) {
    let text = std::mem::take(statement);
    let text = text.trim();
    if !text.is_empty() {
        statements.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_split_where_its_statements_end() {
        let script = "-- it's a comment; really\nCREATE TABLE a (x STRING) WITH ('k' = 'a;''b'); /* ; */\n\
             INSERT INTO a SELECT `x;y` FROM b /*+ OPTIONS('a'=';') */;\n;";
        insta::assert_debug_snapshot!(split(script), @r#"
        [
            "CREATE TABLE a (x STRING) WITH ('k' = 'a;''b')",
            "INSERT INTO a SELECT `x;y` FROM b /*+ OPTIONS('a'=';') */",
        ]
        "#);
    }

    #[test]
    fn a_statement_set_is_one_statement() {
        let set =
            "EXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND;";
        assert_eq!(split(set).len(), 1);
        let statements = Statements::of(split(&format!("SET 'a' = 'b'; {set}"))).expect("one job");
        assert_eq!(statements.before, ["SET 'a' = 'b'"]);
    }

    #[test]
    fn the_end_of_a_case_is_not_that_of_its_set() {
        let set = "EXECUTE STATEMENT SET BEGIN\n\
             INSERT INTO a SELECT CASE WHEN x > 1 THEN 'b;' ELSE CASE x WHEN 0 THEN 'c' END END FROM d;\n\
             INSERT INTO b SELECT case x when 1 then 2 end FROM d; -- The last one.\nEND";
        let statements = split(&format!("CREATE TABLE a (x INT);\n{set};\n"));
        let set = set.replace(" -- The last one.", " ");
        assert_eq!(statements, ["CREATE TABLE a (x INT)", &*set]);
        let statements = Statements::of(statements).expect("one job");
        assert_eq!(statements.job, set);
        // What comes after the set is another statement.
        let problem = Statements::of(split(&format!("{set};\nSET 'a' = 'b'")));
        let problem = problem.expect_err("it is of no use");
        insta::assert_snapshot!(problem, @"The INSERT must be the last one: what comes after it is of no use.");
    }

    #[test]
    fn a_job_is_one_insert_at_the_end() {
        let problem = |script: &str| Statements::of(split(script)).expect_err("no job");
        insta::assert_snapshot!(problem("CREATE TABLE a (x INT)"), @"None of them is an INSERT or an EXECUTE STATEMENT SET.");
        insta::assert_snapshot!(problem("INSERT INTO a SELECT 1; SET 'a' = 'b'"), @"The INSERT must be the last one: what comes after it is of no use.");
        insta::assert_snapshot!(problem("INSERT INTO a SELECT 1; insert into a select 2"), @"They hold 2 INSERTs, which would be 2 jobs: put them into EXECUTE STATEMENT SET BEGIN … END.");
    }
}
