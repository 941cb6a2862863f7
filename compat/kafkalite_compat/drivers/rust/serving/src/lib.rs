//! What every Rust driver has in common: requests from stdin, answers to stdout, and the fields of a step.
//!
//! ```text
//! {"id": 7, "op": "begin", "producer": "p1"}   ->   {"id": 7, "ok": {}}
//! ```

use base64::prelude::{Engine, BASE64_STANDARD};
use serde::de::DeserializeOwned;
use serde_json::{json, Map, Value};
use std::io::{BufRead, Write};

/// The result of a step: the object under "ok", or why there is none.
pub type Answer = Result<Value, Problem>;

#[derive(Debug)]
pub enum Problem {
    /// The library, in this version, cannot do the step or does not know an option.
    Unsupported(String),
    /// The step was tried and failed. `code` is Kafka's, where the library tells it; `name` is Kafka's or the library's.
    Failed {
        code: Option<i32>,
        name: Option<String>,
        text: String,
    },
}

pub fn unsupported<T>(reason: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Unsupported(reason.into()))
}

/// A failure that has neither a code nor a name.
pub fn failed(text: impl Into<String>) -> Problem {
    Problem::Failed {
        code: None,
        name: None,
        text: text.into(),
    }
}

impl Problem {
    /// As it stands in an answer: under "unsupported" or "error".
    pub fn as_json(&self) -> Value {
        match self {
            Problem::Unsupported(reason) => json!({ "unsupported": reason }),
            Problem::Failed { code, name, text } => {
                json!({ "error": { "code": code, "name": name, "text": text } })
            }
        }
    }
}

/// The fields of one request that no one has taken yet. Null is as good as absent.
pub struct Fields {
    op: String,
    left: Map<String, Value>,
}

impl Fields {
    pub fn new(op: &str, given: Map<String, Value>) -> Self {
        let left = given.into_iter().filter(|(_, value)| !value.is_null());
        Self {
            op: op.to_owned(),
            left: left.collect(),
        }
    }

    /// The fields of an object within the request, such as a record.
    pub fn within(op: &str, value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(given) => Ok(Self::new(op, given)),
            other => Err(failed(format!("{op}: {other} is no object"))),
        }
    }

    pub fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.left.remove(name) else {
            return Ok(None);
        };
        match serde_json::from_value(value) {
            Ok(value) => Ok(Some(value)),
            Err(wrong) => Err(failed(format!("{}: {name}: {wrong}", self.op))),
        }
    }

    pub fn need<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        let found = self.get(name)?;
        found.ok_or_else(|| failed(format!("{} needs {name}", self.op)))
    }

    pub fn or<T: DeserializeOwned>(&mut self, name: &str, default: T) -> Result<T, Problem> {
        Ok(self.get(name)?.unwrap_or(default))
    }

    /// A text with a default, for most of them have one.
    pub fn text(&mut self, name: &str, default: &str) -> Result<String, Problem> {
        self.or(name, default.to_owned())
    }

    /// Bytes, which come as base64.
    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        self.get::<String>(name)?
            .as_deref()
            .map(to_bytes)
            .transpose()
    }

    /// To be called before anything is done: what is left now is not known to the driver.
    pub fn nothing_else(&self) -> Result<(), Problem> {
        if self.left.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.left.keys().map(String::as_str).collect();
        unsupported(format!(
            "{}: the driver knows no field {}",
            self.op,
            names.join(", ")
        ))
    }

    /// The field is given, and the library has nothing like it.
    pub fn refuse(&mut self, name: &str, reason: &str) -> Result<(), Problem> {
        match self.left.remove(name) {
            None => Ok(()),
            Some(_) => unsupported(reason),
        }
    }
}

pub fn to_bytes(text: &str) -> Result<Vec<u8>, Problem> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|wrong| failed(format!("not base64: {wrong}")))
}

pub fn to_text(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| BASE64_STANDARD.encode(bytes).into())
}

/// An offset or time; null where the library says "none" by a negative number.
pub fn or_null(number: i64) -> Value {
    if number < 0 {
        Value::Null
    } else {
        number.into()
    }
}

/// Rust's spelling of an error as Kafka spells it: `TopicAlreadyExists` is TOPIC_ALREADY_EXISTS.
pub fn kafka_name(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Answer every line of stdin, then end the process at once.
pub fn serve(mut step: impl FnMut(&str, &mut Fields) -> Answer) -> ! {
    let mut answers = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("stdin can be read");
        let mut request: Map<String, Value> = serde_json::from_str(&line).expect("a JSON object");
        let id = request.remove("id").expect("an id");
        let op = request.remove("op").expect("an op");
        let op = op.as_str().expect("op is a text");
        let mut answer = match step(op, &mut Fields::new(op, request)) {
            Ok(result) => json!({ "ok": result }),
            Err(problem) => problem.as_json(),
        };
        answer["id"] = id;
        writeln!(answers, "{answer}").expect("stdout can be written");
        answers.flush().expect("stdout can be written");
    }
    std::process::exit(0)
}

/// A step that no one has: an application's, or one that the driver does not know.
pub fn other_step(op: &str) -> Answer {
    match op {
        "start_streams" | "stop_streams" | "start_connect" | "stop_connect" => {
            unsupported("this client is a plain client library: Kafka Streams and Kafka Connect are applications")
        }
        _ => unsupported(format!("the driver knows no step {op}")),
    }
}
