//! `streamform console`: evaluates expressions that are read from standard input.

mod shown;

use std::io::{self, BufRead, IsTerminal};

use crate::config::console::{Names, answer_line, evaluate_text};
use crate::config::eval::{FileAccess, ReadLog};
use crate::config::load::{UnsetVariables, environments};
use crate::config::token::{TokenKind, tokens};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Snapshot;

use super::project::load;
use super::runtime::block_on;
use super::{Exit, Output, ProjectArgs, SourceArgs};

/// Evaluate expressions, one a line, and print their values.
///
/// The names of the project in the folder can be used: its variables, locals and objects. A line goes
/// on where a bracket is open. `exit` or the end of the input ends it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    project: ProjectArgs,
    /// Read and write one JSON object a line: {"expression": "1 + 1"}, {"value": 2}.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Diagnostics> {
    let snapshot = block_on(args.source.open())??;
    let names = names(args, &snapshot, output)?;
    let log = ReadLog::default();
    let files = FileAccess {
        folder: &snapshot.folder,
        files: &*snapshot.files,
        log: &log,
    };
    let console = Console {
        names: &names,
        files: &files,
        output,
    };
    if args.json {
        console.answer_all()
    } else {
        console.talk()
    }
}

/// Loads the project, if there is one. Of several environments one has to be chosen.
fn names(args: &Args, snapshot: &Snapshot, output: &Output) -> Result<Names, Diagnostics> {
    let inputs = args.project.inputs()?;
    let declared = environments(&*snapshot.files, &snapshot.folder)?;
    let environment = match (&args.project.env, declared.as_slice()) {
        (Some(name), _) => Some(name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    match load(snapshot, environment, &inputs, UnsetVariables::Unknown) {
        Ok((project, names)) => {
            output.diagnostics(&project.warnings);
            Ok(names)
        }
        Err(errors) => {
            let is_absent = errors.iter().all(|error| error.code == "no-project");
            if is_absent && inputs.arguments.is_empty() && environment.is_none() {
                Ok(Names::new())
            } else {
                Err(errors)
            }
        }
    }
}

struct Console<'a> {
    names: &'a Names,
    files: &'a FileAccess<'a>,
    output: &'a Output,
}

impl Console<'_> {
    /// Answers each line of JSON with one.
    fn answer_all(&self) -> Result<Exit, Diagnostics> {
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|error| unreadable(&error))?;
            if line.trim().is_empty() {
                continue;
            }
            let answer = answer_line(&line, self.names, Some(self.files));
            let json = serde_json::to_string(&answer).expect("an answer is plain JSON");
            self.output.result(&format!("{json}\n"));
        }
        Ok(Exit::Done)
    }

    /// Evaluates expressions of one or more lines. A mistake ends nothing, but the exit code tells of
    /// it unless a person has seen it.
    fn talk(&self) -> Result<Exit, Diagnostics> {
        let in_person = io::stdin().is_terminal();
        let mut failed = false;
        let mut text = String::new();
        let mut lines = io::stdin().lock().lines();
        loop {
            if in_person {
                self.output
                    .result(if text.is_empty() { "> " } else { "  " });
            }
            let line = lines
                .next()
                .transpose()
                .map_err(|error| unreadable(&error))?;
            let is_end = line.is_none();
            if let Some(line) = line {
                text.push_str(&line);
                text.push('\n');
            }
            match text.trim() {
                "exit" => break,
                "" => text.clear(),
                _ if !is_end && is_open(&text) => {}
                _ => {
                    failed |= !self.evaluate(&text);
                    text.clear();
                }
            }
            if is_end {
                break;
            }
        }
        Ok(if failed && !in_person {
            Exit::Error
        } else {
            Exit::Done
        })
    }

    /// Prints an expression's value or its errors; whether it has a value.
    fn evaluate(&self, text: &str) -> bool {
        match evaluate_text(text.trim_end(), self.names, Some(self.files)) {
            Ok(value) => {
                self.output.result(&format!("{}\n", shown::shown(&value)));
                true
            }
            Err(errors) => {
                self.output.diagnostics(&errors);
                false
            }
        }
    }
}

/// Whether an expression goes on in the next line: a bracket or a heredoc is open.
fn is_open(text: &str) -> bool {
    let (mut opened, mut closed) = (0_usize, 0_usize);
    for token in tokens(text) {
        let kind = token.kind;
        opened += usize::from(kind.opens() || kind == TokenKind::OpenHeredoc);
        closed += usize::from(kind.closes() || kind == TokenKind::CloseHeredoc);
    }
    opened > closed
}

fn unreadable(error: &io::Error) -> Diagnostics {
    let summary = "Cannot read standard input";
    Diagnostic::error("io", summary)
        .detail(error.to_string())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_bracket_asks_for_another_line() {
        for text in ["f(\n", "[1,\n", "{ a = \"}\"\n", "<<E\nx\n", "\"${\n"] {
            assert!(is_open(text), "{text:?}");
        }
        for text in [
            "f()\n",
            "\"(\"\n",
            "# (\n",
            "<<E\n(\nE\n",
            "\"$${\"\n",
            ")\n",
        ] {
            assert!(!is_open(text), "{text:?}");
        }
    }
}
