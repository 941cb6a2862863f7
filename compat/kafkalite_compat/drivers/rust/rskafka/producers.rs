//! Producers: rskafka has them per partition, one that writes a batch at once and one that gathers.

use crate::errors::explained;
use crate::records::Outgoing;
use crate::{partition_client, within};
use futures::future::join_all;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::producer::{BatchProducer, BatchProducerBuilder, Error as BatchError};
use rskafka::client::Client;
use rskafka::record::Record;
use serde_json::{json, Value};
use serving::{failed, unsupported, Answer, Fields, Problem};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What is written at once is no larger, unless it is one record: a broker takes a little more than this.
const BATCH_BYTES: usize = 900_000;

struct Settings {
    compression: Compression,
    linger: Duration,
    batch_bytes: Option<usize>,
    delivery_timeout: Duration,
}

/// The settings, and the partitions that it has written to.
struct Producer {
    settings: Settings,
    partitions: HashMap<(String, i32), Arc<PartitionClient>>,
}

impl Producer {
    async fn partition(
        &mut self,
        client: &Client,
        topic: &str,
        partition: i32,
    ) -> Result<Arc<PartitionClient>, Problem> {
        let key = (topic.to_owned(), partition);
        if let Some(known) = self.partitions.get(&key) {
            return Ok(Arc::clone(known));
        }
        // A topic that is not there is created by asking for it: it is there at a later attempt.
        let if_unknown = UnknownTopicHandling::Retry;
        let opened = partition_client(client, topic, partition, if_unknown).await?;
        let opened = Arc::new(opened);
        self.partitions.insert(key, Arc::clone(&opened));
        Ok(opened)
    }
}

#[derive(Default)]
pub struct Producers {
    opened: HashMap<String, Producer>,
}

impl Producers {
    pub async fn step(&mut self, op: &str, fields: &mut Fields, client: &Client) -> Answer {
        let name: String = fields.need("producer")?;
        if op == "open_producer" {
            let (settings, partitions) = (settings(fields)?, HashMap::new());
            self.opened.insert(
                name,
                Producer {
                    settings,
                    partitions,
                },
            );
            return Ok(json!({}));
        }
        let Some(producer) = self.opened.get_mut(&name) else {
            return Err(failed(format!("there is no open producer {name}")));
        };
        if op == "produce" {
            return produce(producer, fields, client).await;
        }
        fields.nothing_else()?;
        self.opened.remove(&name);
        Ok(json!({}))
    }
}

fn settings(fields: &mut Fields) -> Result<Settings, Problem> {
    if fields.text("acks", "all")? != "all" {
        return unsupported("rskafka writes with acks=all and nothing else");
    }
    if fields.or("idempotence", false)? {
        return unsupported("rskafka has no idempotent producer");
    }
    fields.refuse("transactional_id", "rskafka has no transactions")?;
    fields.refuse(
        "retries",
        "rskafka tries for ever: it has no number of retries",
    )?;
    fields.refuse("max_request_bytes", "rskafka has no largest request")?;
    fields.refuse(
        "max_in_flight",
        "rskafka has no number of requests in flight",
    )?;
    fields.get::<i64>("transaction_timeout_ms")?; // of no meaning without transactions
    let settings = Settings {
        compression: compression(&fields.text("compression", "none")?)?,
        linger: Duration::from_millis(fields.or("linger_ms", 0)?),
        batch_bytes: fields.get("batch_bytes")?,
        delivery_timeout: Duration::from_millis(fields.or("delivery_timeout_ms", 30_000)?),
    };
    fields.nothing_else()?;
    Ok(settings)
}

fn compression(name: &str) -> Result<Compression, Problem> {
    match name {
        "none" => Ok(Compression::NoCompression),
        "gzip" => Ok(Compression::Gzip),
        "snappy" => Ok(Compression::Snappy),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        other => unsupported(format!("rskafka knows no compression {other}")),
    }
}

/// The records of one partition, each with its number among those of the step.
type Numbered = Vec<(usize, Record)>;

async fn produce(producer: &mut Producer, fields: &mut Fields, client: &Client) -> Answer {
    let topic: String = fields.need("topic")?;
    let records: Vec<Value> = fields.need("records")?;
    fields.nothing_else()?;
    let mut by_partition: BTreeMap<i32, Numbered> = BTreeMap::new();
    let mut results = vec![Value::Null; records.len()];
    let mut only: Option<i32> = None;
    for (number, record) in records.into_iter().enumerate() {
        let one = Outgoing::new(record)?;
        let partition = match (one.partition, only) {
            (Some(partition), _) | (None, Some(partition)) => partition,
            (None, None) => *only.insert(only_partition(client, &topic).await?),
        };
        let numbered = by_partition.entry(partition).or_default();
        numbered.push((number, one.record));
    }
    for (partition, numbered) in by_partition {
        let numbers: Vec<usize> = numbered.iter().map(|(number, _)| *number).collect();
        let records = numbered.into_iter().map(|(_, record)| record).collect();
        let within = producer.settings.delivery_timeout;
        let writing = write(producer, client, &topic, partition, records);
        let written = match tokio::time::timeout(within, writing).await {
            Ok(written) => written,
            Err(_) => for_each(numbers.len(), failed("not delivered in time")),
        };
        for (number, result) in numbers.into_iter().zip(written) {
            results[number] = match result {
                Ok(offset) => {
                    json!({ "partition": partition, "offset": offset, "timestamp_ms": null })
                }
                Err(problem) => problem.as_json(),
            };
        }
    }
    Ok(json!({ "results": results }))
}

/// rskafka leaves the choice of the partition to its user. Where there is one, there is no choice.
async fn only_partition(client: &Client, topic: &str) -> Result<i32, Problem> {
    let topics = within(client.list_topics()).await?;
    match topics.iter().find(|one| one.name == topic) {
        Some(found) if found.partitions.len() > 1 => {
            unsupported("rskafka has no partitioner: the partition has to be given")
        }
        _ => Ok(0),
    }
}

/// An offset or a failure for each of the records.
async fn write(
    producer: &mut Producer,
    client: &Client,
    topic: &str,
    partition: i32,
    records: Vec<Record>,
) -> Vec<Result<i64, Problem>> {
    let opened = match producer.partition(client, topic, partition).await {
        Ok(opened) => opened,
        Err(problem) => return for_each(records.len(), problem),
    };
    let settings = &producer.settings;
    if settings.linger.is_zero() && settings.batch_bytes.is_none() {
        return write_at_once(&opened, settings.compression, records).await;
    }
    let gather = RecordAggregator::new(settings.batch_bytes.unwrap_or(BATCH_BYTES));
    let producer = BatchProducerBuilder::new(opened)
        .with_linger(settings.linger)
        .with_compression(settings.compression)
        .build(gather);
    write_gathered(&producer, records).await
}

fn for_each(count: usize, problem: Problem) -> Vec<Result<i64, Problem>> {
    let Problem::Failed { code, name, text } = problem else {
        unreachable!("the library can write");
    };
    let again = || Problem::Failed {
        code,
        name: name.clone(),
        text: text.clone(),
    };
    (0..count).map(|_| Err(again())).collect()
}

async fn write_at_once(
    client: &PartitionClient,
    compression: Compression,
    records: Vec<Record>,
) -> Vec<Result<i64, Problem>> {
    let mut results = Vec::new();
    for batch in batches(records) {
        let count = batch.len();
        match client.produce(batch, compression).await {
            Ok(offsets) => results.extend(offsets.into_iter().map(Ok)),
            Err(error) => results.extend(for_each(count, explained(&error))),
        }
    }
    results
}

fn batches(records: Vec<Record>) -> Vec<Vec<Record>> {
    let mut batches: Vec<Vec<Record>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let size = record.approximate_size();
        if batches.is_empty() || bytes + size > BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        batches.last_mut().expect("one was pushed").push(record);
    }
    batches
}

/// All are given to it before the first is waited for; their order is that in which they are first polled.
async fn write_gathered(
    producer: &BatchProducer<RecordAggregator>,
    records: Vec<Record>,
) -> Vec<Result<i64, Problem>> {
    let writes = records
        .into_iter()
        .map(|record| async { producer.produce(record).await.map_err(of_batch) });
    join_all(writes).await
}

fn of_batch(error: BatchError) -> Problem {
    match error {
        BatchError::Client(error) => explained(&error),
        other => failed(other.to_string()),
    }
}
