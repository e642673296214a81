//! Where in a text stands what a path of a mismatch names. Pure.
//!
//! A path is `Order.Item` for a message, an enum or a method, `Order.Item[3] (price)` for a field, and `package
//! shop` for the package. Names may begin with the package. The text is read again for the few paths that a
//! message is about; where the thing itself is not there, what it would be in is found.

use std::ops::Range;

use super::scan::{Token, Tokens};

/// The keywords whose next word is a name, and whose braces are its scope.
const SCOPES: [&str; 4] = ["message", "enum", "service", "group"];

/// Returns the byte range of what a path names, or else of the nearest thing around it.
pub fn locate(text: &str, path: &str) -> Option<Range<usize>> {
    let mut search = Search::new(text);
    let (owner, field) = match path.split_once('[') {
        Some((owner, rest)) => {
            let (number, name) = rest.split_once(']')?;
            let name = name.trim().trim_start_matches('(').trim_end_matches(')');
            (owner, Some((number, name)))
        }
        None => (path, None),
    };
    search.read();
    if let Some(package) = owner.strip_prefix("package ") {
        return search
            .package
            .filter(|range| text[range.clone()] == *package);
    }
    let package = search.package.clone().map_or("", |range| &text[range]);
    let owner = owner
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(owner);
    let declared = search.declared(owner);
    let Some((number, name)) = field else {
        return declared;
    };
    search.field(owner, number, name).or(declared)
}

/// A declaration: its name with the names around it, and where its own name stands.
struct Declared<'a> {
    path: Vec<&'a str>,
    place: Range<usize>,
}

/// A field or a value: in which scope, its name and number.
struct Numbered<'a> {
    scope: Vec<&'a str>,
    name: &'a str,
    number: &'a str,
    place: Range<usize>,
}

struct Search<'a> {
    text: &'a str,
    package: Option<Range<usize>>,
    declared: Vec<Declared<'a>>,
    numbered: Vec<Numbered<'a>>,
}

impl<'a> Search<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            package: None,
            declared: Vec::new(),
            numbered: Vec::new(),
        }
    }

    fn read(&mut self) {
        let tokens: Vec<(Token, Range<usize>)> = Tokens::new(self.text).collect();
        // The names of the open braces; those of oneofs, options and the like have none.
        let mut open: Vec<Option<&'a str>> = Vec::new();
        let mut next = None;
        for (at, (token, span)) in tokens.iter().enumerate() {
            let word = |at: usize| match tokens.get(at) {
                Some((Token::Word, span)) => Some((&self.text[span.clone()], span.clone())),
                _ => None,
            };
            let scope = || open.iter().copied().flatten().collect::<Vec<&'a str>>();
            match token {
                Token::Sign(b'{') => open.push(next.take()),
                Token::Sign(b'}') => drop(open.pop()),
                Token::Sign(b';') => next = None,
                Token::Sign(b'=') => {
                    let before = at.checked_sub(1).and_then(word);
                    if let (Some((name, place)), Some((number, _))) = (before, word(at + 1)) {
                        self.numbered.push(Numbered {
                            scope: scope(),
                            name,
                            number,
                            place,
                        });
                    }
                }
                Token::Word => {
                    let keyword = &self.text[span.clone()];
                    let Some((name, place)) = word(at + 1) else {
                        continue;
                    };
                    if keyword == "package" && open.is_empty() {
                        self.package = Some(place);
                    } else if SCOPES.contains(&keyword) || keyword == "rpc" {
                        let mut path = scope();
                        path.push(name);
                        self.declared.push(Declared { path, place });
                        next = (keyword != "rpc").then_some(name);
                    }
                }
                Token::Sign(_) | Token::Quoted => {}
            }
        }
    }

    /// Returns the place of a declaration, or of the nearest one around it.
    fn declared(&self, path: &str) -> Option<Range<usize>> {
        let names: Vec<&str> = path.split('.').collect();
        (1..=names.len()).rev().find_map(|count| {
            let mut declared = self.declared.iter();
            let found = declared.find(|one| one.path == names[..count])?;
            Some(found.place.clone())
        })
    }

    fn field(&self, owner: &str, number: &str, name: &str) -> Option<Range<usize>> {
        let inside = self
            .numbered
            .iter()
            .filter(|one| one.scope.iter().copied().eq(owner.split('.')));
        let same_number = |one: &&Numbered<'_>| one.number == number;
        let mut exact = inside.clone().filter(same_number);
        let found = exact
            .find(|one| one.name == name)
            .or_else(|| inside.clone().find(same_number))
            .or_else(|| inside.clone().find(|one| one.name == name))?;
        Some(found.place.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"syntax = "proto3";
package shop.v1; // message Order {
import "a.proto";
option (x) = { a: 1 };
message Order {
  string id = 1 [deprecated = true];
  oneof pay { string card = 7; Cash cash = 8; }
  message Item {
    int32 price = 0x3;
    map<string, int64> message = 2;
  }
  enum State { OPEN = 0; CLOSED = -1; }
}
message Item { int32 price = 3; }
service Shop {
  rpc Get (Order) returns (Item) { option idempotency_level = IDEMPOTENT; }
  rpc Put (Order) returns (Item);
}
"#;

    /// Returns the line and the text of what is found.
    fn found(path: &str) -> Option<(usize, &'static str)> {
        let range = locate(TEXT, path)?;
        let line = TEXT[..range.start].matches('\n').count() + 1;
        Some((line, &TEXT[range]))
    }

    #[test]
    fn what_a_path_names_is_found() {
        for (path, expected) in [
            ("package shop.v1", Some((2, "shop.v1"))),
            ("package other", None),
            ("Order", Some((5, "Order"))),
            ("Order[1] (id)", Some((6, "id"))),
            ("shop.v1.Order[1] (id)", Some((6, "id"))),
            ("Order[8] (cash)", Some((7, "cash"))),
            ("Order.Item[2] (message)", Some((10, "message"))),
            ("Item[3] (price)", Some((14, "price"))),
            ("Order.State", Some((12, "State"))),
            ("Shop.Put", Some((17, "Put"))),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_found_by_what_is_around_it() {
        for (path, expected) in [
            ("Order[9] (gone)", Some((5, "Order"))),
            ("Order[1] (renamed)", Some((6, "id"))),
            ("Order[2] (id)", Some((6, "id"))),
            ("Order.Gone", Some((5, "Order"))),
            ("Gone[1] (id)", None),
            ("no package", None),
            ("Order[", None),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for end in 0..TEXT.len() {
            locate(&TEXT[..end], "Order.Item[3] (price)");
            locate(&TEXT[end..], "Order.Item[3] (price)");
        }
    }
}
