//! What an expression of the root module sees, as plain values: for the console.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::value::Value;

use super::engine::Engine;
use super::index::ItemId;

/// The root names and their values: `var`, `local`, `topic`.
pub type RootNames = BTreeMap<Arc<str>, Value>;

/// Collects the names of the root module. What has no value, after an error, is left out.
pub(super) fn of_root(engine: &Engine<'_, '_>) -> RootNames {
    let index = &engine.tree.branches[0].module.index;
    let object = |items: &BTreeMap<&str, ItemId>, value: &dyn Fn(ItemId) -> Option<Value>| {
        let attributes = items
            .iter()
            .filter_map(|(name, item)| Some((Arc::from(*name), value(*item)?)));
        Value::Object(Arc::new(attributes.collect()))
    };
    let plain = |item| engine.value(0, 0, item);
    let fixed = |name: &str, value: &str| {
        Value::Object(Arc::new([(name.into(), Value::string(value))].into()))
    };
    let mut names: RootNames = [
        ("var".into(), object(&index.variables, &plain)),
        ("local".into(), object(&index.locals, &plain)),
        (
            "module".into(),
            object(&index.calls, &|item| engine.module_value(0, 0, item)),
        ),
        (
            "environment".into(),
            fixed("name", engine.environment.as_str()),
        ),
        (
            "path".into(),
            Value::Object(Arc::new(
                [
                    ("root".into(), Value::string(".")),
                    ("module".into(), Value::string(engine.module_path(0))),
                ]
                .into(),
            )),
        ),
    ]
    .into();
    for (kind, objects) in &index.objects {
        names.insert(Arc::from(*kind), object(objects, &plain));
    }
    names
}
