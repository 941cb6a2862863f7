//! Where the broker is, how clients of librdkafka are configured, and what its errors are to the suite.

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use serving::{kafka_name, Problem};
use std::cell::OnceCell;
use std::time::Duration;

/// How long a request to the broker may take.
pub const WAIT: Duration = Duration::from_secs(30);

type Admin = AdminClient<DefaultClientContext>;

pub struct Connection {
    bootstrap: String,
    admin: OnceCell<Admin>,
}

impl Connection {
    pub fn new(bootstrap: String) -> Self {
        Self {
            bootstrap,
            admin: OnceCell::new(),
        }
    }

    pub fn settings(&self) -> ClientConfig {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.bootstrap);
        settings
    }

    pub fn admin(&self) -> Result<&Admin, Problem> {
        if self.admin.get().is_none() {
            let opened = Admin::from_config(&self.settings()).map_err(refused)?;
            self.admin.set(opened).ok().expect("it was not there yet");
        }
        Ok(self.admin.get().expect("it was set"))
    }

    /// A consumer that reads nothing, to ask the broker by.
    pub fn asker(&self, settings: &[(&str, &str)]) -> Result<BaseConsumer, Problem> {
        let mut config = self.settings();
        config.set("group.id", "none");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config.create().map_err(refused)
    }
}

/// A setting, if it was given.
pub fn set<T: ToString>(settings: &mut ClientConfig, name: &str, value: Option<T>) {
    if let Some(value) = value {
        settings.set(name, value.to_string());
    }
}

/// librdkafka looks at the settings when a client is made: it is then that it says what it does not know.
pub fn refused(error: KafkaError) -> Problem {
    match error {
        KafkaError::ClientConfig(_, text, name, value) => Problem::Unsupported(format!(
            "librdkafka refuses its settings: {text} ({name}={value})"
        )),
        KafkaError::ClientCreation(text) => {
            Problem::Unsupported(format!("librdkafka refuses its settings: {text}"))
        }
        other => explained(other),
    }
}

pub fn explained(error: KafkaError) -> Problem {
    let code = match &error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    let text = error.to_string();
    match code {
        Some(code) => with_text(code, text),
        None => serving::failed(text),
    }
}

pub fn of_code(code: RDKafkaErrorCode) -> Problem {
    with_text(code, code.to_string())
}

/// librdkafka's own errors are negative: they have a name, but no code of Kafka's.
fn with_text(code: RDKafkaErrorCode, text: String) -> Problem {
    Problem::Failed {
        code: Some(code as i32).filter(|number| *number >= -1),
        name: Some(kafka_name(&format!("{code:?}"))),
        text,
    }
}
