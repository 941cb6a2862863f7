//! Consumers: the partitions that the suite assigns, each fetched by a call of its own.

use crate::errors::explained;
use crate::records::record_json;
use crate::{partition_client, within};
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::Client;
use serde_json::{json, Value};
use serving::{failed, unsupported, Answer, Fields, Problem};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const FETCH_MAX_BYTES: i32 = 52_428_800;
const FETCH_MAX_WAIT_MS: i32 = 500;

/// What is done when the offset to fetch is none of the partition's.
enum Reset {
    To(OffsetAt),
    Fail,
}

struct Assigned {
    topic: String,
    partition: i32,
    client: PartitionClient,
    next_offset: i64,
}

struct Consumer {
    reset: Reset,
    min_bytes: i32,
    max_bytes: i32,
    max_wait_ms: i32,
    partitions: Vec<Assigned>,
    /// Records that were fetched along with those that `poll` was asked for.
    fetched: VecDeque<Value>,
}

#[derive(Default)]
pub struct Consumers {
    opened: HashMap<String, Consumer>,
}

impl Consumers {
    pub async fn step(&mut self, op: &str, fields: &mut Fields, client: &Client) -> Answer {
        let name: String = fields.need("consumer")?;
        if op == "open_consumer" {
            self.opened.insert(name, open(fields)?);
            return Ok(json!({}));
        }
        let Some(consumer) = self.opened.get_mut(&name) else {
            return Err(failed(format!("there is no open consumer {name}")));
        };
        match op {
            "assign" => consumer.assign(fields, client).await,
            "poll" => consumer.poll(fields).await,
            "seek" => consumer.seek(fields).await,
            "position" => consumer.position(fields),
            _ => {
                fields.nothing_else()?;
                self.opened.remove(&name);
                Ok(json!({}))
            }
        }
    }
}

fn open(fields: &mut Fields) -> Result<Consumer, Problem> {
    for field in [
        "group",
        "auto_commit_interval_ms",
        "assignor",
        "instance_id",
        "session_timeout_ms",
        "heartbeat_interval_ms",
        "max_poll_interval_ms",
    ] {
        fields.refuse(field, "rskafka has no groups")?;
    }
    if fields.or("auto_commit", false)? || fields.text("protocol", "classic")? != "classic" {
        return unsupported("rskafka has no groups");
    }
    // It asks for committed records only, but leaves in those that were aborted.
    if fields.text("isolation", "read_uncommitted")? != "read_uncommitted" {
        return unsupported("rskafka does not leave out aborted records");
    }
    fields.get::<bool>("allow_auto_create")?; // only ever assigned topics, which are there
    let whole: Option<i32> = fields.get("fetch_max_bytes")?;
    let of_partition: Option<i32> = fields.get("partition_fetch_bytes")?;
    if whole.is_some() && of_partition.is_some() && whole != of_partition {
        return unsupported("rskafka fetches one partition at a time: it has one size for both");
    }
    let consumer = Consumer {
        reset: reset(&fields.text("reset", "earliest")?)?,
        min_bytes: fields.or("fetch_min_bytes", 1)?,
        max_bytes: whole.or(of_partition).unwrap_or(FETCH_MAX_BYTES),
        max_wait_ms: fields.or("fetch_max_wait_ms", FETCH_MAX_WAIT_MS)?,
        partitions: Vec::new(),
        fetched: VecDeque::new(),
    };
    fields.nothing_else()?;
    Ok(consumer)
}

fn reset(name: &str) -> Result<Reset, Problem> {
    match name {
        "earliest" => Ok(Reset::To(OffsetAt::Earliest)),
        "latest" => Ok(Reset::To(OffsetAt::Latest)),
        "none" => Ok(Reset::Fail),
        other => unsupported(format!("rskafka knows no reset {other}")),
    }
}

impl Consumer {
    async fn assign(&mut self, fields: &mut Fields, client: &Client) -> Answer {
        let wanted: Vec<Value> = fields.need("partitions")?;
        fields.nothing_else()?;
        let mut partitions = Vec::new();
        for one in wanted {
            let mut fields = Fields::within("partition", one)?;
            let topic: String = fields.need("topic")?;
            let partition: i32 = fields.need("partition")?;
            let offset: Value = fields.need("offset")?;
            fields.nothing_else()?;
            let client =
                partition_client(client, &topic, partition, UnknownTopicHandling::Error).await?;
            let next_offset = resolved(&client, &offset).await?;
            partitions.push(Assigned {
                topic,
                partition,
                client,
                next_offset,
            });
        }
        self.partitions = partitions;
        self.fetched.clear();
        Ok(json!({}))
    }

    async fn seek(&mut self, fields: &mut Fields) -> Answer {
        let offset: Value = fields.need("offset")?;
        let one = self.assigned(fields)?;
        one.next_offset = resolved(&one.client, &offset).await?;
        let (topic, partition) = (one.topic.clone(), one.partition);
        self.fetched
            .retain(|record| !is_of(record, &topic, partition));
        Ok(json!({}))
    }

    fn position(&mut self, fields: &mut Fields) -> Answer {
        let one = self.assigned(fields)?;
        let (topic, partition, fetched_to) = (one.topic.clone(), one.partition, one.next_offset);
        let waiting = self
            .fetched
            .iter()
            .find(|record| is_of(record, &topic, partition));
        let offset = waiting.map_or(fetched_to.into(), |record| record["offset"].clone());
        Ok(json!({ "offset": offset }))
    }

    fn assigned(&mut self, fields: &mut Fields) -> Result<&mut Assigned, Problem> {
        let topic: String = fields.need("topic")?;
        let partition: i32 = fields.need("partition")?;
        fields.nothing_else()?;
        let mut all = self.partitions.iter_mut();
        let found = all.find(|one| one.topic == topic && one.partition == partition);
        found.ok_or_else(|| failed(format!("{topic}-{partition} is not assigned")))
    }

    /// Round by round over the partitions, until one of them has records.
    async fn poll(&mut self, fields: &mut Fields) -> Answer {
        let timeout_ms: u64 = fields.need("timeout_ms")?;
        let max_records: usize = fields.or("max_records", 500)?;
        fields.nothing_else()?;
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        while self.fetched.is_empty() {
            self.fetch_round(until).await?;
            if Instant::now() >= until {
                break;
            }
            if self.partitions.is_empty() {
                tokio::time::sleep_until(until.into()).await;
            }
        }
        let count = max_records.min(self.fetched.len());
        let records: Vec<Value> = self.fetched.drain(..count).collect();
        Ok(json!({ "records": records }))
    }

    async fn fetch_round(&mut self, until: Instant) -> Result<(), Problem> {
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        let share = i32::try_from(left).unwrap_or(i32::MAX) / self.partitions.len().max(1) as i32;
        let wait_ms = share.min(self.max_wait_ms);
        for one in &mut self.partitions {
            // The upper end is one above the largest size.
            let bytes = self.min_bytes..self.max_bytes.saturating_add(1);
            let fetching = one.client.fetch_records(one.next_offset, bytes, wait_ms);
            let fetched = tokio::time::timeout(crate::WITHIN, fetching).await;
            match fetched.map_err(|_| failed("rskafka still tries to fetch"))? {
                Ok((records, _)) => {
                    for record in &records {
                        one.next_offset = record.offset + 1;
                        let record = record_json(&one.topic, one.partition, record);
                        self.fetched.push_back(record);
                    }
                }
                Err(error) => match (&self.reset, is_out_of_range(&error)) {
                    (Reset::To(at), true) => {
                        one.next_offset = within(one.client.get_offset(*at)).await?;
                    }
                    _ => return Err(explained(&error)),
                },
            }
        }
        Ok(())
    }
}

fn is_of(record: &Value, topic: &str, partition: i32) -> bool {
    record["topic"] == topic && record["partition"] == partition
}

fn is_out_of_range(error: &Error) -> bool {
    let code = ProtocolError::OffsetOutOfRange;
    matches!(error, Error::ServerError { protocol_error, .. } if *protocol_error == code)
}

/// An offset is a number, "earliest" or "latest".
async fn resolved(client: &PartitionClient, offset: &Value) -> Result<i64, Problem> {
    match (offset.as_i64(), offset.as_str()) {
        (Some(number), _) => Ok(number),
        (_, Some("earliest")) => within(client.get_offset(OffsetAt::Earliest)).await,
        (_, Some("latest")) => within(client.get_offset(OffsetAt::Latest)).await,
        (_, Some("committed")) => unsupported("rskafka has no committed offsets"),
        _ => Err(failed(format!("{offset} is no offset"))),
    }
}
