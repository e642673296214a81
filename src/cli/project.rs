//! The arguments that commands on a project share: the environment and the variables. Reads
//! `STREAMFORM_VAR_…` and the files of `--var-file`.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches};

use crate::address::EnvironmentName;
use crate::clients;
use crate::config::load::{LoadRequest, RootNames, UnsetVariables, load_with_names};
use crate::config::project::{InputArgument, Inputs, Project};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kinds;
use crate::source::Snapshot;

/// The environment and the variables.
#[derive(Debug, Clone, clap::Args)]
pub struct ProjectArgs {
    /// The environment.
    #[arg(long, value_name = "NAME")]
    pub env: Option<EnvironmentName>,
    #[command(flatten)]
    variables: Variables,
}

impl ProjectArgs {
    /// Collects the variables' values from the environment and the command line.
    pub fn inputs(&self) -> Result<Inputs, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let mut arguments = Vec::new();
        for given in &self.variables.0 {
            arguments.extend(diagnostics.take(given.read()));
        }
        let environment_variables = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                let name = name.strip_prefix("STREAMFORM_VAR_")?.to_owned();
                Some((name, value))
            })
            .filter_map(|(name, value)| {
                let Ok(value) = value.into_string() else {
                    let summary = format!("STREAMFORM_VAR_{name} is not UTF-8");
                    diagnostics.push(Diagnostic::error("bad-variable", summary));
                    return None;
                };
                Some((name, value))
            })
            .collect();
        let inputs = Inputs {
            environment_variables,
            arguments,
        };
        diagnostics.finish(inputs, &mut Diagnostics::new())
    }
}

/// One `--var` or `--var-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Variable(String, String),
    File(PathBuf),
}

impl Given {
    fn read(&self) -> Result<InputArgument, Diagnostics> {
        match self {
            Self::Variable(name, value) => Ok(InputArgument::Variable(name.clone(), value.clone())),
            Self::File(path) => {
                read_text(path).map(|text| InputArgument::File(path.display().to_string(), text))
            }
        }
    }
}

/// Loads a project for one environment, and gives what an expression of its root module sees.
pub(super) fn load(
    snapshot: &Snapshot,
    environment: Option<&EnvironmentName>,
    inputs: &Inputs,
    unset_variables: UnsetVariables,
) -> Result<(Project, RootNames), Diagnostics> {
    load_with_names(&LoadRequest {
        files: &*snapshot.files,
        root: &snapshot.folder,
        environment,
        inputs,
        kinds: &kinds::schemas(),
        providers: clients::PROVIDERS,
        tool_version: env!("CARGO_PKG_VERSION"),
        unset_variables,
        on_head: None,
    })
}

/// Reads a file of the user as text.
pub(super) fn read_text(path: &Path) -> Result<String, Diagnostics> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| unreadable(&name, error.to_string()))?;
    decode(bytes, &name)
}

/// Takes the bytes of a file as text.
pub(super) fn decode(bytes: Vec<u8>, name: &str) -> Result<String, Diagnostics> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(name, format!("It is not UTF-8: byte {at} is wrong."))
    })
}

fn unreadable(name: &str, why: String) -> Diagnostics {
    let summary = format!("Cannot read {name}");
    Diagnostic::error("unreadable-file", summary)
        .detail(why)
        .into()
}

/// `--var` and `--var-file` in the order of the command line, in which a later one wins.
#[derive(Debug, Clone, Default)]
struct Variables(Vec<Given>);

impl clap::Args for Variables {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableArgs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableArgs::augment_args_for_update(command)
    }
}

impl FromArgMatches for Variables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut variables = Self::default();
        variables.update_from_arg_matches(matches)?;
        Ok(variables)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let parsed = VariableArgs::from_arg_matches(matches)?;
        let places = |id| matches.indices_of(id).into_iter().flatten();
        let mut given: Vec<(usize, Given)> = places("var")
            .zip(parsed.var)
            .map(|(at, (name, value))| (at, Given::Variable(name, value)))
            .chain(
                places("var_file")
                    .zip(parsed.var_file)
                    .map(|(at, path)| (at, Given::File(path))),
            )
            .collect();
        given.sort_by_key(|(at, _)| *at);
        self.0 = given.into_iter().map(|(_, given)| given).collect();
        Ok(())
    }
}

/// The two options as clap reads them.
#[derive(Debug, clap::Args)]
struct VariableArgs {
    /// Set a variable of the project.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    var: Vec<(String, String)>,
    /// Set the variables that a `*.vars.hcl` file holds.
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Test {
        #[command(flatten)]
        project: ProjectArgs,
    }

    #[test]
    fn variables_keep_the_order_of_the_command_line() {
        let arguments = ["x", "--var", "a=1", "--var-file", "f", "--var=b=2=3"];
        let test = Test::parse_from(arguments);
        assert_eq!(
            test.project.variables.0,
            [
                Given::Variable("a".into(), "1".into()),
                Given::File("f".into()),
                Given::Variable("b".into(), "2=3".into()),
            ]
        );
    }

    #[test]
    fn a_variable_needs_a_name_and_a_value() {
        assert!(Test::try_parse_from(["x", "--var", "a"]).is_err());
        assert!(Test::try_parse_from(["x", "--var", "=1"]).is_err());
    }
}
