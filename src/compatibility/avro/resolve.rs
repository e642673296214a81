//! Names → the types they stand for, and what can be checked only then: unions and defaults. Pure.

use std::collections::BTreeSet;

use crate::compatibility::ParseError;
use crate::diagnostic::did_you_mean;

use super::canonical;
use super::defaults::Defaults;
use super::parse::{Builder, qualify};
use super::schema::{Place, Primitive, Shape, Step, TypeId};

/// The types that only an object, or a list, can describe.
const COMPLEX: &[&str] = &["record", "enum", "fixed", "array", "map", "union", "error"];

impl Builder {
    /// Ties all names to their definitions and checks what needs them.
    pub(super) fn resolve(&mut self) -> Result<(), ParseError> {
        self.tie_names()?;
        self.check_redefinitions()?;
        self.check_unions()?;
        self.check_defaults();
        Ok(())
    }

    fn tie_names(&mut self) -> Result<(), ParseError> {
        for (id, name, space) in std::mem::take(&mut self.names) {
            let place = self.types[id.0 as usize].place;
            // A name that is not in the namespace around it may be in none, as Java looks it up.
            let full = qualify(&name, &space);
            let found = self
                .definitions
                .get(&full)
                .or_else(|| self.definitions.get(&name));
            let Some(&definition) = found else {
                return Err(self.error(place, "", self.unknown(&name, &full)));
            };
            if definition > id && self.text_of_type(definition) == self.text_of_type(id) {
                let message = format!("{name:?} is used before it is defined; define it here");
                self.fault(place, "", message);
            }
            self.types[id.0 as usize].shape = Shape::Reference(definition);
        }
        Ok(())
    }

    fn unknown(&self, name: &str, full: &str) -> String {
        if COMPLEX.contains(&name) {
            return format!("{name:?} needs an object that describes it, or a list for a union");
        }
        let known = self.definitions.keys().map(String::as_str);
        let simple = self
            .definitions
            .keys()
            .filter_map(|known| known.rsplit('.').next());
        let primitives = Primitive::ALL.iter().map(|primitive| primitive.name());
        let words = simple.chain(primitives).chain(COMPLEX.iter().copied());
        let hint = did_you_mean(full, known).or_else(|| did_you_mean(name, words));
        match hint {
            Some(hint) => format!("unknown type {full:?}; {hint}"),
            None => format!(
                "unknown type {full:?}: neither defined here nor in a reference to another schema"
            ),
        }
    }

    /// Returns the number of the text that a type is in.
    fn text_of_type(&self, id: TypeId) -> u32 {
        let mut place: Place = self.types[id.0 as usize].place;
        loop {
            if let Step::Text(text) = place.step {
                return text;
            }
            place = self.types[place.within.0 as usize].place;
        }
    }

    /// A name may be defined again as the same, as Java has it since 1.12 and references need it.
    fn check_redefinitions(&mut self) -> Result<(), ParseError> {
        for again in std::mem::take(&mut self.redefinitions) {
            let r#type = &self.types[again.0 as usize];
            let Some(name) = r#type.shape.named().map(|named| named.name.0.clone()) else {
                continue;
            };
            let place = r#type.place;
            let first = self.definitions[&name];
            if canonical::definition(&self.types, first)
                != canonical::definition(&self.types, again)
            {
                let message = format!("{name:?} is defined twice, and differently");
                return Err(self.error(place, "", message));
            }
            if self.text_of_type(first) == self.text_of_type(again) {
                let message =
                    format!("{name:?} is defined twice; write its name alone the second time");
                self.fault(place, "", message);
            }
        }
        Ok(())
    }

    fn check_unions(&self) -> Result<(), ParseError> {
        for r#type in &self.types {
            let Shape::Union(branches) = &r#type.shape else {
                continue;
            };
            let mut seen = BTreeSet::new();
            for (index, branch) in branches.iter().enumerate() {
                let at = format!("/{index}");
                let shape = &self.types[self.follow(*branch).0 as usize].shape;
                if matches!(shape, Shape::Union(_)) {
                    let message = "a union stands directly in a union: make it one list";
                    return Err(self.error(r#type.place, &at, message));
                }
                let name = shape
                    .named()
                    .map_or(shape.keyword(), |named| named.name.0.as_str());
                if !seen.insert(name) {
                    let message = format!("the union has {shape} twice");
                    return Err(self.error(r#type.place, &at, message));
                }
            }
        }
        Ok(())
    }

    fn follow(&self, mut id: TypeId) -> TypeId {
        while let Shape::Reference(target) | Shape::Wrapper(target) =
            self.types[id.0 as usize].shape
        {
            id = target;
        }
        id
    }

    fn check_defaults(&mut self) {
        let mut defaults = Defaults::new(&self.types);
        let mut wrong: Vec<(Place, usize, String)> = Vec::new();
        for r#type in &self.types {
            let Shape::Record(record) = &r#type.shape else {
                continue;
            };
            for (position, field) in record.fields.iter().enumerate() {
                let Some(default) = &field.default else {
                    continue;
                };
                if let Err(message) = defaults.check(field.r#type, default) {
                    let message = format!("the default of {:?} {message}", field.name);
                    wrong.push((r#type.place, position, message));
                }
            }
        }
        for (place, position, message) in wrong {
            self.fault(place, &format!("/fields/{position}/default"), message);
        }
    }
}
