//! Records, as the suite writes them and as rskafka has them.

use rskafka::chrono::{DateTime, Utc};
use rskafka::record::{Record, RecordAndOffset};
use serde_json::{json, Value};
use serving::{failed, to_bytes, to_text, unsupported, Fields, Problem};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Outgoing {
    pub record: Record,
    pub partition: Option<i32>,
}

impl Outgoing {
    /// A record has to have a time: without one it is made now.
    pub fn new(record: Value) -> Result<Self, Problem> {
        let mut fields = Fields::within("record", record)?;
        let time_ms: Option<i64> = fields.get("timestamp_ms")?;
        let pairs: Vec<(String, Option<String>)> = fields.or("headers", Vec::new())?;
        let record = Record {
            key: fields.bytes("key")?,
            value: fields.bytes("value")?,
            headers: to_headers(pairs)?,
            timestamp: to_time(time_ms.unwrap_or_else(now_ms))?,
        };
        let partition = fields.get("partition")?;
        fields.nothing_else()?;
        Ok(Self { record, partition })
    }
}

pub fn to_time(time_ms: i64) -> Result<DateTime<Utc>, Problem> {
    let time = DateTime::from_timestamp_millis(time_ms);
    time.ok_or_else(|| failed(format!("{time_ms} is no time")))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_millis() as i64
}

fn to_headers(pairs: Vec<(String, Option<String>)>) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let mut headers = BTreeMap::new();
    for (name, value) in pairs {
        let Some(value) = value else {
            return unsupported("rskafka's headers have values that are never null");
        };
        if headers.insert(name, to_bytes(&value)?).is_some() {
            return unsupported("rskafka's headers are a map: a name is there once");
        }
    }
    Ok(headers)
}

pub fn record_json(topic: &str, partition: i32, one: &RecordAndOffset) -> Value {
    let headers = one.record.headers.iter();
    let headers: Vec<Value> = headers
        .map(|(name, value)| json!([name, to_text(Some(value))]))
        .collect();
    json!({
        "topic": topic,
        "partition": partition,
        "offset": one.offset,
        "timestamp_ms": one.record.timestamp.timestamp_millis(),
        "timestamp_type": null,
        "key": to_text(one.record.key.as_deref()),
        "value": to_text(one.record.value.as_deref()),
        "headers": headers,
    })
}
