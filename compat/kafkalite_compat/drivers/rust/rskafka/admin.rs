//! Topics, records and offsets.

#[cfg(feature = "since_0_6")]
use crate::records::to_time;
use crate::{partition_client, within, WITHIN};
use rskafka::client::partition::{OffsetAt, UnknownTopicHandling};
use rskafka::client::Client;
use serde_json::{json, Map, Value};
use serving::{failed, or_null, unsupported, Answer, Fields, Problem};

pub async fn step(op: &str, fields: &mut Fields, client: &Client) -> Answer {
    match op {
        "list_topics" => list_topics(fields, client).await,
        "create_topic" => create_topic(fields, client).await,
        "delete_topic" => delete_topic(fields, client).await,
        "delete_records" => delete_records(fields, client).await,
        _ => list_offsets(fields, client).await,
    }
}

fn timeout_ms() -> i32 {
    WITHIN.as_millis() as i32
}

/// Kafka's internal topics are left out by rskafka.
async fn list_topics(fields: &mut Fields, client: &Client) -> Answer {
    fields.nothing_else()?;
    let topics = within(client.list_topics()).await?;
    let names: Vec<&str> = topics.iter().map(|one| one.name.as_str()).collect();
    Ok(json!({ "topics": names }))
}

async fn create_topic(fields: &mut Fields, client: &Client) -> Answer {
    let topic: String = fields.need("topic")?;
    let partitions: i32 = fields.need("partitions")?;
    let replication: i16 = fields.or("replication", 1)?;
    if !fields.or("configs", Map::new())?.is_empty() {
        return unsupported("rskafka creates topics without configs");
    }
    if fields.or("validate_only", false)? {
        return unsupported("rskafka cannot only validate a topic");
    }
    fields.nothing_else()?;
    let controller = client
        .controller_client()
        .map_err(|error| failed(error.to_string()))?;
    within(controller.create_topic(topic, partitions, replication, timeout_ms())).await?;
    Ok(json!({}))
}

async fn delete_topic(fields: &mut Fields, client: &Client) -> Answer {
    let topic: String = fields.need("topic")?;
    fields.nothing_else()?;
    let controller = client
        .controller_client()
        .map_err(|error| failed(error.to_string()))?;
    within(controller.delete_topic(topic, timeout_ms())).await?;
    Ok(json!({}))
}

/// rskafka does not tell the low watermark: it is the earliest offset afterwards.
async fn delete_records(fields: &mut Fields, client: &Client) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    let before: i64 = fields.need("before")?;
    fields.nothing_else()?;
    let partition =
        partition_client(client, &topic, partition, UnknownTopicHandling::Error).await?;
    within(partition.delete_records(before, timeout_ms())).await?;
    let earliest = within(partition.get_offset(OffsetAt::Earliest)).await?;
    Ok(json!({ "low_watermark": earliest }))
}

async fn list_offsets(fields: &mut Fields, client: &Client) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    let at = offset_at(&fields.need("at")?)?;
    if fields.text("isolation", "read_uncommitted")? != "read_uncommitted" {
        return unsupported("rskafka has no isolation levels");
    }
    fields.nothing_else()?;
    let partition =
        partition_client(client, &topic, partition, UnknownTopicHandling::Error).await?;
    let offset = within(partition.get_offset(at)).await?;
    Ok(json!({ "offset": or_null(offset), "timestamp_ms": null }))
}

fn offset_at(at: &Value) -> Result<OffsetAt, Problem> {
    match (at.as_i64(), at.as_str()) {
        (Some(time_ms), _) => at_time(time_ms),
        (_, Some("earliest")) => Ok(OffsetAt::Earliest),
        (_, Some("latest")) => Ok(OffsetAt::Latest),
        _ => unsupported(format!("rskafka cannot ask for the offset of {at}")),
    }
}

#[cfg(feature = "since_0_6")]
fn at_time(time_ms: i64) -> Result<OffsetAt, Problem> {
    Ok(OffsetAt::Timestamp(to_time(time_ms)?))
}

#[cfg(not(feature = "since_0_6"))]
fn at_time(_: i64) -> Result<OffsetAt, Problem> {
    let version = env!("CARGO_PKG_VERSION");
    unsupported(format!(
        "rskafka {version} cannot ask for an offset by time"
    ))
}
