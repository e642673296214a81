//! Two schemas → everything that the reader's cannot read of what the writer's writes. Pure.
//!
//! A comparison is a graph: its nodes are pairs of types (reader's, writer's), its edges what a pair
//! rests on. A pair fails when it has a fault of its own, when one of the pairs it rests on fails, or,
//! for a union that reads, when all of them do. Pairs that rest on each other and have no fault are
//! compatible, which is what lets recursive schemas be so. No step follows a schema by recursion, and
//! each pair is looked at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::compatibility::{Direction, Mismatch};

use super::canonical::canonical;
use super::explain::{Fault, Scene, too_complex};
use super::schema::{Enum, Field, Named, Record, Schema, Shape, TypeId};

/// How many pairs and edges are looked at before a comparison is given up: a large schema has some
/// 100,000, and only unions of thousands of types of one name have more.
const MOST_STEPS: usize = 1_000_000;

/// Returns all that the reader's schema expects and data of the writer's does not give.
///
/// In [`Direction::Backward`] the reader's schema is the new one, in [`Direction::Forward`] the
/// writer's; the advice is for whoever proposes the new one.
pub fn compare(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Mismatch> {
    let scene = Scene {
        reader,
        writer,
        direction,
    };
    let mut comparison = Comparison {
        reader,
        writer,
        pairs: Vec::new(),
        known: BTreeMap::new(),
        steps: 0,
        branches: BTreeMap::new(),
    };
    let found = if comparison.explore() {
        comparison.propagate();
        comparison.report(&scene)
    } else {
        vec![too_complex()]
    };
    if !found.is_empty() && is_same(reader, writer) {
        return Vec::new();
    }
    found
}

/// Whether registries take the one for the other and compare nothing: fields may be ambiguous even to
/// the schema that they are in. What is in references may differ under the same names.
fn is_same(reader: &Schema, writer: &Schema) -> bool {
    reader.references.is_empty()
        && writer.references.is_empty()
        && canonical(reader) == canonical(writer)
}

type PairId = usize;

/// A reader's and a writer's type, as they are used: names not yet followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) reader: TypeId,
    pub(super) writer: TypeId,
}

struct Pair {
    reader: TypeId,
    writer: TypeId,
    needs: Needs,
    /// The pairs that rest on this one.
    above: Vec<PairId>,
    fails: bool,
}

/// What a pair rests on.
enum Needs {
    /// All of these.
    All(Vec<(PairId, Use)>),
    /// One of these: a reader's union.
    Any(Vec<(PairId, Use)>),
}

impl Needs {
    fn edges(&self) -> &[(PairId, Use)] {
        match self {
            Self::All(edges) | Self::Any(edges) => edges,
        }
    }
}

struct Comparison<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    pairs: Vec<Pair>,
    known: BTreeMap<(TypeId, TypeId), PairId>,
    steps: usize,
    branches: BTreeMap<TypeId, Branches<'a>>,
}

/// A reader's union, by what its branches read.
#[derive(Default)]
struct Branches<'a> {
    /// Those without a name, which are few.
    unnamed: Vec<TypeId>,
    /// Those with one, by the name without its namespace and by each alias.
    named: BTreeMap<&'a str, Vec<TypeId>>,
}

impl Comparison<'_> {
    /// Lists all pairs that the outermost one rests on; false when they are too many.
    fn explore(&mut self) -> bool {
        self.pair(Use {
            reader: self.reader.root,
            writer: self.writer.root,
        });
        let mut next = 0;
        while next < self.pairs.len() {
            let (reader, writer) = (self.pairs[next].reader, self.pairs[next].writer);
            let (any, uses) = self.needs(reader, writer);
            self.steps += uses.len() + 1;
            if self.steps > MOST_STEPS {
                return false;
            }
            let edges: Vec<(PairId, Use)> = uses
                .into_iter()
                .map(|used| (self.pair(used), used))
                .collect();
            for (below, _) in &edges {
                self.pairs[*below].above.push(next);
            }
            self.pairs[next].needs = if any {
                Needs::Any(edges)
            } else {
                Needs::All(edges)
            };
            next += 1;
        }
        true
    }

    /// Returns the pair of two types, listing it if it is new.
    fn pair(&mut self, used: Use) -> PairId {
        let reader = self.reader.resolve(used.reader);
        let writer = self.writer.resolve(used.writer);
        let next = self.pairs.len();
        let id = *self.known.entry((reader, writer)).or_insert(next);
        if id == next {
            self.pairs.push(Pair {
                reader,
                writer,
                needs: Needs::All(Vec::new()),
                above: Vec::new(),
                fails: false,
            });
        }
        id
    }

    /// Returns what a pair rests on, and whether one of it is enough.
    fn needs(&mut self, reader: TypeId, writer: TypeId) -> (bool, Vec<Use>) {
        let (from, to) = (self.reader, self.writer);
        match (from.shape(reader), to.shape(writer)) {
            (_, Shape::Union(branches)) => {
                let each = branches.iter().map(|branch| Use {
                    reader,
                    writer: *branch,
                });
                (false, each.collect())
            }
            (Shape::Union(branches), other) => {
                let candidates = self.candidates(reader, branches, other);
                let each = candidates.into_iter().map(|branch| Use {
                    reader: branch,
                    writer,
                });
                (true, each.collect())
            }
            (Shape::Array(reader), Shape::Array(writer))
            | (Shape::Map(reader), Shape::Map(writer)) => (
                false,
                vec![Use {
                    reader: *reader,
                    writer: *writer,
                }],
            ),
            (Shape::Record(reader), Shape::Record(writer)) => (false, fields_read(reader, writer)),
            _ => (false, Vec::new()),
        }
    }

    /// Returns the branches of a reader's union that may read a type: for a named one, those of its
    /// name, since no other does.
    fn candidates(&mut self, union: TypeId, branches: &[TypeId], writer: &Shape) -> Vec<TypeId> {
        let reader = self.reader;
        let index = self
            .branches
            .entry(union)
            .or_insert_with(|| Branches::of(reader, branches));
        match writer.named() {
            None => index.unnamed.clone(),
            Some(named) => {
                let by_name = index.named.get(named.name.simple());
                let by_alias = index.named.get(named.name.0.as_str());
                let found: BTreeSet<TypeId> = by_name
                    .into_iter()
                    .chain(by_alias)
                    .flatten()
                    .copied()
                    .collect();
                found.into_iter().collect()
            }
        }
    }

    /// Marks the pairs that fail, from those with faults of their own upwards.
    fn propagate(&mut self) {
        let mut alive: Vec<usize> = Vec::with_capacity(self.pairs.len());
        let mut failed = VecDeque::new();
        for (id, pair) in self.pairs.iter().enumerate() {
            let lacks_branch = matches!(&pair.needs, Needs::Any(edges) if edges.is_empty());
            if lacks_branch
                || !faults(self.reader, self.writer, pair.reader, pair.writer).is_empty()
            {
                failed.push_back(id);
            }
            alive.push(pair.needs.edges().len());
        }
        while let Some(id) = failed.pop_front() {
            if std::mem::replace(&mut self.pairs[id].fails, true) {
                continue;
            }
            for above in std::mem::take(&mut self.pairs[id].above) {
                alive[above] -= 1;
                let fails = match self.pairs[above].needs {
                    Needs::All(_) => true,
                    Needs::Any(_) => alive[above] == 0,
                };
                if fails {
                    failed.push_back(above);
                }
            }
        }
    }

    /// Lists the faults that make the outermost pair fail, in the order of the reader's schema.
    fn report(&self, scene: &Scene<'_>) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let root = Use {
            reader: self.reader.root,
            writer: self.writer.root,
        };
        let mut open = vec![(0, root)];
        while let Some((id, used)) = open.pop() {
            let pair = &self.pairs[id];
            if !pair.fails || !seen.insert(id) {
                continue;
            }
            for fault in faults(self.reader, self.writer, pair.reader, pair.writer) {
                found.push(scene.mismatch(used, &fault));
            }
            match &pair.needs {
                Needs::All(edges) => open.extend(
                    edges
                        .iter()
                        .rev()
                        .map(|(id, below)| (*id, self.in_union(*below, used, pair))),
                ),
                Needs::Any(edges) => match self.namesake(edges, pair) {
                    Some((id, branch)) => open.push((
                        id,
                        Use {
                            reader: branch,
                            writer: used.writer,
                        },
                    )),
                    None => found.push(scene.mismatch(used, &Fault::Branch)),
                },
            }
        }
        found
    }

    /// A reader that is no union meets each branch of a writer's where it is used itself.
    fn in_union(&self, below: Use, used: Use, pair: &Pair) -> Use {
        if below.reader == pair.reader && matches!(self.writer.shape(pair.writer), Shape::Union(_))
        {
            Use {
                reader: used.reader,
                writer: below.writer,
            }
        } else {
            below
        }
    }

    /// Returns the branch that was meant for the writer's type: of the same name or form.
    fn namesake(&self, edges: &[(PairId, Use)], pair: &Pair) -> Option<(PairId, TypeId)> {
        let writer = self.writer.shape(pair.writer);
        edges
            .iter()
            .find(|(_, used)| {
                let reader = self.reader.shape(used.reader);
                match (reader, writer) {
                    (Shape::Array(_), Shape::Array(_)) | (Shape::Map(_), Shape::Map(_)) => true,
                    (reader, writer) => {
                        reader.named().is_some() && reader.keyword() == writer.keyword()
                    }
                }
            })
            .map(|(id, used)| (*id, used.reader))
    }
}

impl<'a> Branches<'a> {
    fn of(schema: &'a Schema, branches: &[TypeId]) -> Self {
        let mut index = Self::default();
        for branch in branches {
            match schema.shape(*branch).named() {
                None => index.unnamed.push(*branch),
                Some(named) => {
                    let aliases = named.aliases.iter().map(String::as_str);
                    for name in aliases.chain([named.name.simple()]) {
                        index.named.entry(name).or_default().push(*branch);
                    }
                }
            }
        }
        index
    }
}

/// Returns the types of the fields that both records have.
fn fields_read(reader: &Record, writer: &Record) -> Vec<Use> {
    reader
        .fields
        .iter()
        .filter_map(|field| {
            let (_, written) = written_as(field, writer).into_iter().next()?;
            Some(Use {
                reader: field.r#type,
                writer: written.r#type,
            })
        })
        .collect()
}

/// Returns the writer's fields that a reader's field takes by its name and aliases. By a name that is
/// an alias too Java finds the field twice, as it would find two.
pub(super) fn written_as<'a>(field: &Field, writer: &'a Record) -> Vec<(usize, &'a Field)> {
    let aliases: BTreeSet<&str> = field.aliases.iter().map(String::as_str).collect();
    [field.name.as_str()]
        .into_iter()
        .chain(aliases)
        .filter_map(|name| writer.field(name))
        .collect()
}

/// Returns what is wrong between two types themselves, whatever they contain.
fn faults(reader: &Schema, writer: &Schema, read: TypeId, written: TypeId) -> Vec<Fault> {
    match (reader.shape(read), writer.shape(written)) {
        (_, Shape::Union(_))
        | (Shape::Union(_), _)
        | (Shape::Array(_), Shape::Array(_))
        | (Shape::Map(_), Shape::Map(_)) => Vec::new(),
        (Shape::Primitive(read), Shape::Primitive(written)) => {
            if read == written || read.reads().contains(written) {
                Vec::new()
            } else {
                vec![Fault::Type]
            }
        }
        (Shape::Record(read), Shape::Record(written)) => {
            let mut faults = name_faults(&read.named, &written.named);
            faults.extend(field_faults(read, written));
            faults
        }
        (Shape::Enum(read), Shape::Enum(written)) => {
            let mut faults = name_faults(&read.named, &written.named);
            faults.extend(symbol_faults(read, written));
            faults
        }
        (Shape::Fixed(read), Shape::Fixed(written)) => {
            let mut faults = name_faults(&read.named, &written.named);
            if read.size != written.size {
                faults.push(Fault::Size);
            }
            faults
        }
        _ => vec![Fault::Type],
    }
}

/// Java compares names without their namespaces, and the reader's aliases with the full name.
fn name_faults(read: &Named, written: &Named) -> Vec<Fault> {
    if read.name.simple() == written.name.simple() || read.aliases.contains(&written.name.0) {
        Vec::new()
    } else {
        vec![Fault::Name]
    }
}

fn field_faults(read: &Record, written: &Record) -> Vec<Fault> {
    let each = read.fields.iter().enumerate();
    each.filter_map(|(position, field)| match written_as(field, written).len() {
        0 if field.default.is_none() => Some(Fault::FieldWithoutDefault(position)),
        0 | 1 => None,
        _ => Some(Fault::FieldTwice(position)),
    })
    .collect()
}

fn symbol_faults(read: &Enum, written: &Enum) -> Option<Fault> {
    let known: BTreeSet<&String> = read.symbols.iter().collect();
    if read
        .default
        .as_ref()
        .is_some_and(|default| known.contains(default))
    {
        return None;
    }
    let missing: Vec<String> = written
        .symbols
        .iter()
        .filter(|symbol| !known.contains(symbol))
        .cloned()
        .collect();
    (!missing.is_empty()).then_some(Fault::Symbols(missing))
}
