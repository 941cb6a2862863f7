//! Offsets by time: the binding has no ListOffsets of the admin client, so a consumer asks.

use crate::connection::{explained, Connection, WAIT};
use crate::partitions::offset_json;
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{json, Value};
use serving::{failed, unsupported, Answer, Fields};

pub fn list(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    let at: Value = fields.need("at")?;
    let isolation = fields.text("isolation", "read_uncommitted")?;
    fields.nothing_else()?;
    if at == "max_timestamp" {
        return unsupported("rdkafka has no ListOffsets of the admin client");
    }
    let consumer = connection.asker(&[("isolation.level", &isolation)])?;
    let offset = match at.as_i64() {
        None => {
            let marks = consumer.fetch_watermarks(&topic, partition, WAIT);
            let (low, high) = marks.map_err(explained)?;
            Value::from(if at == "earliest" { low } else { high })
        }
        Some(time_ms) => {
            let mut times = TopicPartitionList::new();
            let added = times.add_partition_offset(&topic, partition, Offset::Offset(time_ms));
            added.map_err(explained)?;
            let found = consumer.offsets_for_times(times, WAIT).map_err(explained)?;
            let one = found.find_partition(&topic, partition);
            let one = one.ok_or_else(|| failed("the answer lacks the partition"))?;
            one.error().map_err(explained)?;
            offset_json(one.offset())
        }
    };
    Ok(json!({ "offset": offset, "timestamp_ms": null }))
}
