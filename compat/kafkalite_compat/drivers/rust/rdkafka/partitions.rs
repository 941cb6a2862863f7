//! Lists of partitions, as the suite writes them and as librdkafka has them.

use crate::connection::explained;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use serde_json::{json, Value};
use serving::{failed, Fields, Problem};

/// With "offset" and "metadata" where they are given; a partition without an offset has none in the list either.
pub fn to_list(tables: Vec<Value>) -> Result<TopicPartitionList, Problem> {
    let mut list = TopicPartitionList::new();
    for table in tables {
        let mut fields = Fields::within("partition", table)?;
        let topic: String = fields.need("topic")?;
        let partition: i32 = fields.need("partition")?;
        let offset = fields.get::<Value>("offset")?;
        let metadata = fields.get::<String>("metadata")?;
        fields.nothing_else()?;
        let mut one = list.add_partition(&topic, partition);
        if let Some(offset) = offset {
            one.set_offset(to_offset(&offset)?).map_err(explained)?;
        }
        if let Some(metadata) = metadata {
            one.set_metadata(metadata);
        }
    }
    Ok(list)
}

/// A number, or "earliest", "latest" or "committed".
pub fn to_offset(value: &Value) -> Result<Offset, Problem> {
    match (value.as_i64(), value.as_str()) {
        (Some(number), _) => Ok(Offset::Offset(number)),
        (_, Some("earliest")) => Ok(Offset::Beginning),
        (_, Some("latest")) => Ok(Offset::End),
        (_, Some("committed")) => Ok(Offset::Stored),
        _ => Err(failed(format!("{value} is no offset"))),
    }
}

pub fn list_json(list: &TopicPartitionList) -> Value {
    list.elements().iter().map(partition_json).collect()
}

pub fn partition_json(one: &TopicPartitionListElem) -> Value {
    json!({ "topic": one.topic(), "partition": one.partition() })
}

/// Null where there is no offset.
pub fn offset_json(offset: Offset) -> Value {
    match offset {
        Offset::Offset(number) => number.into(),
        _ => Value::Null,
    }
}

/// The failure of the first partition that failed.
pub fn all_well(list: &TopicPartitionList) -> Result<(), Problem> {
    for one in list.elements() {
        one.error().map_err(explained)?;
    }
    Ok(())
}
