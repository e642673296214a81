//! Which names the text of an object's block mentions, told without parsing it. Pure.
//!
//! Parsing is most of the work of loading a project, and most objects refer to variables, locals and whole other
//! objects by their plain names. For those, and where nothing refers to them, the order of evaluation needs no more
//! than the names; they are parsed once, when they are evaluated.

use super::expression::{Ref, RefKey, Target};
use super::index::Index;

/// What the text of an object's block mentions.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// The variables, locals and objects that may be referred to: at least all that are, for a name in a comment
    /// counts.
    pub(super) refs: Vec<Ref>,
    /// Whether there may be several instances of it, or none.
    pub(super) repeats: bool,
}

/// Returns what is mentioned; `None` where it takes the parser to tell.
pub(super) fn mentions(text: &str, index: &Index<'_>, kinds: &[&str]) -> Option<Mentions> {
    let mut found = Mentions::default();
    let mut at = text.find('{')?;
    while let Some(start) = text[at..].find(is_start).map(|offset| at + offset) {
        let end = end_of_word(text, start);
        at = end;
        let word = &text[start..end];
        let (names, target): (_, fn(usize) -> Target) = match word {
            "for_each" | "count" => {
                found.repeats = true;
                continue;
            }
            "var" => (&index.variables, Target::Value),
            "local" => (&index.locals, Target::Value),
            _ if word == "module" || kinds.contains(&word) => {
                if !may_lead_on(&text[end..]) {
                    continue;
                }
                (index.objects.get(word)?, |item| {
                    Target::Object(item, RefKey::Any)
                })
            }
            _ => continue,
        };
        let name = text[end..].strip_prefix('.')?;
        let name_end = end_of_word(text, end + 1);
        let target = target(*names.get(&name[..name_end - end - 1])?);
        at = name_end;
        if !found.refs.iter().any(|known| known.target == target) {
            found.refs.push(Ref {
                target,
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

    /// Lists what the body of a topic mentions, of the variable 0, the local 1 and the topic 2, all called `a`.
    fn found(body: &str) -> Option<Vec<usize>> {
        let refs = mentioned(body)?.refs;
        let items = refs.into_iter().map(|used| match used.target {
            Target::Value(item) | Target::Object(item, RefKey::Any) => item,
            other => unreachable!("{other:?} is not looked for"),
        });
        Some(items.collect())
    }

    fn mentioned(body: &str) -> Option<Mentions> {
        let index = Index {
            variables: [("a", 0)].into(),
            locals: [("a", 1)].into(),
            objects: [("topic", [("a", 2)].into())].into(),
            ..Index::default()
        };
        let text = format!("topic \"x\" {{\n{body}\n}}\n");
        mentions(&text, &index, &["topic", "schema"])
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
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
        assert_eq!(found("topic = topic.a.name"), Some(vec![2]));
        assert_eq!(
            found("reads = [topic.a, topic.a[\"x\"]]\ntopic_a = var.a"),
            Some(vec![2, 0])
        );
    }

    #[test]
    fn a_block_that_may_stand_for_several_objects_is_told() {
        let repeats = |body: &str| mentioned(body).is_some_and(|found| found.repeats);
        assert!(repeats("for_each = toset([])") && repeats("count = 2"));
        assert!(repeats("dynamic \"x\" {\n  for_each = [1]\n}"));
        assert!(!repeats("partitions = 1 # of several"));
    }

    #[test]
    fn what_takes_the_parser_is_left_to_it() {
        for body in [
            "a = topic.b.name",
            "a = schema.a",
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
