//! A project's files → [`Project`]: read, declare, order, evaluate. Pure: files come through [`Files`].
//!
//! Start with [`load`]. The steps, each in a file of its own:
//!
//! 1. [`source`] reads and parses the files of the project's folder and of the modules it calls;
//! 2. [`index`] lists the names that each module declares, [`declare`] checks each block against its
//!    schema and resolves the names in expressions, which gives the items of [`module`];
//! 3. [`tree`] follows the module calls, [`order`] sorts everything by its references;
//! 4. [`engine`] evaluates, [`objects`] the objects, [`dependencies`] finds which objects an object comes after;
//! 5. [`release`] hashes what the definitions say.
//!
//! Each step reports all errors that it finds. A step that cannot do without what an earlier one could
//! not make is not taken.

mod addresses;
mod body;
mod check;
mod construct;
mod declare;
mod dependencies;
mod engine;
mod expression;
mod files;
mod index;
mod inputs;
mod mentions;
mod module;
mod names;
mod objects;
mod order;
mod release;
mod repeat;
mod settings;
mod source;
mod split;
mod tree;
mod variables;
mod version;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{Address, AddressPattern, EnvironmentName, ProviderAddress};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};
use crate::document::ContentHash;

use super::eval::{FileAccess, ReadLog};
use super::files::Files;
use super::project::{Environment, Inputs, Moved, Project, Provider, Removed, Settings};
use super::schema::{KindSchema, ProviderSchema};
use super::syntax;

use self::declare::{Context, Depth, Record};
use self::engine::{Engine, Results, Start};
use self::index::{Index, Plain};
use self::module::Module;
use self::settings::{Declared, Reader};
use self::source::{Content, Folder, Look, Reading};
use self::tree::Tree;

pub use self::names::RootNames;

/// What to load, and with what.
#[derive(Clone, Copy)]
pub struct LoadRequest<'a> {
    /// The tree that holds the project.
    pub files: &'a dyn Files,
    /// The project's folder in the tree; `""` is the tree's root.
    pub root: &'a str,
    /// The environment; `None` where the project declares none.
    pub environment: Option<&'a EnvironmentName>,
    /// Values of variables from outside of the project.
    pub inputs: &'a Inputs,
    /// The kinds of objects.
    pub kinds: &'a [KindSchema],
    /// The providers.
    pub providers: &'a [ProviderSchema],
    /// This tool's version, for `required_version`.
    pub tool_version: &'a str,
    /// What a variable without a value is.
    pub unset_variables: UnsetVariables,
    /// Is told how the environment is reached as soon as that is known, which is before the objects are.
    pub on_head: Option<&'a dyn Fn(&Head<'_>)>,
}

/// How an environment is reached: what is known before the objects are. Whether these are right is not.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h> {
    /// The `streamform` block.
    pub settings: &'h Settings,
    /// The environment.
    pub environment: &'h EnvironmentName,
    /// All providers.
    pub providers: &'h BTreeMap<ProviderAddress, Provider>,
}

/// What a variable without a value and without a default is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnsetVariables {
    /// An error: for plans.
    #[default]
    Refuse,
    /// An unknown value: for checking a project on its own. Blocks whose `for_each` or `count` is
    /// unknown then are evaluated once, as an instance without a key.
    Unknown,
}

/// Loads a project for one environment.
///
/// The error is the list of everything that is wrong, with excerpts of the source; warnings too.
pub fn load(request: &LoadRequest<'_>) -> Result<Project, Diagnostics> {
    load_and(request, Depth::Objects, |_| ()).map(|(project, ())| project)
}

/// Loads a project, and gives what an expression of its root module sees.
///
/// The error is that of [`load`].
pub fn load_with_names(request: &LoadRequest<'_>) -> Result<(Project, RootNames), Diagnostics> {
    load_and(request, Depth::Values, names::of_root)
}

/// Which objects a project has, and where its environment is.
#[derive(Debug)]
pub struct Located {
    /// The `streamform` block.
    pub settings: Settings,
    /// The environment.
    pub environment: Environment,
    /// All providers.
    pub providers: BTreeMap<ProviderAddress, Provider>,
    /// The addresses of all objects.
    pub addresses: BTreeSet<Address>,
    /// The texts of the files.
    pub sources: SourceMap,
}

/// Reads which objects a project has for one environment, and of their blocks as little as that takes: what is
/// wrong within most of them is not found.
///
/// The error is that of [`load`] otherwise.
pub fn locate(request: &LoadRequest<'_>) -> Result<Located, Diagnostics> {
    let addresses = |engine: &Engine<'_, '_>| engine.results.addresses().cloned().collect();
    let (project, addresses) = load_and(request, Depth::Addresses, addresses)?;
    Ok(Located {
        settings: project.settings,
        environment: project.environment,
        providers: project.providers,
        addresses,
        sources: project.sources,
    })
}

/// Loads a project, and looks at the evaluation before it is dropped.
fn load_and<T>(
    request: &LoadRequest<'_>,
    depth: Depth,
    look: impl Fn(&Engine<'_, '_>) -> T,
) -> Result<(Project, T), Diagnostics> {
    let attempt = |whole: bool| {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::new();
        let loaded = load_all(request, whole, depth, &look, &mut sources, &mut diagnostics);
        (loaded, sources, diagnostics)
    };
    let (mut loaded, mut sources, mut diagnostics) = attempt(false);
    if matches!(loaded, Loaded::WrongCut) {
        (loaded, sources, diagnostics) = attempt(true);
    }
    let diagnostics = sources.attach(once_each(diagnostics));
    match loaded {
        Loaded::Whole(mut project, seen) if !diagnostics.has_errors() => {
            project.warnings = diagnostics;
            project.sources = sources;
            Ok((*project, seen))
        }
        _ => Err(diagnostics),
    }
}

/// How far the loading came.
enum Loaded<T> {
    /// To its end; there may be errors all the same.
    Whole(Box<Project>, T),
    /// To an error that nothing can be done without.
    Failed,
    /// A file is right as a whole, and not in the pieces that it was cut into.
    WrongCut,
}

/// Lists the environments that a project declares, without evaluating anything else.
pub fn environments(files: &dyn Files, root: &str) -> Result<Vec<EnvironmentName>, Diagnostics> {
    of_head(files, root, |index, sources, diagnostics| {
        let declared = settings::environments(index, sources, diagnostics);
        Some(declared.into_keys().collect())
    })
}

/// Reads which environment is meant, and the `streamform` block, without evaluating anything else:
/// what commands on the state need, which must work where the definitions do not.
pub fn settings(
    files: &dyn Files,
    root: &str,
    environment: Option<&EnvironmentName>,
    tool_version: &str,
) -> Result<(EnvironmentName, Settings), Diagnostics> {
    of_head(files, root, |index, sources, diagnostics| {
        let declared = settings::environments(index, sources, diagnostics);
        let chosen = diagnostics.take(choose(environment, &declared))?;
        let environment = chosen.environment.name;
        let mut reader = Reader {
            sources,
            environment: &environment,
            diagnostics,
        };
        let settings = reader.settings(&index.settings, tool_version);
        Some((environment, settings))
    })
}

/// The keywords of the blocks that say how a project is run, not what it defines.
const HEAD: &[&str] = &["environment", "streamform"];

/// Looks at the blocks of [`HEAD`]; the others may hold anything.
fn of_head<T>(
    files: &dyn Files,
    root: &str,
    look: impl FnOnce(&Index<'_>, &SourceMap, &mut Diagnostics) -> Option<T>,
) -> Result<T, Diagnostics> {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::new();
    let reading = Reading {
        files,
        look: Look::Only(HEAD),
        whole: false,
    };
    let folder = reading.folder(root, &mut sources, &mut diagnostics);
    let mut index = Index::default();
    let sources_of = folder.iter().flat_map(|folder| &folder.sources);
    for part in sources_of.flat_map(|source| &source.parts) {
        for block in part.blocks() {
            let plain = Plain {
                piece: &part.piece,
                block,
            };
            match (block.ident.as_str(), &*block.labels) {
                ("environment", [label]) => {
                    index.environments.insert(label.as_str(), plain);
                }
                ("streamform", []) => index.settings.push(plain),
                _ => {}
            }
        }
    }
    match look(&index, &sources, &mut diagnostics) {
        Some(found) if !diagnostics.has_errors() => Ok(found),
        _ => Err(sources.attach(diagnostics)),
    }
}

/// Reports each message once, in the order of the source: a module's mistake is found in each of its
/// instances.
fn once_each(diagnostics: Diagnostics) -> Diagnostics {
    let mut seen = BTreeSet::new();
    let mut once: Vec<Diagnostic> = diagnostics
        .into_iter()
        .filter(|d| seen.insert((d.span.clone(), d.summary.clone(), d.detail.clone())))
        .collect();
    once.sort_by(|a, b| a.span.cmp(&b.span));
    Diagnostics(once)
}

fn load_all<T>(
    request: &LoadRequest<'_>,
    whole: bool,
    depth: Depth,
    look: &impl Fn(&Engine<'_, '_>) -> T,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Loaded<T> {
    let Some(folders) = read_folders(request, whole, sources, diagnostics) else {
        return Loaded::Failed;
    };
    let mut indices: BTreeMap<&str, Index<'_>> = BTreeMap::new();
    for folder in &folders {
        let index = index::index(folder, request.kinds, sources, diagnostics);
        if &*folder.path != request.root {
            refuse_root_only(&index, diagnostics);
        }
        indices.insert(&folder.path, index);
    }
    let root = &indices[request.root];
    let declared = settings::environments(root, sources, diagnostics);
    let Some(chosen) = diagnostics.take(choose(request.environment, &declared)) else {
        return Loaded::Failed;
    };
    let environment = &chosen.environment.name;
    let settings = read_settings(request, &indices, environment, sources, diagnostics);
    let given = given(request, root, &chosen, sources, diagnostics);
    let keywords: Vec<&str> = request.kinds.iter().map(|kind| kind.keyword).collect();
    let context = Context {
        modules: &indices,
        keywords: &keywords,
        providers: request.providers,
        sources,
        depth,
    };
    let mut record = Record::default();
    let mut modules = declare_all(&context, &mut record, diagnostics);
    let is_right = |file: &Arc<str>| sources.text(file).is_some_and(|t| syntax::parse(t).is_ok());
    if record.unreadable.iter().any(is_right) {
        return Loaded::WrongCut;
    }
    let tree = match Tree::grow(&modules, request.root) {
        Ok(tree) => tree,
        Err(found) => {
            diagnostics.extend(found);
            // Nothing will be evaluated: what is wrong with late objects is said now.
            for Module { index, items } in modules.values_mut() {
                declare::declare_late(index, items, true, &context, &mut record, diagnostics);
            }
            return Loaded::Failed;
        }
    };
    let order = order::order(&tree, sources, diagnostics);
    let log = ReadLog::default();
    let access = FileAccess {
        folder: request.root,
        files: request.files,
        log: &log,
    };
    let has_errors = diagnostics.has_errors();
    let on_providers = |providers: &BTreeMap<ProviderAddress, Provider>| {
        if let Some(told) = request.on_head.filter(|_| !has_errors) {
            told(&Head {
                settings: &settings,
                environment,
                providers,
            });
        }
    };
    let start = Start {
        tree: &tree,
        context: &context,
        kinds: request.kinds,
        sources,
        access: &access,
        environment,
        given: &given,
        allow_unset: request.unset_variables == UnsetVariables::Unknown,
    };
    let mut engine = Engine::run(&start, order, record, on_providers);
    if engine.record.unreadable.iter().any(is_right) {
        return Loaded::WrongCut;
    }
    engine.link();
    let (moved, removed) = address_blocks(request, &tree, &engine, diagnostics);
    diagnostics.extend(std::mem::take(&mut engine.diagnostics));
    let seen = look(&engine);
    let Engine {
        results, record, ..
    } = engine;
    // Blocks that failed have no addresses, and every address would seem to be missing.
    if !diagnostics.has_errors() {
        check_addresses(&results, &moved, &removed, diagnostics);
    }
    let release = release_hash(request.root, &folders, &record, log.into_hashes());
    let found = Found {
        settings,
        environment: chosen.environment.clone(),
        environments: declared.into_keys().collect(),
        moved,
        removed,
        release,
    };
    Loaded::Whole(Box::new(assemble(found, results)), seen)
}

/// Declares the items of all modules.
fn declare_all<'r, 'a>(
    context: &Context<'r, 'a>,
    record: &mut Record,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<&'a str, Module<'a>>
where
    'r: 'a,
{
    let mut modules = BTreeMap::new();
    for (folder, index) in context.modules {
        let items = declare::declare(index, context, record, diagnostics);
        modules.insert(*folder, Module { index, items });
    }
    // What comes after a whole module comes after objects that nobody names.
    let all = modules.values().any(Module::depends_on_modules);
    for Module { index, items } in modules.values_mut() {
        declare::declare_late(index, items, all, context, record, diagnostics);
    }
    modules
}

/// Reads the root folder and those of all modules that are called.
fn read_folders(
    request: &LoadRequest<'_>,
    whole: bool,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Folder>> {
    let reading = Reading {
        files: request.files,
        look: Look::All(request.kinds),
        whole,
    };
    let root = reading.folder(request.root, sources, diagnostics)?;
    if root.sources.is_empty() && !diagnostics.has_errors() {
        let shown = if request.root.is_empty() {
            "."
        } else {
            request.root
        };
        diagnostics.push(
            Diagnostic::error("no-project", format!("There is no project in {shown:?}"))
                .detail("The folder holds no file whose name ends in .hcl."),
        );
        return None;
    }
    let mut folders = vec![root];
    let mut known: BTreeSet<String> = BTreeSet::from([request.root.to_owned()]);
    let mut at = 0;
    while at < folders.len() {
        for (path, call) in called_folders(&folders[at], diagnostics) {
            if !known.insert(path.clone()) {
                continue;
            }
            let mut found = Diagnostics::new();
            folders.extend(reading.folder(&path, sources, &mut found));
            let place = |error: Diagnostic| {
                let at = error.span.clone().unwrap_or_else(|| call.clone());
                error.at(at)
            };
            diagnostics.extend(found.into_iter().map(place).collect());
        }
        at += 1;
    }
    // A file or a module that is missing would make what it declares seem undeclared.
    if diagnostics.has_errors() {
        for folder in &folders {
            folder.look_for_syntax_errors(sources, diagnostics);
        }
        return None;
    }
    Some(folders)
}

/// Lists the folders that a module calls, with the places of the calls.
fn called_folders(folder: &Folder, diagnostics: &mut Diagnostics) -> Vec<(String, Span)> {
    let mut called = Vec::new();
    for part in folder.sources.iter().flat_map(|source| &source.parts) {
        for block in part.blocks().filter(|block| block.has_ident("module")) {
            match index::call_folder(&folder.path, &part.piece, block) {
                Ok(path) => called.push((path, index::header_span(&part.piece, block))),
                Err(error) => diagnostics.push(error),
            }
        }
    }
    called
}

/// Refuses what only the root module may hold.
fn refuse_root_only(index: &Index<'_>, diagnostics: &mut Diagnostics) {
    let mut refuse = |span: &Span, keyword: &str, hint: &str| {
        diagnostics.push(
            Diagnostic::error(
                "root-only",
                format!("A called module holds no {keyword} block"),
            )
            .detail("Such a block belongs in the project's own folder.")
            .at(span.clone())
            .hint(hint.to_owned()),
        );
    };
    for plain in index.environments.values() {
        refuse(&plain.span(), "environment", "give the module variables");
    }
    for plain in &index.settings {
        let body = &plain.block.body;
        if body.iter().any(|s| {
            s.as_attribute()
                .is_none_or(|a| !a.has_key("required_version"))
        }) {
            refuse(
                &plain.span(),
                "streamform",
                "only required_version may stand there",
            );
        }
    }
    for header in &index.items {
        match header.kind {
            index::ItemKind::Provider => refuse(
                &header.span,
                "provider",
                "pass a provider with providers = { … } in the module block",
            ),
            index::ItemKind::Import => refuse(
                &header.span,
                "import",
                "write the module's path in its address",
            ),
            _ => {}
        }
    }
}

/// Finds the environment that was asked for.
fn choose(
    wanted: Option<&EnvironmentName>,
    declared: &BTreeMap<EnvironmentName, Declared>,
) -> Result<Declared, Diagnostic> {
    let names: Vec<&str> = declared.keys().map(EnvironmentName::as_str).collect();
    let listed = names.join(", ");
    let default = EnvironmentName::default_environment();
    match wanted {
        None if declared.is_empty() => Ok(default_environment(default)),
        Some(name) if declared.is_empty() && *name == default => Ok(default_environment(default)),
        None => Err(Diagnostic::error(
            "choose-environment",
            "The project has several environments",
        )
        .detail(format!("They are: {listed}."))
        .hint("choose one with --env NAME")),
        Some(name) => declared.get(name).cloned().ok_or_else(|| {
            let error = Diagnostic::error(
                "unknown-environment",
                format!("There is no environment {:?}", name.as_str()),
            );
            if declared.is_empty() {
                return error.detail("The project declares none.");
            }
            error
                .detail(format!("The environments are: {listed}."))
                .hint_opt(did_you_mean(name.as_str(), names.iter().copied()))
        }),
    }
}

fn default_environment(name: EnvironmentName) -> Declared {
    Declared {
        environment: Environment::named(name),
        values: None,
    }
}

/// Reads the root module's `streamform` block, and the required versions of all modules.
fn read_settings(
    request: &LoadRequest<'_>,
    indices: &BTreeMap<&str, Index<'_>>,
    environment: &EnvironmentName,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Settings {
    let mut reader = Reader {
        sources,
        environment,
        diagnostics,
    };
    for (folder, index) in indices {
        if *folder != request.root {
            for plain in &index.settings {
                reader.required_version(*plain, request.tool_version);
            }
        }
    }
    reader.settings(&indices[request.root].settings, request.tool_version)
}

/// Collects the values of the root module's variables.
fn given(
    request: &LoadRequest<'_>,
    root: &Index<'_>,
    chosen: &Declared,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, inputs::Given> {
    // What files of values read is no part of the release.
    let log = ReadLog::default();
    let access = FileAccess {
        folder: request.root,
        files: request.files,
        log: &log,
    };
    inputs::Collector {
        index: root,
        files: request.files,
        access: &access,
        sources,
        diagnostics,
        given: BTreeMap::new(),
    }
    .collect(request.root, chosen.values.as_ref(), request.inputs)
}

/// Reads `moved` and `removed` of all modules. Their addresses are those of the module's instances.
fn address_blocks(
    request: &LoadRequest<'_>,
    tree: &Tree<'_, '_>,
    engine: &Engine<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> (Vec<Moved>, Vec<Removed>) {
    let (mut all_moved, mut all_removed) = (Vec::new(), Vec::new());
    for (branch, instances) in tree.branches.iter().zip(&engine.instances) {
        for plain in &branch.module.index.moved {
            let Some(moved) = addresses::moved(*plain, request.kinds, diagnostics) else {
                continue;
            };
            all_moved.extend(instances.iter().map(|instance| Moved {
                from: addresses::below(&instance.path, &moved.from),
                to: addresses::below(&instance.path, &moved.to),
                span: moved.span.clone(),
            }));
        }
        for plain in &branch.module.index.removed {
            let Some(removed) = addresses::removed(*plain, request.kinds, diagnostics) else {
                continue;
            };
            all_removed.extend(instances.iter().map(|instance| Removed {
                from: addresses::below(&instance.path, &removed.from),
                ..removed.clone()
            }));
        }
    }
    (all_moved, all_removed)
}

/// Checks `moved`, `removed` and `import` against the objects that there are.
fn check_addresses(
    results: &Results,
    moved: &[Moved],
    removed: &[Removed],
    diagnostics: &mut Diagnostics,
) {
    let addresses: BTreeSet<&Address> = results.addresses().collect();
    let declared =
        |pattern: &AddressPattern| addresses.iter().any(|address| pattern.matches(address));
    let mut from: Vec<&AddressPattern> = Vec::new();
    for block in moved {
        // `topic.a` → `topic.a["x"]`: the block has got for_each, and is still there.
        let within = matches!((&block.from, &block.to),
            (AddressPattern::Object(old), AddressPattern::Object(new)) if new.is_within(old));
        if !within && declared(&block.from) {
            diagnostics.push(
                Diagnostic::error("moved", format!("{} is still declared", block.from))
                    .detail(format!("It cannot have moved to {}.", block.to))
                    .at(block.span.clone()),
            );
        }
        if from.contains(&&block.from) {
            diagnostics.push(
                Diagnostic::error("moved", format!("{} moves twice", block.from))
                    .at(block.span.clone()),
            );
        }
        from.push(&block.from);
    }
    for block in removed.iter().filter(|block| declared(&block.from)) {
        diagnostics.push(
            Diagnostic::error("removed", format!("{} is still declared", block.from))
                .detail("A removed block is for what the project no longer holds.")
                .at(block.span.clone()),
        );
    }
    for import in &results.imports {
        if !addresses.contains(&import.to) {
            let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let given = import.to.to_string();
            diagnostics.push(
                Diagnostic::error("import", format!("{given} is not declared"))
                    .detail("An import needs the object's own block.")
                    .at(import.span.clone())
                    .hint_opt(did_you_mean(&given, names.iter().map(String::as_str))),
            );
        }
    }
}

/// Hashes the definitions, and what functions read, with paths as seen from the root module.
fn release_hash(
    root: &str,
    folders: &[Folder],
    record: &Record,
    read: BTreeMap<Arc<str>, ContentHash>,
) -> ContentHash {
    let mut definitions = BTreeMap::new();
    for source in folders.iter().flat_map(|folder| &folder.sources) {
        let hashes = source.parts.iter().flat_map(|part| match &part.content {
            Content::Tree(body) => body.iter().map(release::hash_structure).collect(),
            Content::Object { .. } => {
                let place = (Arc::clone(&part.piece.file), part.piece.base);
                record
                    .hashes
                    .get(&place)
                    .copied()
                    .into_iter()
                    .collect::<Vec<_>>()
            }
        });
        let path = release::relative(root, &source.file);
        definitions.insert(path, release::hash_file(hashes));
    }
    let read = read
        .into_iter()
        .map(|(path, hash)| (release::relative(root, &path), hash))
        .collect();
    release::hash(&definitions, &read)
}

/// What is found besides the objects.
struct Found {
    settings: Settings,
    environment: Environment,
    environments: Vec<EnvironmentName>,
    moved: Vec<Moved>,
    removed: Vec<Removed>,
    release: ContentHash,
}

fn assemble(found: Found, results: Results) -> Project {
    let resources = results.built.into_iter().map(|built| built.resource);
    Project {
        settings: found.settings,
        environment: found.environment,
        environments: found.environments,
        providers: results.providers,
        resources: resources.map(|r| (r.address.clone(), r)).collect(),
        moved: found.moved,
        imports: results.imports,
        removed: found.removed,
        checks: results.checks,
        outputs: results.outputs,
        release: found.release,
        warnings: Diagnostics::new(),
        sources: SourceMap::default(),
    }
}
