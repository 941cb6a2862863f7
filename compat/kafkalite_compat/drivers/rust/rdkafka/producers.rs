//! Producers and transactions.

use crate::connection::{explained, refused, set, Connection, WAIT};
use crate::consumers::Consumers;
use crate::partitions::to_list;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use serde_json::{json, Value};
use serving::{failed, or_null, unsupported, Answer, Fields, Problem};
use std::collections::HashMap;
use std::sync::mpsc::{channel, Sender};
use std::thread::sleep;
use std::time::Duration;

/// Where the result of one record goes: its number among those of the step, and the step's channel.
struct Receipt {
    number: usize,
    results: Sender<(usize, Value)>,
}

struct Receipts;

impl ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = Box<Receipt>;

    fn delivery(&self, result: &DeliveryResult<'_>, receipt: Box<Receipt>) {
        let result = match result {
            Ok(message) => json!({
                "partition": message.partition(),
                "offset": or_null(message.offset()),
                "timestamp_ms": message.timestamp().to_millis(),
            }),
            Err((error, _)) => explained(error.clone()).as_json(),
        };
        // The step is gone if the record was not delivered in time; there is no one to tell.
        let _ = receipt.results.send((receipt.number, result));
    }
}

type Opened = ThreadedProducer<Receipts>;

#[derive(Default)]
pub struct Producers {
    opened: HashMap<String, Opened>,
}

impl Producers {
    pub fn step(
        &mut self,
        op: &str,
        fields: &mut Fields,
        connection: &Connection,
        consumers: &Consumers,
    ) -> Answer {
        let name: String = fields.need("producer")?;
        if op == "open_producer" {
            self.opened.insert(name, open(fields, connection)?);
            return Ok(json!({}));
        }
        let Some(producer) = self.opened.get(&name) else {
            return Err(failed(format!("there is no open producer {name}")));
        };
        match op {
            "produce" => return produce(producer, fields),
            "send_offsets" => return send_offsets(producer, fields, connection, consumers),
            _ => fields.nothing_else()?,
        }
        match op {
            "begin" => producer.begin_transaction(),
            "commit" => producer.commit_transaction(WAIT),
            "abort" => producer.abort_transaction(WAIT),
            _ => {
                let flushed = producer.flush(WAIT);
                self.opened.remove(&name);
                flushed
            }
        }
        .map_err(explained)?;
        Ok(json!({}))
    }
}

fn open(fields: &mut Fields, connection: &Connection) -> Result<Opened, Problem> {
    let settings = settings(fields, connection.settings())?;
    let producer = Opened::from_config_and_context(&settings, Receipts).map_err(refused)?;
    if settings.get("transactional.id").is_some() {
        producer.init_transactions(WAIT).map_err(explained)?;
    }
    Ok(producer)
}

fn settings(fields: &mut Fields, mut settings: ClientConfig) -> Result<ClientConfig, Problem> {
    let transactional_id: Option<String> = fields.get("transactional_id")?;
    let transaction_ms: u32 = fields.or("transaction_timeout_ms", 60_000)?;
    let mut delivery_ms: u32 = fields.or("delivery_timeout_ms", 30_000)?;
    let mut idempotence = fields.or("idempotence", false)?;
    if let Some(id) = transactional_id {
        idempotence = true;
        // librdkafka wants a record to be given up before its transaction is.
        delivery_ms = delivery_ms.min(transaction_ms);
        settings.set("transactional.id", id);
        settings.set("transaction.timeout.ms", transaction_ms.to_string());
    }
    settings.set("enable.idempotence", idempotence.to_string());
    settings.set("message.timeout.ms", delivery_ms.to_string());
    settings.set("acks", fields.text("acks", "all")?);
    settings.set("compression.type", fields.text("compression", "none")?);
    settings.set("linger.ms", fields.or("linger_ms", 0u32)?.to_string());
    for (setting, field) in [
        ("batch.size", "batch_bytes"),
        ("message.max.bytes", "max_request_bytes"),
        ("message.send.max.retries", "retries"),
        ("max.in.flight.requests.per.connection", "max_in_flight"),
    ] {
        set(&mut settings, setting, fields.get::<i64>(field)?);
    }
    fields.nothing_else()?;
    Ok(settings)
}

/// One record of a `produce` step.
struct Outgoing {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Option<OwnedHeaders>,
    partition: Option<i32>,
    timestamp_ms: Option<i64>,
}

impl Outgoing {
    fn new(record: Value) -> Result<Self, Problem> {
        let mut fields = Fields::within("record", record)?;
        let one = Self {
            key: fields.bytes("key")?,
            value: fields.bytes("value")?,
            headers: fields.get("headers")?.map(to_headers).transpose()?,
            partition: fields.get("partition")?,
            timestamp_ms: fields.get("timestamp_ms")?,
        };
        fields.nothing_else()?;
        if one.timestamp_ms == Some(0) {
            return unsupported("librdkafka takes a timestamp of 0 for the present time");
        }
        Ok(one)
    }

    fn record<'a>(
        &'a self,
        topic: &'a str,
        receipt: Receipt,
    ) -> BaseRecord<'a, [u8], [u8], Box<Receipt>> {
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(receipt));
        if let Some(key) = &self.key {
            record = record.key(key.as_slice());
        }
        if let Some(value) = &self.value {
            record = record.payload(value.as_slice());
        }
        if let Some(headers) = &self.headers {
            record = record.headers(headers.clone());
        }
        if let Some(partition) = self.partition {
            record = record.partition(partition);
        }
        if let Some(timestamp_ms) = self.timestamp_ms {
            record = record.timestamp(timestamp_ms);
        }
        record
    }
}

fn to_headers(pairs: Vec<(String, Option<String>)>) -> Result<OwnedHeaders, Problem> {
    let mut headers = OwnedHeaders::new();
    for (name, value) in &pairs {
        let value = value.as_deref().map(serving::to_bytes).transpose()?;
        headers = headers.insert(Header {
            key: name,
            value: value.as_ref(),
        });
    }
    Ok(headers)
}

fn produce(producer: &Opened, fields: &mut Fields) -> Answer {
    let topic: String = fields.need("topic")?;
    let records: Vec<Value> = fields.need("records")?;
    fields.nothing_else()?;
    let outgoing: Result<Vec<_>, _> = records.into_iter().map(Outgoing::new).collect();
    let outgoing = outgoing?;
    let mut answers = vec![Value::Null; outgoing.len()];
    let (results, delivered) = channel();
    for (number, one) in outgoing.iter().enumerate() {
        let results = results.clone();
        let record = one.record(&topic, Receipt { number, results });
        if let Err(error) = enqueue(producer, record) {
            answers[number] = explained(error).as_json();
        }
    }
    drop(results); // the channel ends with the last receipt
    for (number, result) in delivered {
        answers[number] = result;
    }
    Ok(json!({ "results": answers }))
}

/// Queue a record; while librdkafka's queue is full, let its thread send.
fn enqueue<'a>(
    producer: &Opened,
    mut record: BaseRecord<'a, [u8], [u8], Box<Receipt>>,
) -> Result<(), KafkaError> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                sleep(Duration::from_millis(20));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn send_offsets(
    producer: &Opened,
    fields: &mut Fields,
    connection: &Connection,
    consumers: &Consumers,
) -> Answer {
    let group: String = fields.need("group")?;
    let consumer: Option<String> = fields.get("consumer")?;
    let offsets = to_list(fields.need("offsets")?)?;
    fields.nothing_else()?;
    let metadata = match consumer {
        Some(name) => consumers.get(&name)?.consumer.group_metadata(),
        // Only a consumer can tell group metadata: one that has not joined tells the group's name alone.
        None => connection.asker(&[("group.id", &group)])?.group_metadata(),
    };
    let metadata = metadata.ok_or_else(|| failed("the consumer is in no group"))?;
    let sent = producer.send_offsets_to_transaction(&offsets, &metadata, WAIT);
    sent.map_err(explained)?;
    Ok(json!({}))
}
