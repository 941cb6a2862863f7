//! Consumers, alone and in groups.

use crate::connection::{explained, set, Connection, WAIT};
use crate::member::Member;
use crate::partitions::{all_well, list_json, offset_json, partition_json, to_list, to_offset};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use serde_json::{json, Value};
use serving::{failed, unsupported, Answer, Fields, Problem};
use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SESSION_TIMEOUT_MS: i64 = 45_000;
const LARGEST_MESSAGE_BYTES: i64 = 1_000_000;
const SMALLEST_MESSAGE_BYTES: i64 = 1_000;
const LARGEST_RESPONSE_BYTES: i64 = 100_000_000;
const RESPONSE_OVERHEAD_BYTES: i64 = 512;
const SEEK_WITHIN: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Consumers {
    opened: HashMap<String, Member>,
}

impl Consumers {
    pub fn get(&self, name: &str) -> Result<&Member, Problem> {
        let found = self.opened.get(name);
        found.ok_or_else(|| failed(format!("there is no open consumer {name}")))
    }

    pub fn step(&mut self, op: &str, fields: &mut Fields, connection: &Connection) -> Answer {
        let name: String = fields.need("consumer")?;
        match op {
            "open_consumer" => {
                let settings = settings(&name, fields, connection.settings())?;
                self.opened.insert(name, Member::new(&settings)?);
            }
            "close_consumer" => {
                fields.nothing_else()?;
                self.get(&name)?;
                self.opened.remove(&name); // which closes it
            }
            "poll" => {
                self.get(&name)?;
                let member = self.opened.get_mut(&name).expect("it is there");
                return poll(member, fields);
            }
            _ => return member_step(op, self.get(&name)?, fields),
        }
        Ok(json!({}))
    }
}

fn member_step(op: &str, member: &Member, fields: &mut Fields) -> Answer {
    match op {
        "assign" => assign(member, fields),
        "subscribe" => subscribe(member, fields),
        "assignment" => assignment(member, fields),
        "rebalances" => {
            fields.nothing_else()?;
            Ok(json!({ "events": member.events() }))
        }
        "seek" => seek(member, fields),
        "position" => position(member, fields),
        "commit_offsets" => commit(member, fields),
        "committed" => committed(member, fields),
        _ => pause_or_resume(op, member, fields),
    }
}

fn settings(
    name: &str,
    fields: &mut Fields,
    mut settings: ClientConfig,
) -> Result<ClientConfig, Problem> {
    let protocol = fields.text("protocol", "classic")?;
    let session_ms: Option<i64> = fields.get("session_timeout_ms")?;
    let poll_interval_ms: Option<i64> = fields.get("max_poll_interval_ms")?;
    let fetch_max_bytes: Option<i64> = fields.get("fetch_max_bytes")?;
    let reset = fields.text("reset", "earliest")?;
    let reset = if reset == "none" { "error" } else { &reset };
    settings.set("auto.offset.reset", reset);
    settings.set(
        "isolation.level",
        fields.text("isolation", "read_uncommitted")?,
    );
    settings.set(
        "enable.auto.commit",
        fields.or("auto_commit", false)?.to_string(),
    );
    let auto_create = fields.or("allow_auto_create", false)?;
    settings.set("allow.auto.create.topics", auto_create.to_string());
    // librdkafka wants a group's name even of a consumer that joins none.
    settings.set(
        "group.id",
        fields.text("group", &format!("no-group-{name}"))?,
    );
    set(
        &mut settings,
        "group.instance.id",
        fields.get::<String>("instance_id")?,
    );
    set(&mut settings, "session.timeout.ms", session_ms);
    set(&mut settings, "max.poll.interval.ms", poll_interval_ms);
    for (setting, field) in [
        ("auto.commit.interval.ms", "auto_commit_interval_ms"),
        ("heartbeat.interval.ms", "heartbeat_interval_ms"),
        ("max.partition.fetch.bytes", "partition_fetch_bytes"),
        ("fetch.min.bytes", "fetch_min_bytes"),
        ("fetch.wait.max.ms", "fetch_max_wait_ms"),
    ] {
        set(&mut settings, setting, fields.get::<i64>(field)?);
    }
    let assignor: Option<String> = fields.get("assignor")?;
    fields.nothing_else()?;
    if protocol == "classic" {
        set(&mut settings, "partition.assignment.strategy", assignor);
        session_within(&mut settings, session_ms, poll_interval_ms);
    } else {
        settings.set("group.protocol", protocol);
        set(&mut settings, "group.remote.assignor", assignor);
    }
    if let Some(bytes) = fetch_max_bytes {
        message_sizes(&mut settings, bytes);
    }
    Ok(settings)
}

/// librdkafka wants max.poll.interval.ms to be no less than the session timeout.
fn session_within(settings: &mut ClientConfig, session_ms: Option<i64>, interval_ms: Option<i64>) {
    if let (None, Some(interval_ms)) = (session_ms, interval_ms) {
        let session_ms = SESSION_TIMEOUT_MS.min(interval_ms);
        settings.set("session.timeout.ms", session_ms.to_string());
    }
}

/// librdkafka wants message.max.bytes <= fetch.max.bytes < receive.message.max.bytes.
fn message_sizes(settings: &mut ClientConfig, fetch_max_bytes: i64) {
    let message = fetch_max_bytes.clamp(SMALLEST_MESSAGE_BYTES, LARGEST_MESSAGE_BYTES);
    let response = (fetch_max_bytes + RESPONSE_OVERHEAD_BYTES).max(LARGEST_RESPONSE_BYTES);
    settings.set("fetch.max.bytes", fetch_max_bytes.to_string());
    settings.set("message.max.bytes", message.to_string());
    settings.set("receive.message.max.bytes", response.to_string());
}

fn poll(member: &mut Member, fields: &mut Fields) -> Answer {
    let timeout_ms: u64 = fields.need("timeout_ms")?;
    let max_records: usize = fields.or("max_records", 500)?;
    fields.nothing_else()?;
    let records = member.poll(Duration::from_millis(timeout_ms), max_records)?;
    Ok(json!({ "records": records }))
}

fn assign(member: &Member, fields: &mut Fields) -> Answer {
    let partitions = to_list(fields.need("partitions")?)?;
    fields.nothing_else()?;
    member.consumer.assign(&partitions).map_err(explained)?;
    Ok(json!({}))
}

fn subscribe(member: &Member, fields: &mut Fields) -> Answer {
    let mut topics: Vec<String> = fields.or("topics", Vec::new())?;
    // librdkafka knows a pattern by its "^".
    if let Some(pattern) = fields.get::<String>("pattern")? {
        topics.push(format!("^{}", pattern.trim_start_matches('^')));
    }
    fields.nothing_else()?;
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    member.consumer.subscribe(&names).map_err(explained)?;
    Ok(json!({}))
}

/// The binding does not tell the member's id, nor librdkafka the generation.
fn assignment(member: &Member, fields: &mut Fields) -> Answer {
    fields.nothing_else()?;
    let partitions = member.consumer.assignment().map_err(explained)?;
    Ok(json!({ "partitions": list_json(&partitions), "member_id": null, "generation": null }))
}

/// Seek, once librdkafka has begun to fetch the partition: until then it answers "erroneous state".
fn seek(member: &Member, fields: &mut Fields) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    let offset = to_offset(&fields.need("offset")?)?;
    fields.nothing_else()?;
    let until = Instant::now() + SEEK_WITHIN;
    loop {
        match member.consumer.seek(&topic, partition, offset, WAIT) {
            Ok(()) => return Ok(json!({})),
            Err(KafkaError::Seek(text))
                if text.contains("Erroneous state") && Instant::now() < until =>
            {
                sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(explained(error)),
        }
    }
}

fn position(member: &Member, fields: &mut Fields) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    fields.nothing_else()?;
    let all = member.consumer.position().map_err(explained)?;
    let Some(one) = all.find_partition(&topic, partition) else {
        return Err(failed(format!("{topic}-{partition} is not assigned")));
    };
    one.error().map_err(explained)?;
    match one.offset() {
        Offset::Offset(offset) => Ok(json!({ "offset": offset })),
        _ => unsupported("librdkafka tells no position before it has given the first record"),
    }
}

fn commit(member: &Member, fields: &mut Fields) -> Answer {
    let offsets: Option<Vec<Value>> = fields.get("offsets")?;
    fields.nothing_else()?;
    let Some(offsets) = offsets else {
        return match member.consumer.commit_consumer_state(CommitMode::Sync) {
            // That there is nothing to commit is no failure.
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => Ok(json!({})),
            Err(error) => Err(explained(error)),
        };
    };
    let offsets = to_list(offsets)?;
    let committed = member.consumer.commit(&offsets, CommitMode::Sync);
    committed.map_err(explained)?;
    all_well(&offsets)?;
    Ok(json!({}))
}

fn committed(member: &Member, fields: &mut Fields) -> Answer {
    let partitions = to_list(fields.need("partitions")?)?;
    fields.nothing_else()?;
    let found = member.consumer.committed_offsets(partitions, WAIT);
    let found = found.map_err(explained)?;
    all_well(&found)?;
    let offsets: Vec<Value> = found
        .elements()
        .iter()
        .map(|one| {
            let mut offset = partition_json(one);
            offset["offset"] = offset_json(one.offset());
            offset["metadata"] = one.metadata().into();
            offset
        })
        .collect();
    Ok(json!({ "offsets": offsets }))
}

fn pause_or_resume(op: &str, member: &Member, fields: &mut Fields) -> Answer {
    let partitions = to_list(fields.need("partitions")?)?;
    fields.nothing_else()?;
    let done = if op == "pause" {
        member.consumer.pause(&partitions)
    } else {
        member.consumer.resume(&partitions)
    };
    done.map_err(explained)?;
    Ok(json!({}))
}
