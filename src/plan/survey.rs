//! The project's objects and the state's, side by side: what the plan is about and what must be read. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crate::address::{Address, ProviderAddress};
use crate::config::project::{Moved, Project};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{ContentHash, Document};
use crate::kinds::{self, Desired, KindEntry};
use crate::state::edit::EditError;
use crate::state::{ObjectState, State};

use super::{Basis, Mode, Selection};

/// What a survey is made of.
#[derive(Debug)]
pub struct SurveyInput<'a> {
    /// The project.
    pub project: &'a Project,
    /// The project's objects, decoded.
    pub desired: BTreeMap<Address, Desired>,
    /// The state.
    pub state: State,
    /// The state's content hash.
    pub state_hash: ContentHash,
    /// What the plan is for.
    pub mode: Mode,
    /// What it is restricted to.
    pub selection: Selection,
    /// Objects to adopt besides those of `import` blocks: address and name in the live system.
    pub imports: Vec<(Address, String)>,
    /// The git commit.
    pub commit: Option<String>,
    /// The version of this program.
    pub tool: &'a str,
}

/// Everything that the plan is about, before anything is read.
pub struct Survey {
    /// What the plan belongs to.
    pub basis: Basis,
    /// What it is for.
    pub mode: Mode,
    /// What it is restricted to.
    pub selection: Selection,
    /// The selected objects.
    pub items: BTreeMap<Address, Item>,
    /// Objects that the selection left out.
    pub left_out: Vec<Address>,
    /// How many objects the state owns.
    pub owned: usize,
    /// Warnings.
    pub warnings: Diagnostics,
}

/// One object, as the project and the state know it.
pub struct Item {
    /// Its kind.
    pub kind: &'static KindEntry,
    /// The provider that reaches it.
    pub provider: ProviderAddress,
    /// Its name in the live system.
    pub remote_id: String,
    /// What the project says; absent where it says nothing.
    pub desired: Option<Desired>,
    /// What the state says; absent where we do not own it.
    pub owned: Option<ObjectState>,
    /// Its address in the state so far, where a `moved` block renames it.
    pub moved_from: Option<Address>,
    /// Whether it may be taken over if it exists.
    pub import: bool,
    /// Whether it is only forgotten where the project does not hold it (`removed` without `destroy`).
    pub forget: bool,
}

impl Item {
    /// Returns what was applied, the latest first.
    pub fn history(&self) -> Vec<&Document> {
        self.owned.iter().flat_map(ObjectState::specs).collect()
    }
}

/// Puts the project's objects and the state's side by side.
pub fn survey(input: SurveyInput<'_>) -> Result<Survey, Diagnostics> {
    let mut found = Diagnostics::new();
    let basis = Basis {
        tool: input.tool.to_owned(),
        environment: input.state.environment.clone(),
        lineage: input.state.lineage.clone(),
        serial: input.state.serial,
        state: input.state_hash,
        release: input.project.release,
        desired: desired_hash(&input.desired),
        commit: input.commit,
    };
    let mut state = input.state;
    let owned = state.objects.len();
    let moved = apply_moves(&mut state, &input.project.moved, &mut found);
    let imports = imports(input.project, input.imports, &input.desired, &mut found);
    let desired = match input.mode {
        Mode::Apply => input.desired,
        Mode::Destroy => BTreeMap::new(),
    };
    let mut items = side_by_side(
        input.project,
        desired,
        state.objects,
        &moved,
        &imports,
        &mut found,
    );
    let selected = found.take(input.selection.select(&needs(&items)));
    if found.has_errors() {
        return Err(input.project.sources.attach(found));
    }
    let selected = selected.unwrap_or_default();
    let left_out: Vec<Address> = items
        .keys()
        .filter(|address| !selected.contains(*address))
        .cloned()
        .collect();
    items.retain(|address, _| selected.contains(address));
    let mut warnings = input.project.warnings.clone();
    warnings.extend(input.project.sources.attach(found));
    Ok(Survey {
        basis,
        mode: input.mode,
        selection: input.selection,
        items,
        left_out,
        owned,
        warnings,
    })
}

/// Pairs what the project says about each object with what the state says.
fn side_by_side(
    project: &Project,
    desired: BTreeMap<Address, Desired>,
    mut objects: BTreeMap<Address, ObjectState>,
    moved: &BTreeMap<Address, Address>,
    imports: &BTreeMap<Address, Arc<str>>,
    found: &mut Diagnostics,
) -> BTreeMap<Address, Item> {
    let mut items = BTreeMap::new();
    for (address, desired) in desired {
        let owned = objects.remove(&address);
        let Some(kind) = kinds::kind(&address.kind) else {
            continue;
        };
        if !kind.declaration {
            check_identity(&address, &desired, owned.as_ref(), found);
        }
        check_import(
            kind,
            &address,
            &desired,
            imports.get(&address),
            owned.is_some(),
            found,
        );
        check_removed(&address, &desired, project, found);
        let item = Item {
            kind,
            provider: desired.provider.clone(),
            remote_id: desired.remote_id.clone(),
            import: imports.contains_key(&address),
            moved_from: moved.get(&address).cloned(),
            forget: false,
            desired: Some(desired),
            owned,
        };
        items.insert(address, item);
    }
    for (address, owned) in objects {
        let Some(kind) = kinds::kind(&address.kind) else {
            found.push(unknown_kind(&address));
            continue;
        };
        // None can come there by this program, but a state can be pushed by hand.
        if let Some(reason) = (kind.reserved)(&owned.remote_id) {
            found.push(
                kinds::reserved(kind, &owned.remote_id, reason)
                    .on(&address)
                    .hint(format!(
                        "take it out of the state: streamform state rm '{address}'"
                    )),
            );
        }
        let removed = project.removed.iter().find(|r| r.from.matches(&address));
        let item = Item {
            kind,
            provider: owned.provider.clone(),
            remote_id: owned.remote_id.clone(),
            desired: None,
            moved_from: moved.get(&address).cloned(),
            import: false,
            forget: removed.is_some_and(|removed| !removed.destroy),
            owned: Some(owned),
        };
        items.insert(address, item);
    }
    items
}

fn unknown_kind(address: &Address) -> Diagnostic {
    Diagnostic::error(
        "unknown-kind",
        format!("The state holds {address}, of a kind that is not known"),
    )
    .detail("It was written by a version of Streamform that knows this kind.")
    .hint("use that version, or take the object out of the state: streamform state rm")
}

/// Returns what each object needs, by the project where it holds it, else by the state.
fn needs(items: &BTreeMap<Address, Item>) -> BTreeMap<Address, BTreeSet<Address>> {
    items
        .iter()
        .map(|(address, item)| {
            let needs = match (&item.desired, &item.owned) {
                (Some(desired), _) => desired.depends_on.clone(),
                (None, Some(owned)) => owned.depends_on.clone(),
                (None, None) => BTreeSet::new(),
            };
            (address.clone(), needs)
        })
        .collect()
}

/// Returns the hash of the objects as wanted, the environment's values included.
pub fn desired_hash(desired: &BTreeMap<Address, Desired>) -> ContentHash {
    let mut text = String::new();
    for (address, desired) in desired {
        let (provider, spec) = (&desired.provider, desired.spec.canonical());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address}\n{provider}\n{spec}");
    }
    ContentHash::of(text.as_bytes())
}

/// Renames the state's objects as the project's `moved` blocks say. Returns new address → old one.
fn apply_moves(
    state: &mut State,
    moved: &[Moved],
    found: &mut Diagnostics,
) -> BTreeMap<Address, Address> {
    let mut origins: BTreeMap<Address, Address> = BTreeMap::new();
    for block in moved {
        match state.rename(&block.from, &block.to) {
            Ok(renames) => {
                for (old, new) in renames {
                    let origin = origins.remove(&old).unwrap_or(old);
                    origins.insert(new, origin);
                }
            }
            // The usual case: the block did its work in an earlier apply.
            Err(EditError::NoMatch { .. }) => {}
            Err(error) => found.push(
                Diagnostic::error(
                    "bad-move",
                    format!("{} cannot become {}", block.from, block.to),
                )
                .at(block.span.clone())
                .detail(error.to_string())
                .hint(
                    "correct the moved block; `streamform state list` prints what the state holds",
                ),
            ),
        }
    }
    origins
}

fn imports(
    project: &Project,
    given: Vec<(Address, String)>,
    desired: &BTreeMap<Address, Desired>,
    found: &mut Diagnostics,
) -> BTreeMap<Address, Arc<str>> {
    let mut imports = BTreeMap::new();
    for import in &project.imports {
        if !desired.contains_key(&import.to) {
            found.push(
                Diagnostic::error("bad-import", format!("The project holds no {}", import.to))
                    .at(import.span.clone())
                    .hint(
                        "write the block first: an import takes an object over as the block says",
                    ),
            );
        }
        imports.insert(import.to.clone(), import.id.clone());
    }
    for (address, id) in given {
        if !desired.contains_key(&address) {
            found.push(
                Diagnostic::error("bad-import", format!("The project holds no {address}")).hint(
                    "write the block first: an import takes an object over as the block says",
                ),
            );
        }
        imports.insert(address, id.into());
    }
    imports
}

/// A kind's identity is its name: another name is another object, never a silent replacement.
fn check_identity(
    address: &Address,
    desired: &Desired,
    owned: Option<&ObjectState>,
    found: &mut Diagnostics,
) {
    let Some(owned) = owned else { return };
    let (what, was, is) = if owned.remote_id != desired.remote_id {
        ("name", owned.remote_id.clone(), desired.remote_id.clone())
    } else if owned.provider != desired.provider {
        (
            "provider",
            owned.provider.to_string(),
            desired.provider.to_string(),
        )
    } else {
        return;
    };
    found.push(
        Diagnostic::error(
            "identity-change",
            format!("{address} cannot change its {what} from {was:?} to {is:?}"),
        )
        .at(desired.place(Some(what)).clone())
        .on(address)
        .detail("It would be another object, and this one would be deleted with all it holds.")
        .hint(format!(
            "keep the {what}; or give the new object a block of its own, move the data over, and \
                 remove this block later"
        )),
    );
}

fn check_import(
    kind: &KindEntry,
    address: &Address,
    desired: &Desired,
    import: Option<&Arc<str>>,
    owned: bool,
    found: &mut Diagnostics,
) {
    let Some(id) = import else { return };
    if kind.declaration {
        found.push(
            Diagnostic::error(
                "bad-import",
                format!("{address} is a declaration: there is nothing to take over"),
            )
            .at(desired.span.clone())
            .on(address)
            .detail(format!(
                "A {} belongs to whoever uses it; the block only says what it does.",
                kind.name
            ))
            .hint("apply the block without an import"),
        );
        return;
    }
    if **id != *desired.remote_id {
        found.push(
            Diagnostic::error(
                "bad-import",
                format!(
                    "{address} is {:?}, the import says {id:?}",
                    desired.remote_id
                ),
            )
            .at(desired.place(Some("name")).clone())
            .on(address)
            .hint(format!(
                "set name = {id:?} in the block, or correct the import's id"
            )),
        );
    }
    if owned {
        found.push(
            Diagnostic::warning("import-done", format!("{address} is managed already"))
                .on(address)
                .detail("The import has no effect.")
                .hint("the import block can be removed"),
        );
    }
}

fn check_removed(address: &Address, desired: &Desired, project: &Project, found: &mut Diagnostics) {
    if let Some(removed) = project
        .removed
        .iter()
        .find(|removed| removed.from.matches(address))
    {
        found.push(
            Diagnostic::error(
                "removed-but-there",
                format!("{address} is both removed and declared"),
            )
            .at(removed.span.clone())
            .on(address)
            .detail(format!(
                "The project still holds its block, in {}.",
                desired.span.file
            ))
            .hint("delete one of the two"),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::address::EnvironmentName;
    use crate::clients;
    use crate::config::files::MemoryFiles;
    use crate::config::load::{LoadRequest, UnsetVariables, load};
    use crate::config::project::Inputs;

    use super::*;

    /// Surveys a project whose state owns `topic.a` under a name, and returns the errors.
    fn errors(text: &str, owned: &str) -> String {
        let mut files = MemoryFiles::default();
        files.insert("main.hcl", text);
        files.insert(
            "provider.hcl",
            "provider \"kafka\" { bootstrap_servers = \"localhost:9092\" }\n",
        );
        let project = load(&LoadRequest {
            files: &files,
            root: "",
            environment: None,
            inputs: &Inputs::default(),
            kinds: &kinds::schemas(),
            providers: clients::PROVIDERS,
            tool_version: "0.1.0",
            unset_variables: UnsetVariables::Refuse,
            on_head: None,
        });
        let project = project.expect("the project loads");
        let mut state = State::empty(EnvironmentName::default_environment());
        let object = ObjectState {
            provider: "kafka".parse().expect("a provider"),
            remote_id: owned.to_owned(),
            spec: json!({ "name": owned }).into(),
            protected: false,
            depends_on: BTreeSet::new(),
            outcome: None,
            pending: None,
        };
        state.objects.insert(Address::root("topic", "a"), object);
        let surveyed = survey(SurveyInput {
            desired: kinds::decode(&project).expect("the objects are right"),
            project: &project,
            state_hash: state.content_hash(),
            state,
            mode: Mode::Apply,
            selection: Selection::default(),
            imports: Vec::new(),
            commit: None,
            tool: "0.1.0",
        });
        surveyed.map_or_else(|errors| errors.render(), |_| String::new())
    }

    #[test]
    fn another_name_is_another_object() {
        insta::assert_snapshot!(errors("topic \"a\" { name = \"new\" }\n", "old"), @r#"
        Error: topic.a cannot change its name from "old" to "new"
         --> main.hcl:1:20
          |
        1 | topic "a" { name = "new" }
          |                    ^^^^^
          on topic.a
          It would be another object, and this one would be deleted with all it holds.
          hint: keep the name; or give the new object a block of its own, move the data over, and remove this block later
        "#);
    }

    #[test]
    fn what_a_state_was_made_to_hold_is_not_deleted_from_kafka_itself() {
        assert_eq!(errors("", "orders"), "");
        insta::assert_snapshot!(errors("", "__consumer_offsets"), @r#"
        Error: The topic "__consumer_offsets" cannot be managed
          on topic.a
          Names that start with "__" belong to Kafka itself: changing such a topic can stop the cluster.
          hint: take it out of the state: streamform state rm 'topic.a'
        "#);
    }
}
