//! The names that a module declares, found before any body is read, so that order does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Structure};

use crate::address::{ProviderAddress, is_identifier};
use crate::config::files::join;
use crate::config::schema::KindSchema;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};

use super::source::{Folder, Source, span};

/// The place of an item in [`Index::items`] and in its module.
pub(super) type ItemId = usize;

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind<'a> {
    Variable,
    Local,
    Output,
    Object(&'a KindSchema),
    Call,
    Provider,
    Check,
    Import,
}

/// The syntax of an item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Syntax<'a> {
    Block(&'a Block),
    /// One line of `locals`.
    Attribute(&'a Attribute),
}

/// Something that has a value, or that is evaluated.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: ItemKind<'a>,
    pub(super) name: &'a str,
    pub(super) file: &'a Arc<str>,
    pub(super) syntax: Syntax<'a>,
    /// The keyword and the labels, or a local's name.
    pub(super) span: Span,
}

/// A block of the file's level that is no item, with its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) block: &'a Block,
}

impl Plain<'_> {
    /// The keyword and the labels.
    pub(super) fn span(&self) -> Span {
        header_span(self.file, self.block)
    }
}

/// The names that a module declares.
#[derive(Debug, Default)]
pub(super) struct Index<'a> {
    pub(super) folder: &'a str,
    pub(super) items: Vec<Header<'a>>,
    pub(super) variables: BTreeMap<&'a str, ItemId>,
    pub(super) locals: BTreeMap<&'a str, ItemId>,
    pub(super) outputs: BTreeMap<&'a str, ItemId>,
    pub(super) calls: BTreeMap<&'a str, ItemId>,
    pub(super) checks: BTreeMap<&'a str, ItemId>,
    pub(super) objects: BTreeMap<&'a str, BTreeMap<&'a str, ItemId>>,
    pub(super) providers: BTreeMap<ProviderAddress, ItemId>,
    /// The folders of the modules that are called, for each call whose source is in order.
    pub(super) call_folders: BTreeMap<ItemId, String>,
    pub(super) environments: BTreeMap<&'a str, Plain<'a>>,
    pub(super) settings: Vec<Plain<'a>>,
    pub(super) moved: Vec<Plain<'a>>,
    pub(super) removed: Vec<Plain<'a>>,
}

/// The blocks that every project may hold besides its kinds, with their number of labels.
const KEYWORDS: [(&str, usize); 11] = [
    ("streamform", 0),
    ("variable", 1),
    ("locals", 0),
    ("output", 1),
    ("provider", 1),
    ("environment", 1),
    ("module", 1),
    ("moved", 0),
    ("import", 0),
    ("removed", 0),
    ("check", 1),
];

/// Returns the span of a block's keyword and labels.
pub(super) fn header_span(file: &Arc<str>, block: &Block) -> Span {
    let start = block.ident.span().unwrap_or(0..0);
    let end = block
        .labels
        .last()
        .and_then(hcl_edit::Span::span)
        .map_or(start.end, |label| label.end);
    Span::new(Arc::clone(file), start.start..end)
}

/// Returns a place for people: `main.hcl:3`.
pub(super) fn place(sources: &SourceMap, span: &Span) -> String {
    match sources.excerpt(span) {
        Some(excerpt) => format!("{}:{}", excerpt.file, excerpt.line),
        None => span.file.to_string(),
    }
}

/// Returns the folder that a `module` block's `source` names, which is known before anything is evaluated.
pub(super) fn call_folder(
    folder: &str,
    source: &Source,
    block: &Block,
) -> Result<String, Diagnostic> {
    let Some(attribute) = block.body.get_attribute("source") else {
        return Err(
            Diagnostic::error("missing-attribute", "A module needs a source")
                .at(header_span(&source.file, block))
                .hint("write source = \"./FOLDER\""),
        );
    };
    let at = span(&source.file, &attribute.value);
    let Expression::String(text) = &attribute.value else {
        return Err(
            Diagnostic::error("module-source", "A module's source is a plain text")
                .detail("Which files belong to a project is known before anything is evaluated.")
                .at(at),
        );
    };
    if !(text.starts_with("./") || text.starts_with("../")) {
        return Err(Diagnostic::error(
            "module-source",
            "A module's source is a folder of this project",
        )
        .detail("It begins with \"./\" or \"../\".")
        .at(at));
    }
    join(folder, text).map_err(|_| {
        Diagnostic::error(
            "module-source",
            "The module's source leads out of the project",
        )
        .at(at)
    })
}

/// Lists the names of a module's files.
pub(super) fn index<'a>(
    folder: &'a Folder,
    kinds: &'a [KindSchema],
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Index<'a> {
    let mut indexer = Indexer {
        index: Index {
            folder: &folder.path,
            ..Index::default()
        },
        kinds,
        sources,
        diagnostics,
    };
    for source in &folder.sources {
        for structure in &source.body {
            match structure {
                Structure::Block(block) => indexer.block(source, block),
                Structure::Attribute(attribute) => indexer.stray_attribute(source, attribute),
            }
        }
    }
    indexer.index
}

struct Indexer<'a, 'r> {
    index: Index<'a>,
    kinds: &'a [KindSchema],
    sources: &'r SourceMap,
    diagnostics: &'r mut Diagnostics,
}

impl<'a> Indexer<'a, '_> {
    fn block(&mut self, source: &'a Source, block: &'a Block) {
        let keyword = block.ident.as_str();
        let kind = self.kinds.iter().find(|kind| kind.keyword == keyword);
        let labels = match (kind, KEYWORDS.iter().find(|(name, _)| *name == keyword)) {
            (Some(_), _) => 1,
            (None, Some((_, labels))) => *labels,
            (None, None) => return self.unknown_block(source, block),
        };
        if !self.labels_fit(source, block, labels) {
            return;
        }
        let plain = Plain {
            file: &source.file,
            block,
        };
        let name = block.labels.first().map_or("", |label| label.as_str());
        if let Some(kind) = kind {
            self.named(ItemKind::Object(kind), name, source, block);
            return;
        }
        match keyword {
            "streamform" => self.index.settings.push(plain),
            "variable" => self.named(ItemKind::Variable, name, source, block),
            "output" => self.named(ItemKind::Output, name, source, block),
            "check" => self.named(ItemKind::Check, name, source, block),
            "module" => self.call(name, source, block),
            "locals" => self.locals(source, block),
            "provider" => self.provider(name, source, block),
            "environment" => self.environment(name, plain),
            "import" => {
                self.push(ItemKind::Import, "", source, block);
            }
            "moved" => self.index.moved.push(plain),
            _ => self.index.removed.push(plain),
        }
    }

    fn push(
        &mut self,
        kind: ItemKind<'a>,
        name: &'a str,
        source: &'a Source,
        block: &'a Block,
    ) -> ItemId {
        self.index.items.push(Header {
            kind,
            name,
            file: &source.file,
            syntax: Syntax::Block(block),
            span: header_span(&source.file, block),
        });
        self.index.items.len() - 1
    }

    /// Adds an item whose name is its own within its kind.
    fn named(&mut self, kind: ItemKind<'a>, name: &'a str, source: &'a Source, block: &'a Block) {
        let id = self.push(kind, name, source, block);
        let names = match kind {
            ItemKind::Variable => &mut self.index.variables,
            ItemKind::Local => &mut self.index.locals,
            ItemKind::Output => &mut self.index.outputs,
            ItemKind::Call => &mut self.index.calls,
            ItemKind::Object(kind) => self.index.objects.entry(kind.keyword).or_default(),
            ItemKind::Check | ItemKind::Provider | ItemKind::Import => &mut self.index.checks,
        };
        if let Some(first) = names.get(name).copied() {
            self.duplicate(id, first, block.ident.as_str());
        } else {
            names.insert(name, id);
        }
    }

    /// Takes the last item out again and reports where its name was used first.
    fn duplicate(&mut self, id: ItemId, first: ItemId, keyword: &str) {
        let header = self.index.items.remove(id);
        let first = place(self.sources, &self.index.items[first].span);
        self.diagnostics.push(
            Diagnostic::error(
                "duplicate",
                format!("There are two {keyword} blocks {:?}", header.name),
            )
            .detail(format!("The first one is at {first}."))
            .at(header.span),
        );
    }

    fn call(&mut self, name: &'a str, source: &'a Source, block: &'a Block) {
        let before = self.index.items.len();
        self.named(ItemKind::Call, name, source, block);
        // A folder that cannot be read, or a source that is none, is reported by the reader of the files.
        if self.index.items.len() > before
            && let Ok(folder) = call_folder(self.index.folder, source, block)
        {
            self.index.call_folders.insert(before, folder);
        }
    }

    fn locals(&mut self, source: &'a Source, block: &'a Block) {
        for structure in &block.body {
            match structure {
                Structure::Attribute(attribute) => self.local(source, attribute),
                Structure::Block(inner) => self.diagnostics.push(
                    Diagnostic::error("unknown-block", "A locals block holds no blocks")
                        .at(header_span(&source.file, inner)),
                ),
            }
        }
    }

    fn local(&mut self, source: &'a Source, attribute: &'a Attribute) {
        let name = attribute.key.as_str();
        let at = span(&source.file, &attribute.key);
        if let Some(first) = self.index.locals.get(name) {
            let first = place(self.sources, &self.index.items[*first].span);
            self.diagnostics.push(
                Diagnostic::error("duplicate", format!("The local {name:?} is declared twice"))
                    .detail(format!("The first one is at {first}."))
                    .at(at),
            );
            return;
        }
        self.index.locals.insert(name, self.index.items.len());
        self.index.items.push(Header {
            kind: ItemKind::Local,
            name,
            file: &source.file,
            syntax: Syntax::Attribute(attribute),
            span: at,
        });
    }

    fn provider(&mut self, name: &'a str, source: &'a Source, block: &'a Block) {
        let alias = match block.body.get_attribute("alias").map(|a| &a.value) {
            None => None,
            Some(Expression::String(alias)) if is_identifier(alias) => {
                Some(Arc::from(alias.as_str()))
            }
            Some(other) => {
                self.diagnostics.push(
                    Diagnostic::error("provider-alias", "A provider's alias is a plain name")
                        .at(span(&source.file, other))
                        .hint("write letters, digits and \"_\" in quotes"),
                );
                return;
            }
        };
        let address = ProviderAddress {
            kind: name.into(),
            alias,
        };
        let id = self.push(ItemKind::Provider, name, source, block);
        if let Some(first) = self.index.providers.get(&address).copied() {
            let header = self.index.items.remove(id);
            let first = place(self.sources, &self.index.items[first].span);
            self.diagnostics.push(
                Diagnostic::error("duplicate", format!("There are two providers {address}"))
                    .detail(format!("The first one is at {first}."))
                    .at(header.span)
                    .hint("give one of them another alias"),
            );
        } else {
            self.index.providers.insert(address, id);
        }
    }

    fn environment(&mut self, name: &'a str, plain: Plain<'a>) {
        if let Some(first) = self.index.environments.get(name) {
            let first = place(self.sources, &first.span());
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate",
                    format!("There are two environment blocks {name:?}"),
                )
                .detail(format!("The first one is at {first}."))
                .at(plain.span()),
            );
        } else {
            self.index.environments.insert(name, plain);
        }
    }

    fn labels_fit(&mut self, source: &Source, block: &Block, expected: usize) -> bool {
        let keyword = block.ident.as_str();
        if block.labels.len() != expected {
            let detail = match expected {
                0 => format!("It is written {keyword} {{ … }}, without a label."),
                _ => format!("It is written {keyword} \"NAME\" {{ … }}, with one label."),
            };
            self.diagnostics.push(
                Diagnostic::error(
                    "labels",
                    format!("Wrong number of labels of a {keyword} block"),
                )
                .detail(detail)
                .at(header_span(&source.file, block)),
            );
            return false;
        }
        if let Some(label) = block
            .labels
            .iter()
            .find(|label| !is_identifier(label.as_str()))
        {
            self.diagnostics.push(
                Diagnostic::error("name", format!("{:?} is not a name", label.as_str()))
                    .detail("A name is a letter or \"_\", then letters, digits, \"_\" and \"-\".")
                    .at(span(&source.file, label)),
            );
            return false;
        }
        true
    }

    fn unknown_block(&mut self, source: &Source, block: &Block) {
        let keyword = block.ident.as_str();
        let names = KEYWORDS
            .iter()
            .map(|(name, _)| *name)
            .chain(self.kinds.iter().map(|kind| kind.keyword));
        let hint = match keyword {
            "terraform" => Some("the block is called streamform here".to_owned()),
            "resource" => {
                Some("write the kind as the keyword, such as topic \"NAME\" { … }".to_owned())
            }
            _ => did_you_mean(keyword, names),
        };
        self.diagnostics.push(
            Diagnostic::error("unknown-block", format!("Unknown block {keyword:?}"))
                .at(header_span(&source.file, block))
                .hint_opt(hint),
        );
    }

    fn stray_attribute(&mut self, source: &Source, attribute: &Attribute) {
        self.diagnostics.push(
            Diagnostic::error(
                "unknown-attribute",
                format!(
                    "The attribute {:?} stands outside of a block",
                    attribute.key.as_str()
                ),
            )
            .at(span(&source.file, &attribute.key))
            .hint("values of variables belong in a file whose name ends in .vars.hcl"),
        );
    }
}
