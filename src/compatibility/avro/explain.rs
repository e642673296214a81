//! A fault between two types → what the owner of the new schema is told. Pure.

use std::fmt::Write as _;

use crate::compatibility::{Direction, Mismatch};
use crate::diagnostic::did_you_mean;

use super::compare::{Use, written_as};
use super::schema::{Field, Primitive, Record, Schema, Shape, TypeId};

/// What is wrong between a reader's and a writer's type.
pub(super) enum Fault {
    /// The one is not read as the other.
    Type,
    /// No branch of the reader's union reads it.
    Branch,
    /// Named types of different names.
    Name,
    /// The reader's enum lacks these symbols.
    Symbols(Vec<String>),
    /// Fixed types of different sizes.
    Size,
    /// A reader's field that the writer lacks, and that has no default.
    FieldWithoutDefault(usize),
    /// A reader's field that stands for several of the writer's.
    FieldTwice(usize),
}

/// What is compared, and which of the two is new.
pub(super) struct Scene<'a> {
    pub(super) reader: &'a Schema,
    pub(super) writer: &'a Schema,
    pub(super) direction: Direction,
}

/// Returns the mismatch of a comparison that was given up.
pub(super) fn too_complex() -> Mismatch {
    Mismatch {
        rule: "avro-too-complex".to_owned(),
        reader: String::new(),
        writer: String::new(),
        message: "the schemas have too many types of the same name to be compared".to_owned(),
        advice: "give the types in the union names of their own".to_owned(),
    }
}

/// A mismatch without its places.
struct Text {
    rule: &'static str,
    message: String,
    advice: String,
}

impl Scene<'_> {
    /// Returns what is said of a fault where two types are used.
    pub(super) fn mismatch(&self, used: Use, fault: &Fault) -> Mismatch {
        let reader = self.reader.resolve(used.reader);
        let writer = self.writer.resolve(used.writer);
        let (read_at, written_at) = match fault {
            Fault::Type | Fault::Branch => (
                self.reader.pointer(used.reader),
                self.writer.pointer(used.writer),
            ),
            Fault::Name => (
                self.reader.pointer(reader) + "/name",
                self.writer.pointer(writer) + "/name",
            ),
            Fault::Symbols(_) => (
                self.reader.pointer(reader) + "/symbols",
                self.writer.pointer(writer) + "/symbols",
            ),
            Fault::Size => (
                self.reader.pointer(reader) + "/size",
                self.writer.pointer(writer) + "/size",
            ),
            Fault::FieldWithoutDefault(field) | Fault::FieldTwice(field) => (
                self.reader.field_pointer(reader, *field),
                self.writer.pointer(writer),
            ),
        };
        let text = match fault {
            Fault::Type => self.type_text(used),
            Fault::Branch => self.branch_text(used),
            Fault::Name => self.name_text(used),
            Fault::Symbols(missing) => self.symbols_text(reader, missing),
            Fault::Size => self.size_text(reader, writer),
            Fault::FieldWithoutDefault(field) => self.field_text(reader, writer, *field),
            Fault::FieldTwice(field) => self.field_twice_text(reader, writer, *field),
        };
        Mismatch {
            rule: text.rule.to_owned(),
            reader: read_at,
            writer: written_at,
            message: text.message,
            advice: text.advice,
        }
    }

    fn is_backward(&self) -> bool {
        self.direction == Direction::Backward
    }

    /// The reader and the writer in words.
    fn sides(&self) -> (&'static str, &'static str) {
        if self.is_backward() {
            ("the new schema", "the earlier one")
        } else {
            ("the earlier schema", "the new one")
        }
    }

    fn type_text(&self, used: Use) -> Text {
        let spot = self.reader.spot(used.reader);
        let (read, written) = (
            self.reader.shape(used.reader),
            self.writer.shape(used.writer),
        );
        let (reader, writer) = self.sides();
        if written.is_null() {
            return self.null_text(&spot, read);
        }
        let message =
            format!("{spot}: {reader} reads {read}, and data of {writer} holds {written}");
        let advice = if self.is_backward() {
            let wider = readers_of(written);
            let choice = if wider.is_empty() {
                String::new()
            } else {
                format!(", or one that reads it ({})", wider.join(", "))
            };
            format!(
                "keep the type {written}{choice}; for other content add a new field with a default"
            )
        } else {
            let narrower = match read {
                Shape::Primitive(read) => read.reads(),
                _ => &[],
            };
            let choice = if narrower.is_empty() {
                String::new()
            } else {
                let names: Vec<&str> = narrower.iter().map(|narrow| narrow.name()).collect();
                format!(", or one that it is read from ({})", names.join(", "))
            };
            format!("keep the type {read}{choice}; for other content add a new field")
        };
        Text {
            rule: "avro-type-mismatch",
            message,
            advice,
        }
    }

    fn null_text(&self, spot: &str, read: &Shape) -> Text {
        let (reader, writer) = self.sides();
        let advice = if self.is_backward() {
            format!("keep it nullable: a union of \"null\" and {read}")
        } else {
            format!(
                "do not write null here: keep the type {read}, or make it nullable in a version for \
                 readers first"
            )
        };
        Text {
            rule: "avro-type-mismatch",
            message: format!(
                "{spot}: {reader} reads {read} and no null, and data of {writer} may hold null"
            ),
            advice,
        }
    }

    fn branch_text(&self, used: Use) -> Text {
        let spot = self.reader.spot(used.reader);
        let written = self.writer.shape(used.writer);
        let (reader, writer) = self.sides();
        let branches = match self.reader.shape(used.reader) {
            Shape::Union(branches) => branches.as_slice(),
            _ => &[],
        };
        let names: Vec<String> = branches
            .iter()
            .take(8)
            .map(|branch| self.reader.shape(*branch).to_string())
            .collect();
        let more = if branches.len() > names.len() {
            ", …"
        } else {
            ""
        };
        let advice = if self.is_backward() {
            format!("keep a branch that reads {written} in the union")
        } else {
            format!(
                "write no {written} here, or add it to the union in a version for readers first"
            )
        };
        Text {
            rule: "avro-union-branch-missing",
            message: format!(
                "{spot}: {reader} reads {}{more}, and data of {writer} may hold {written}",
                list(&names)
            ),
            advice,
        }
    }

    fn name_text(&self, used: Use) -> Text {
        let (read, written) = (
            self.reader.shape(used.reader),
            self.writer.shape(used.writer),
        );
        let name = |shape: &Shape| shape.named().map_or_else(String::new, |n| n.name.0.clone());
        let (read_name, written_name) = (name(read), name(written));
        let (reader, writer) = self.sides();
        let spot = match self.reader.spot(used.reader) {
            spot if spot == read_name => String::new(),
            spot => format!("{spot}: "),
        };
        let advice = if self.is_backward() {
            format!("keep the name, or add \"aliases\": [{written_name:?}] to {read_name}")
        } else {
            format!(
                "keep the name {read_name}: readers of the earlier schema know no other, and an alias \
                 in the new one does not reach them"
            )
        };
        Text {
            rule: "avro-name-mismatch",
            message: format!(
                "{spot}{reader} calls the {} {read_name}, and {writer} {written_name}",
                read.keyword()
            ),
            advice,
        }
    }

    fn symbols_text(&self, reader: TypeId, missing: &[String]) -> Text {
        let name = self.reader.shape(reader);
        let mut shown = missing
            .iter()
            .take(8)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if missing.len() > 8 {
            // Writing to a String cannot fail.
            let _ = write!(shown, " and {} more", missing.len() - 8);
        }
        let (reader, writer) = self.sides();
        let advice = if self.is_backward() {
            format!(
                "keep {shown}, or give the enum a \"default\" for symbols that it does not know"
            )
        } else {
            format!(
                "write {shown} only when no reader is left on the earlier schema: its enum has no \
                 \"default\" to fall back on"
            )
        };
        Text {
            rule: "avro-enum-symbol-missing",
            message: format!(
                "{name}: {reader} does not know {shown}, which data of {writer} may hold"
            ),
            advice,
        }
    }

    fn size_text(&self, reader: TypeId, writer: TypeId) -> Text {
        let size = |shape: &Shape| match shape {
            Shape::Fixed(fixed) => fixed.size,
            _ => 0,
        };
        let name = self.reader.shape(reader);
        let read_size = size(name);
        let written_size = size(self.writer.shape(writer));
        let (reader, writer) = self.sides();
        let earlier = if self.is_backward() {
            written_size
        } else {
            read_size
        };
        Text {
            rule: "avro-fixed-size-mismatch",
            message: format!(
                "{name}: {reader} reads {read_size} bytes, and data of {writer} has {written_size}"
            ),
            advice: format!(
                "keep the size {earlier}; for another add a new field of a fixed type with a name of \
                 its own"
            ),
        }
    }

    fn field_text(&self, reader: TypeId, writer: TypeId, position: usize) -> Text {
        let (Shape::Record(read), Shape::Record(written)) =
            (self.reader.shape(reader), self.writer.shape(writer))
        else {
            return Text {
                rule: "avro-field-without-default",
                message: String::new(),
                advice: String::new(),
            };
        };
        let field = &read.fields[position];
        let spot = self.reader.field_spot(reader, position);
        let (message, advice) = if self.is_backward() {
            (
                format!(
                    "{spot} is new and has no default: data of the earlier schema, which lacks it, \
                     cannot be read"
                ),
                self.default_advice(field, read, written),
            )
        } else {
            (
                format!(
                    "{spot} is gone, and has no default in the earlier schema: its readers cannot \
                     do without it"
                ),
                format!(
                    "keep the field {:?}; to remove it, first give it a default in a version that all \
                     readers take up",
                    field.name
                ),
            )
        };
        Text {
            rule: "avro-field-without-default",
            message,
            advice,
        }
    }

    /// Says how the new schema can do without a field: by a default, or since it had another name.
    fn default_advice(&self, field: &Field, read: &Record, written: &Record) -> String {
        let default = match self.reader.shape(field.r#type) {
            Shape::Union(branches)
                if branches
                    .iter()
                    .any(|branch| self.reader.shape(*branch).is_null()) =>
            {
                "add \"default\": null".to_owned()
            }
            Shape::Enum(_) => {
                "add a \"default\" (that of the enum is for unknown symbols alone)".to_owned()
            }
            _ => "add a \"default\"".to_owned(),
        };
        let gone = written
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .filter(|name| read.field(name).is_none());
        let advice = format!("{default} to the field {:?}", field.name);
        match did_you_mean(&field.name, gone).as_deref().and_then(quoted) {
            Some(former) => {
                format!("{advice}, or \"aliases\": [{former:?}] if it was called {former:?} before")
            }
            None => advice,
        }
    }

    fn field_twice_text(&self, reader: TypeId, writer: TypeId, position: usize) -> Text {
        let spot = self.reader.field_spot(reader, position);
        let matching = match (self.reader.shape(reader), self.writer.shape(writer)) {
            (Shape::Record(read), Shape::Record(written)) => {
                written_as(&read.fields[position], written)
            }
            _ => Vec::new(),
        };
        let names: Vec<&str> = matching
            .iter()
            .map(|(_, field)| field.name.as_str())
            .collect();
        let (reader, writer) = self.sides();
        let (message, advice) = if let [name, alias] = *names.as_slice()
            && name == alias
        {
            (
                format!(
                    "{spot}: {reader} has the field's own name as an alias, and Java finds it twice"
                ),
                if self.is_backward() {
                    format!("remove the alias {name:?}")
                } else {
                    format!(
                        "no schema with the field can follow the earlier one, which has to stay as it is: \
                         lower the subject's level for one version without the alias {name:?}"
                    )
                },
            )
        } else {
            (
                format!(
                    "{spot}: by its name and aliases {reader} takes it from more than one field of \
                     {writer}: {}",
                    names.join(", ")
                ),
                if self.is_backward() {
                    "remove the aliases that name other fields of the earlier schema".to_owned()
                } else {
                    "remove or rename fields, so that one of them is left under these names"
                        .to_owned()
                },
            )
        };
        Text {
            rule: "avro-field-ambiguous",
            message,
            advice,
        }
    }
}

/// Returns the primitive types that read data of a type.
fn readers_of(written: &Shape) -> Vec<&'static str> {
    let Shape::Primitive(written) = written else {
        return Vec::new();
    };
    Primitive::ALL
        .into_iter()
        .filter(|read| read.reads().contains(written))
        .map(Primitive::name)
        .collect()
}

/// Returns what stands in quotes in a hint.
fn quoted(hint: &str) -> Option<&str> {
    hint.split('"').nth(1)
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => format!("only {one}"),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
