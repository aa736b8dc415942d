//! The claims that tests make: doc lines such as `W138: …` directly above a test.

/// Numbers that one test may claim.
const MOST: usize = 3;
/// How far into a line the colon after the numbers may stand.
const LONGEST_LIST: usize = 40;

/// What one test claims to prove.
pub(crate) struct Claim {
    /// The test's file.
    pub(crate) path: String,
    /// The line of the test.
    pub(crate) line: usize,
    /// The test's name as its language has it.
    pub(crate) test: String,
    /// `W138`, `W139`.
    pub(crate) numbers: Vec<String>,
}

/// How a language writes its tests.
struct Language {
    comment: &'static str,
    /// The name of the test that begins on this line, if one does.
    test: fn(&str) -> Option<String>,
    /// Whether a line may stand between the claim and the test.
    is_between: fn(&str) -> bool,
}

const RUST: Language = Language { comment: "///", test: rust_function, is_between: is_attribute };
const SCRIPT: Language = Language { comment: "//", test: script_test, is_between: |_| false };
const PYTHON: Language =
    Language { comment: "#", test: python_test, is_between: |line| line.starts_with('@') };

/// Adds the claims of one file, and what is wrong with them.
pub(crate) fn collect(path: &str, text: &str, claims: &mut Vec<Claim>, faults: &mut Vec<String>) {
    let language = match path.rsplit('.').next() {
        Some("rs") => RUST,
        Some("js" | "mjs") => SCRIPT,
        Some("py") => PYTHON,
        _ => return,
    };
    // In `src` a doc line may cite a requirement beside the rule that keeps it.
    let cites = path.contains("/src/");
    let (mut numbers, mut attributes) = (Vec::new(), String::new());
    for (at, line) in text.lines().enumerate() {
        let (line, at) = (line.trim(), at + 1);
        if let Some(comment) = line.strip_prefix(language.comment) {
            match claimed(comment.trim_start_matches(['/', '!']).trim()) {
                Ok(more) => numbers.extend(more),
                Err(why) if cites => drop(why),
                Err(why) => faults.push(format!("{path}:{at}: {why}")),
            }
        } else if let Some(test) = (language.test)(line) {
            let is_test = language.comment != RUST.comment || attributes.contains("test");
            let numbers = std::mem::take(&mut numbers);
            if is_test && numbers.len() > MOST {
                faults.push(format!("{path}:{at}: {} numbers, at most {MOST}", numbers.len()));
            } else if is_test && attributes.contains("#[ignore") {
                faults.push(format!("{path}:{at}: a test that does not run proves nothing"));
            } else if is_test && !numbers.is_empty() {
                claims.push(Claim { path: path.to_owned(), line: at, test, numbers });
            } else if !numbers.is_empty() && !cites {
                faults.push(format!(
                    "{path}:{at}: {} claimed, but this is no test",
                    numbers.join(", ")
                ));
            }
            attributes.clear();
        } else if (language.is_between)(line) {
            attributes.push_str(line);
        } else {
            if !numbers.is_empty() && !cites {
                faults.push(format!(
                    "{path}:{at}: {} claimed, but no test follows",
                    numbers.join(", ")
                ));
            }
            numbers.clear();
            attributes.clear();
        }
    }
}

/// The numbers at the beginning of a comment, if it is a claim.
fn claimed(comment: &str) -> Result<Vec<String>, String> {
    let Some((list, _)) = comment.split_once(':').filter(|(list, _)| list.len() <= LONGEST_LIST)
    else {
        return Ok(Vec::new());
    };
    let numbers: Vec<_> = list.split(", ").collect();
    if numbers.iter().all(|one| is_number(one)) {
        return Ok(numbers.into_iter().map(str::to_owned).collect());
    }
    let mut words = list.split([' ', ',', '-', '–', '…']).filter(|word| !word.is_empty());
    let is_range = words.clone().all(|word| is_number(word) || ["to", "and"].contains(&word))
        && words.any(is_number);
    if is_range {
        Err(format!("`{list}`: name each number, with a comma between"))
    } else {
        Ok(Vec::new())
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['W', 'G', 'D', 'C', 'F', 'R', 'P', 'T', 'A', 'N', 'O']);
    digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

fn rust_function(line: &str) -> Option<String> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let name = line.strip_prefix("fn ")?;
    Some(name.split(['(', '<']).next().unwrap_or(name).to_owned())
}

/// Lines that belong to the item below them: attributes, also those that go over several lines.
fn is_attribute(line: &str) -> bool {
    line.starts_with("#[") || line.starts_with(")]") || line.ends_with(',') && line.contains(" = ")
}

fn script_test(line: &str) -> Option<String> {
    let rest = ["test(", "it("].iter().find_map(|call| line.strip_prefix(call))?;
    let mark = rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
    Some(rest.split(mark).nth(1)?.to_owned())
}

fn python_test(line: &str) -> Option<String> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let name = line.strip_prefix("def ").filter(|name| name.starts_with("test_"))?;
    Some(name.split('(').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(path: &str, text: &str) -> (Vec<String>, Vec<String>) {
        let (mut claims, mut faults) = (Vec::new(), Vec::new());
        collect(path, text, &mut claims, &mut faults);
        let shown = |one: &Claim| format!("{} {}", one.test, one.numbers.join("+"));
        (claims.iter().map(shown).collect(), faults)
    }

    #[test]
    fn a_doc_line_on_a_test_is_a_claim_in_each_language() {
        let rust = "/// W1, G2: yes.\n#[tokio::test]\nasync fn a_b() {}\n";
        assert_eq!(collected("x/tests/a.rs", rust).0, ["a_b W1+G2"]);
        let script = "// W294: yes\ntest('a sentence', async () => {\n";
        assert_eq!(collected("x/a.mjs", script).0, ["a sentence W294"]);
        let python = "    # W294: yes\n    def test_a_sentence(self):\n";
        assert_eq!(collected("x/a.py", python).0, ["test_a_sentence W294"]);
    }

    #[test]
    fn a_range_and_a_fourth_number_are_faults() {
        for head in ["W1-W3", "W1 to W3", "W1, W2, W3, W4", "W1–W3", "W1 and W2"] {
            let text = format!("/// {head}: yes.\n#[test]\nfn a() {{}}\n");
            let (claims, faults) = collected("x/tests/a.rs", &text);
            assert_eq!((claims.len(), faults.len()), (0, 1), "{head}");
        }
    }

    #[test]
    fn a_claim_on_something_else_than_a_running_test_is_a_fault() {
        for below in
            ["fn helper() {}", "struct A;", "\n#[test]\nfn a() {}", "#[test]\n#[ignore]\nfn a() {}"]
        {
            let (claims, faults) = collected("x/tests/a.rs", &format!("/// W1: yes.\n{below}\n"));
            assert_eq!((claims.len(), faults.len()), (0, 1), "{below}");
        }
    }

    #[test]
    fn a_rule_in_the_sources_may_cite_its_requirement() {
        let (claims, faults) = collected("x/src/a.rs", "/// W1: the rule.\nfn rule() {}\n");
        assert_eq!((claims.len(), faults.len()), (0, 0));
    }
}
