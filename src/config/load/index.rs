//! The names that a module declares, found before any body is read, so that order does not matter.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Structure};

use crate::address::{ProviderAddress, is_identifier};
use crate::config::files::join;
use crate::config::schema::KindSchema;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap, Span, did_you_mean};

use super::source::{Content, Folder, Part, Piece, span};

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
    /// The block of an object, which is parsed where it is needed.
    Text,
    /// One line of `locals`.
    Attribute(&'a Attribute),
}

/// Something that has a value, or that is evaluated.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: ItemKind<'a>,
    pub(super) name: &'a str,
    pub(super) piece: &'a Piece,
    pub(super) syntax: Syntax<'a>,
    /// The keyword and the labels, or a local's name.
    pub(super) span: Span,
}

/// A block of the file's level that is no item, with its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) piece: &'a Piece,
    pub(super) block: &'a Block,
}

impl Plain<'_> {
    /// The keyword and the labels.
    pub(super) fn span(&self) -> Span {
        header_span(self.piece, self.block)
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

/// Returns the range of a block's keyword and labels within its piece.
pub(super) fn header_range(block: &Block) -> Range<usize> {
    let keyword = block.ident.span().unwrap_or(0..0);
    let last = block.labels.last().and_then(hcl_edit::Span::span);
    keyword.start..last.map_or(keyword.end, |label| label.end)
}

/// Returns the span of a block's keyword and labels.
pub(super) fn header_span(piece: &Piece, block: &Block) -> Span {
    piece.span(header_range(block))
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
    piece: &Piece,
    block: &Block,
) -> Result<String, Diagnostic> {
    let Some(attribute) = block.body.get_attribute("source") else {
        return Err(
            Diagnostic::error("missing-attribute", "A module needs a source")
                .at(header_span(piece, block))
                .hint("write source = \"./FOLDER\""),
        );
    };
    let at = span(piece, &attribute.value);
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
    for part in folder.sources.iter().flat_map(|source| &source.parts) {
        indexer.part(part);
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
    fn part(&mut self, part: &'a Part) {
        let piece = &part.piece;
        match &part.content {
            Content::Tree(body) => {
                for structure in body {
                    match structure {
                        Structure::Block(block) => self.block(piece, block),
                        Structure::Attribute(attribute) => self.stray_attribute(piece, attribute),
                    }
                }
            }
            Content::Object {
                keyword,
                label,
                header,
            } => {
                if let Some(kind) = self.kinds.iter().find(|kind| kind.keyword == keyword) {
                    self.named(Header {
                        kind: ItemKind::Object(kind),
                        name: label,
                        piece,
                        syntax: Syntax::Text,
                        span: piece.span(header.clone()),
                    });
                }
            }
        }
    }

    fn block(&mut self, piece: &'a Piece, block: &'a Block) {
        let keyword = block.ident.as_str();
        let kind = self.kinds.iter().find(|kind| kind.keyword == keyword);
        let labels = match (kind, KEYWORDS.iter().find(|(name, _)| *name == keyword)) {
            (Some(_), _) => 1,
            (None, Some((_, labels))) => *labels,
            (None, None) => return self.unknown_block(piece, block),
        };
        if !self.labels_fit(piece, block, labels) {
            return;
        }
        let plain = Plain { piece, block };
        let name = block.labels.first().map_or("", |label| label.as_str());
        let header = |kind| Header {
            kind,
            name,
            piece,
            syntax: Syntax::Block(block),
            span: header_span(piece, block),
        };
        if let Some(kind) = kind {
            self.named(header(ItemKind::Object(kind)));
            return;
        }
        match keyword {
            "streamform" => self.index.settings.push(plain),
            "variable" => drop(self.named(header(ItemKind::Variable))),
            "output" => drop(self.named(header(ItemKind::Output))),
            "check" => drop(self.named(header(ItemKind::Check))),
            "module" => self.call(header(ItemKind::Call), piece, block),
            "locals" => self.locals(piece, block),
            "provider" => self.provider(header(ItemKind::Provider), block),
            "environment" => self.environment(name, plain),
            "import" => self.index.items.push(header(ItemKind::Import)),
            "moved" => self.index.moved.push(plain),
            _ => self.index.removed.push(plain),
        }
    }

    /// Adds an item whose name is its own within its kind, and returns its place; a second one is
    /// reported with the place of the first.
    fn named(&mut self, header: Header<'a>) -> Option<ItemId> {
        let index = &mut self.index;
        let (keyword, names) = match header.kind {
            ItemKind::Variable => ("variable", &mut index.variables),
            ItemKind::Output => ("output", &mut index.outputs),
            ItemKind::Call => ("module", &mut index.calls),
            ItemKind::Object(kind) => {
                (kind.keyword, index.objects.entry(kind.keyword).or_default())
            }
            ItemKind::Local => ("local", &mut index.locals),
            ItemKind::Check | ItemKind::Provider | ItemKind::Import => ("check", &mut index.checks),
        };
        let id = index.items.len();
        if let Some(first) = names.get(header.name) {
            let first = place(self.sources, &index.items[*first].span);
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate",
                    format!("{keyword} {:?} is declared twice", header.name),
                )
                .detail(format!("The first one is at {first}."))
                .at(header.span),
            );
            return None;
        }
        names.insert(header.name, id);
        index.items.push(header);
        Some(id)
    }

    fn call(&mut self, header: Header<'a>, piece: &'a Piece, block: &'a Block) {
        // A folder that cannot be read, or a source that is none, is reported by the reader of the files.
        if let Some(id) = self.named(header)
            && let Ok(folder) = call_folder(self.index.folder, piece, block)
        {
            self.index.call_folders.insert(id, folder);
        }
    }

    fn locals(&mut self, piece: &'a Piece, block: &'a Block) {
        for structure in &block.body {
            match structure {
                Structure::Attribute(attribute) => self.local(piece, attribute),
                Structure::Block(inner) => self.diagnostics.push(
                    Diagnostic::error("unknown-block", "A locals block holds no blocks")
                        .at(header_span(piece, inner)),
                ),
            }
        }
    }

    fn local(&mut self, piece: &'a Piece, attribute: &'a Attribute) {
        self.named(Header {
            kind: ItemKind::Local,
            name: attribute.key.as_str(),
            piece,
            syntax: Syntax::Attribute(attribute),
            span: span(piece, &attribute.key),
        });
    }

    fn provider(&mut self, header: Header<'a>, block: &'a Block) {
        let alias = match block.body.get_attribute("alias").map(|a| &a.value) {
            None => None,
            Some(Expression::String(alias)) if is_identifier(alias) => {
                Some(Arc::from(alias.as_str()))
            }
            Some(other) => {
                self.diagnostics.push(
                    Diagnostic::error("provider-alias", "A provider's alias is a plain name")
                        .at(span(header.piece, other))
                        .hint("write letters, digits and \"_\" in quotes"),
                );
                return;
            }
        };
        let address = ProviderAddress {
            kind: header.name.into(),
            alias,
        };
        if let Some(first) = self.index.providers.get(&address) {
            let first = place(self.sources, &self.index.items[*first].span);
            self.diagnostics.push(
                Diagnostic::error("duplicate", format!("provider {address} is declared twice"))
                    .detail(format!("The first one is at {first}."))
                    .at(header.span)
                    .hint("give one of them another alias"),
            );
            return;
        }
        self.index.providers.insert(address, self.index.items.len());
        self.index.items.push(header);
    }

    fn environment(&mut self, name: &'a str, plain: Plain<'a>) {
        if let Some(first) = self.index.environments.get(name) {
            let first = place(self.sources, &first.span());
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate",
                    format!("environment {name:?} is declared twice"),
                )
                .detail(format!("The first one is at {first}."))
                .at(plain.span()),
            );
        } else {
            self.index.environments.insert(name, plain);
        }
    }

    fn labels_fit(&mut self, piece: &Piece, block: &Block, expected: usize) -> bool {
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
                .at(header_span(piece, block)),
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
                    .at(span(piece, label)),
            );
            return false;
        }
        true
    }

    fn unknown_block(&mut self, piece: &Piece, block: &Block) {
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
                .at(header_span(piece, block))
                .hint_opt(hint),
        );
    }

    fn stray_attribute(&mut self, piece: &Piece, attribute: &Attribute) {
        self.diagnostics.push(
            Diagnostic::error(
                "unknown-attribute",
                format!(
                    "The attribute {:?} stands outside of a block",
                    attribute.key.as_str()
                ),
            )
            .at(span(piece, &attribute.key))
            .hint("values of variables belong in a file whose name ends in .vars.hcl"),
        );
    }
}
