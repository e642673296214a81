//! Which names the text of an object's block mentions, told without parsing it. Pure.
//!
//! Parsing is most of the work of loading a project, and most objects refer to variables and locals only. For
//! those, and where nothing refers to them, the order of evaluation needs no more than the names; they are
//! parsed once, when they are evaluated.

use super::expression::{Ref, Target};
use super::index::Index;

/// Returns the variables and locals that may be referred to: at least all that are, for a name in a comment counts.
/// `None` where it takes the parser to tell.
pub(super) fn mentions(text: &str, index: &Index<'_>, kinds: &[&str]) -> Option<Vec<Ref>> {
    let mut found: Vec<Ref> = Vec::new();
    let mut at = text.find('{')?;
    while let Some(start) = text[at..].find(is_start).map(|offset| at + offset) {
        let end = end_of_word(text, start);
        at = end;
        let names = match &text[start..end] {
            "var" => &index.variables,
            "local" => &index.locals,
            // Objects and modules.
            word if word == "module" || kinds.contains(&word) => {
                if may_lead_on(&text[end..]) {
                    return None;
                }
                continue;
            }
            _ => continue,
        };
        let name = text[end..].strip_prefix('.')?;
        let name_end = end_of_word(text, end + 1);
        let item = *names.get(&name[..name_end - end - 1])?;
        at = name_end;
        if !found
            .iter()
            .any(|known| known.target == Target::Value(item))
        {
            found.push(Ref {
                target: Target::Value(item),
                range: start..name_end,
            });
        }
    }
    Some(found)
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn end_of_word(text: &str, start: usize) -> usize {
    let length = text[start..].find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
    length.map_or(text.len(), |length| start + length)
}

/// Whether an attribute, an index or a comment, behind which there may be one, follows.
fn may_lead_on(rest: &str) -> bool {
    rest.trim_start().starts_with(['.', '[', '/', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists what the body of a topic mentions, of the variable 0 and the local 1, both called `a`.
    fn found(body: &str) -> Option<Vec<usize>> {
        let index = Index {
            variables: [("a", 0)].into(),
            locals: [("a", 1)].into(),
            ..Index::default()
        };
        let text = format!("topic \"x\" {{\n{body}\n}}\n");
        let refs = mentions(&text, &index, &["topic", "schema"])?;
        let items = refs.into_iter().map(|used| match used.target {
            Target::Value(item) => item,
            other => unreachable!("{other:?} is not looked for"),
        });
        Some(items.collect())
    }

    #[test]
    fn variables_and_locals_are_found_wherever_they_stand() {
        assert_eq!(found("partitions = 1"), Some(vec![]));
        assert_eq!(
            found("a = [local.a, var.a, var.a] # of the topic"),
            Some(vec![1, 0])
        );
        assert_eq!(found("a = \"${ var.a.b }-é\" // local.a"), Some(vec![0, 1]));
        assert_eq!(
            found("for_each = each.key\nvariable = my-var.b"),
            Some(vec![])
        );
    }

    #[test]
    fn what_takes_the_parser_is_left_to_it() {
        for body in [
            "a = topic.b.name",
            "a = topic [\"b\"]",
            "a = [for schema in x : schema\n .y]",
            "depends_on = [module.m]",
            "a = module/* */.m.x",
            "a = var.b",
            "a = var . a",
            "a = local[\"a\"]",
        ] {
            assert_eq!(found(body), None, "{body}");
        }
    }
}
