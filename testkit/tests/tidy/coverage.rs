//! Every public function of `store` is called by a test of `store`, on both engines therefore.

use crate::repository::rust::{Kind, names, stretches};
use crate::repository::{File, files, none};

/// A public function of `store`.
struct Function {
    place: String,
    /// `users::create` for a free one, `create` for a method.
    called_as: String,
    is_method: bool,
}

fn functions(file: &File) -> Vec<Function> {
    let module = file.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let module = module.rsplit('/').next().unwrap();
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let code = line.trim_start();
        let name = ["pub fn ", "pub async fn ", "pub const fn "]
            .iter()
            .find_map(|head| code.strip_prefix(head))
            .and_then(|rest| rest.split(['(', '<']).next());
        if let Some(name) = name {
            let is_method = code.len() < line.len();
            let called_as = if is_method { name.to_owned() } else { format!("{module}::{name}") };
            let place = format!("{}:{}", file.path, number + 1);
            found.push(Function { place, called_as, is_method });
        }
    }
    found
}

#[test]
fn every_public_function_of_store_is_called_by_a_store_test() {
    let all = files();
    let tests: Vec<String> = all
        .iter()
        .filter(|file| file.is_in("store/tests") && file.is_named(".rs"))
        .map(|file| {
            let all = stretches(&file.text).into_iter();
            all.filter(|one| one.kind == Kind::Code).map(|one| one.text).collect()
        })
        .collect();
    let is_called = |function: &Function| {
        let calls = if function.is_method {
            vec![format!(".{}", function.called_as), format!("::{}", function.called_as)]
        } else {
            vec![function.called_as.clone()]
        };
        tests.iter().any(|code| {
            calls.iter().any(|call| names_call(code, call))
                || !function.is_method && is_imported(code, &function.called_as)
        })
    };
    let found: Vec<_> = all
        .iter()
        .filter(|file| file.is_in("store/src") && file.is_named(".rs"))
        .flat_map(functions)
        .filter(|function| !is_called(function))
        .map(|function| format!("{}: {}", function.place, function.called_as))
        .collect();
    none("a public function that no store test calls", &found);
}

/// Whether this code calls the function or names it.
fn names_call(code: &str, call: &str) -> bool {
    if call.ends_with('(') {
        return code.contains(call);
    }
    match call.strip_prefix(['.', ':']) {
        Some(_) => code.match_indices(call).any(|(at, _)| {
            let after = code.get(at + call.len()..).and_then(|rest| rest.chars().next());
            !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
        }),
        None => names(code, call),
    }
}

/// Whether this file imports the function by a list (`users::{create, find}`) and calls it.
fn is_imported(code: &str, called_as: &str) -> bool {
    let Some((module, name)) = called_as.split_once("::") else { return false };
    let opening = format!("{module}::{{");
    let mut lists = code.split(&opening).skip(1).filter_map(|rest| rest.split('}').next());
    lists.any(|list| names(list, name)) && names_call(code, &format!("{name}("))
}
