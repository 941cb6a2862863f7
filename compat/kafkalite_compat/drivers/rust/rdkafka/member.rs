//! A consumer, and the rebalances that it has told.

use crate::connection::{explained, refused};
use crate::partitions::list_json;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::Timestamp;
use serde_json::{json, Value};
use serving::{to_text, Problem};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Errors that a loop of polls goes on after.
const PASSING: [RDKafkaErrorCode; 4] = [
    // The broker is away for a while; librdkafka itself goes on trying to reach it.
    RDKafkaErrorCode::BrokerTransportFailure,
    RDKafkaErrorCode::AllBrokersDown,
    // Told once for a topic that is not there (yet); the consumer itself goes on looking for it.
    RDKafkaErrorCode::UnknownTopicOrPartition,
    // The member was thrown out for not polling; the poll that tells it is what brings it back.
    RDKafkaErrorCode::PollExceeded,
];

#[derive(Default)]
pub struct Events {
    told: Mutex<Vec<Value>>,
}

impl Events {
    fn note(&self, kind: &str, partitions: &TopicPartitionList) {
        let event = json!({ "kind": kind, "partitions": list_json(partitions) });
        self.told.lock().expect("no holder panics").push(event);
    }

    fn note_assigned(&self, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            self.note("assigned", partitions);
        }
    }

    fn note_revoked(&self, rebalance: &Rebalance<'_>, lost: bool) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.note(if lost { "lost" } else { "revoked" }, partitions);
        }
    }
}

impl ClientContext for Events {}

#[cfg(feature = "since_0_37")]
impl ConsumerContext for Events {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note_revoked(rebalance, consumer.assignment_lost());
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.note_assigned(rebalance);
    }
}

/// Before 0.37 the callbacks do not know the consumer, nor thereby whether the partitions were lost.
#[cfg(not(feature = "since_0_37"))]
impl ConsumerContext for Events {
    fn pre_rebalance(&self, rebalance: &Rebalance<'_>) {
        self.note_revoked(rebalance, false);
    }

    fn post_rebalance(&self, rebalance: &Rebalance<'_>) {
        self.note_assigned(rebalance);
    }
}

pub struct Member {
    pub consumer: BaseConsumer<Events>,
    /// An error that came after records which had to be given first.
    pending: Option<Problem>,
}

impl Member {
    pub fn new(settings: &ClientConfig) -> Result<Self, Problem> {
        let opened = BaseConsumer::from_config_and_context(settings, Events::default());
        Ok(Self {
            consumer: opened.map_err(refused)?,
            pending: None,
        })
    }

    /// Since the last call.
    pub fn events(&self) -> Vec<Value> {
        std::mem::take(
            &mut self
                .consumer
                .context()
                .told
                .lock()
                .expect("no holder panics"),
        )
    }

    /// Wait for the first record, then take those that have come with it.
    pub fn poll(&mut self, timeout: Duration, max_records: usize) -> Result<Vec<Value>, Problem> {
        if let Some(problem) = self.pending.take() {
            return Err(problem);
        }
        let until = Instant::now() + timeout;
        let mut records = Vec::new();
        while records.len() < max_records {
            let wait = if records.is_empty() {
                until.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => records.push(record_json(&message)),
                Some(Err(error)) if is_passing(&error) => {}
                Some(Err(error)) if records.is_empty() => return Err(explained(error)),
                Some(Err(error)) => {
                    self.pending = Some(explained(error));
                    break;
                }
                // Also after a rebalance, which is no reason to answer before the time.
                None if !records.is_empty() || Instant::now() >= until => break,
                None => {}
            }
        }
        Ok(records)
    }
}

fn is_passing(error: &KafkaError) -> bool {
    error
        .rdkafka_error_code()
        .is_some_and(|code| PASSING.contains(&code))
}

fn record_json(message: &BorrowedMessage<'_>) -> Value {
    let timestamp_type = match message.timestamp() {
        Timestamp::CreateTime(_) => Some("create"),
        Timestamp::LogAppendTime(_) => Some("append"),
        Timestamp::NotAvailable => None,
    };
    let headers: Vec<Value> = message.headers().map_or_else(Vec::new, |headers| {
        let pairs = headers.iter();
        pairs
            .map(|one| json!([one.key, to_text(one.value)]))
            .collect()
    });
    json!({
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": message.timestamp().to_millis(),
        "timestamp_type": timestamp_type,
        "key": to_text(message.key()),
        "value": to_text(message.payload()),
        "headers": headers,
    })
}
