//! The JSON examples of `docs/cli.md`, and whether an answer has their shape.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// The examples by command, and which of them were compared with an answer.
pub(crate) struct Examples {
    by_command: BTreeMap<String, Vec<Value>>,
    checked: BTreeSet<String>,
}

impl Examples {
    /// Every block of JSON below a heading that names a command.
    pub(crate) fn read() -> Self {
        let mut by_command: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for section in PAGE.split("\n### `").skip(1) {
            let (command, rest) = section.split_once('`').unwrap();
            let block = rest
                .split_once("```json\n")
                .and_then(|(_, block)| block.split_once("```"));
            let (block, _) = block.unwrap_or_else(|| panic!("{command} has no example"));
            let values = serde_json::Deserializer::from_str(block).into_iter::<Value>();
            let values = values.collect::<Result<_, _>>();
            let values = values.unwrap_or_else(|error| panic!("{command}: {error}"));
            by_command.insert(command.to_owned(), values);
        }
        Self {
            by_command,
            checked: BTreeSet::new(),
        }
    }

    /// Compares answers with the examples of a command. Of several examples that are events, each
    /// answer is compared with the one of its kind, and each kind must come.
    pub(crate) fn check(&mut self, command: &str, answers: &[Value]) {
        let examples = self.by_command.get(command);
        let examples = examples.unwrap_or_else(|| panic!("{command} is not on the page"));
        let is_event = examples.iter().all(|example| example["event"].is_string());
        if is_event {
            for example in examples {
                let of_kind = answers
                    .iter()
                    .find(|answer| answer["event"] == example["event"]);
                let of_kind = of_kind.unwrap_or_else(|| panic!("no event like {example}"));
                same_shape(command, example, of_kind);
            }
        } else {
            assert_eq!(examples.len(), answers.len(), "{command}");
            for (example, answer) in examples.iter().zip(answers) {
                same_shape(command, example, answer);
            }
        }
        self.checked.insert(command.to_owned());
    }

    /// No example may be left over.
    pub(crate) fn all_were_checked(&self) {
        let left: Vec<&String> = self
            .by_command
            .keys()
            .filter(|command| !self.checked.contains(*command))
            .collect();
        assert_eq!(left, Vec::<&String>::new());
    }
}

/// The same keys with the same types all the way down. Null fits every type; of lists the first
/// elements are compared, and a list with an example must not be empty.
fn same_shape(at: &str, example: &Value, answer: &Value) {
    match (example, answer) {
        (Value::Object(expected), Value::Object(found)) => {
            let keys = |object: &serde_json::Map<String, Value>| {
                object.keys().cloned().collect::<BTreeSet<String>>()
            };
            assert_eq!(keys(expected), keys(found), "{at}");
            for (key, value) in expected {
                same_shape(&format!("{at}.{key}"), value, &found[key]);
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if let Some(first) = expected.first() {
                let answer = found.first().unwrap_or_else(|| panic!("{at} is empty"));
                same_shape(&format!("{at}[0]"), first, answer);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => {
            let kind = |value: &Value| match value {
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                Value::String(_) => "a text",
                Value::Array(_) => "a list",
                Value::Object(_) | Value::Null => "an object",
            };
            assert_eq!(kind(example), kind(answer), "{at}: {answer}");
        }
    }
}
