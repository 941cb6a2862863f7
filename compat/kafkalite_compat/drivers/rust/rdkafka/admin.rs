//! Metadata and administration of topics and configs.

use crate::connection::{explained, of_code, Connection, WAIT};
#[cfg(feature = "since_0_37")]
use crate::partitions::all_well;
use futures_executor::block_on;
use rdkafka::admin::{
    AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};
#[cfg(feature = "since_0_37")]
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{json, Map, Value};
use serving::{failed, unsupported, Answer, Fields, Problem};
use std::collections::BTreeMap;

pub fn step(op: &str, fields: &mut Fields, connection: &Connection) -> Answer {
    match op {
        "metadata" => metadata(fields, connection),
        "list_topics" => list_topics(fields, connection),
        "describe_topic" => describe_topic(fields, connection),
        "create_topic" => create_topic(fields, connection),
        "delete_topic" => delete_topic(fields, connection),
        "create_partitions" => create_partitions(fields, connection),
        "describe_configs" => describe_configs(fields, connection),
        "alter_configs" => alter_configs(fields, connection),
        _ => delete_records(fields, connection),
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(WAIT))
        .operation_timeout(Some(WAIT))
}

/// The result of the one thing that was asked for.
fn only<T>(mut results: Vec<T>) -> Result<T, Problem> {
    results.pop().ok_or_else(|| failed("the answer is empty"))
}

fn done<T>(results: Vec<Result<T, (String, RDKafkaErrorCode)>>) -> Answer {
    match only(results)? {
        Ok(_) => Ok(json!({})),
        Err((_, code)) => Err(of_code(code)),
    }
}

fn fetch(
    connection: &Connection,
    topic: Option<&str>,
    auto_create: bool,
) -> Result<Metadata, Problem> {
    let auto_create = auto_create.to_string();
    let consumer = connection.asker(&[("allow.auto.create.topics", &auto_create)])?;
    consumer.fetch_metadata(topic, WAIT).map_err(explained)
}

fn topic_is_well(topic: &MetadataTopic) -> Result<(), Problem> {
    topic
        .error()
        .map_or(Ok(()), |error| Err(of_code(error.into())))
}

fn metadata(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: Option<String> = fields.get("topic")?;
    let auto_create = fields.or("allow_auto_create", false)?;
    fields.nothing_else()?;
    let found = fetch(connection, topic.as_deref(), auto_create)?;
    let mut topics = Map::new();
    for one in found.topics() {
        topic_is_well(one)?;
        topics.insert(one.name().to_owned(), one.partitions().len().into());
    }
    let brokers = found.brokers().iter();
    let brokers: Vec<Value> = brokers
        .map(|one| json!({ "id": one.id(), "host": one.host(), "port": one.port() }))
        .collect();
    let cluster_id = connection.admin()?.inner().fetch_cluster_id(WAIT);
    Ok(
        json!({ "brokers": brokers, "cluster_id": cluster_id, "controller": null, "topics": topics }),
    )
}

fn list_topics(fields: &mut Fields, connection: &Connection) -> Answer {
    fields.nothing_else()?;
    let found = fetch(connection, None, false)?;
    let names: Vec<&str> = found.topics().iter().map(MetadataTopic::name).collect();
    Ok(json!({ "topics": names }))
}

/// By the metadata: the binding has no DescribeTopics.
fn describe_topic(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    fields.nothing_else()?;
    let found = fetch(connection, Some(&topic), false)?;
    let one = found.topics().first();
    let one = one.ok_or_else(|| failed("the answer lacks the topic"))?;
    topic_is_well(one)?;
    let partitions = one.partitions().iter();
    let partitions: Vec<Value> = partitions
        .map(|one| {
            json!({
                "partition": one.id(),
                "leader": one.leader(),
                "replicas": one.replicas(),
                "isr": one.isr(),
            })
        })
        .collect();
    Ok(json!({ "partitions": partitions, "topic_id": null }))
}

fn create_topic(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    let partitions: i32 = fields.need("partitions")?;
    let replication: i32 = fields.or("replication", 1)?;
    let configs: BTreeMap<String, String> = fields.or("configs", BTreeMap::new())?;
    let validate_only = fields.or("validate_only", false)?;
    fields.nothing_else()?;
    let mut wanted = NewTopic::new(&topic, partitions, TopicReplication::Fixed(replication));
    for (key, value) in &configs {
        wanted = wanted.set(key, value);
    }
    let options = options().validate_only(validate_only);
    let created = block_on(connection.admin()?.create_topics(&[wanted], &options));
    done(created.map_err(explained)?)
}

fn delete_topic(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    fields.nothing_else()?;
    let deleted = block_on(connection.admin()?.delete_topics(&[&topic], &options()));
    done(deleted.map_err(explained)?)
}

fn create_partitions(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    let total: usize = fields.need("total")?;
    fields.nothing_else()?;
    let wanted = NewPartitions::new(&topic, total);
    let created = block_on(connection.admin()?.create_partitions(&[wanted], &options()));
    done(created.map_err(explained)?)
}

fn resource<'a>(kind: &str, name: &'a str) -> Result<ResourceSpecifier<'a>, Problem> {
    match kind {
        "topic" => Ok(ResourceSpecifier::Topic(name)),
        "group" => Ok(ResourceSpecifier::Group(name)),
        "broker" => match name.parse() {
            Ok(id) => Ok(ResourceSpecifier::Broker(id)),
            Err(_) => Err(failed(format!("{name} is no broker's id"))),
        },
        other => unsupported(format!("rdkafka knows no configs of a {other}")),
    }
}

fn describe_configs(fields: &mut Fields, connection: &Connection) -> Answer {
    let kind: String = fields.need("resource")?;
    let name: String = fields.need("name")?;
    fields.nothing_else()?;
    let wanted = [resource(&kind, &name)?];
    let found = block_on(connection.admin()?.describe_configs(&wanted, &options()));
    let found = only(found.map_err(explained)?)?.map_err(of_code)?;
    let mut configs = Map::new();
    for entry in &found.entries {
        let config = json!({
            "value": entry.value,
            "source": source(&entry.source),
            "read_only": entry.is_read_only,
            "sensitive": entry.is_sensitive,
        });
        configs.insert(entry.name.clone(), config);
    }
    Ok(json!({ "configs": configs }))
}

fn source(source: &ConfigSource) -> Option<&'static str> {
    match source {
        ConfigSource::Unknown => None,
        ConfigSource::DynamicTopic => Some("DYNAMIC_TOPIC_CONFIG"),
        ConfigSource::DynamicBroker => Some("DYNAMIC_BROKER_CONFIG"),
        ConfigSource::DynamicDefaultBroker => Some("DYNAMIC_DEFAULT_BROKER_CONFIG"),
        ConfigSource::StaticBroker => Some("STATIC_BROKER_CONFIG"),
        ConfigSource::Default => Some("DEFAULT_CONFIG"),
    }
}

/// AlterConfigs replaces all: what is to be unset is what is not set.
fn alter_configs(fields: &mut Fields, connection: &Connection) -> Answer {
    let kind: String = fields.need("resource")?;
    let name: String = fields.need("name")?;
    let values: BTreeMap<String, String> = fields.or("set", BTreeMap::new())?;
    fields.get::<Vec<String>>("unset")?;
    fields.nothing_else()?;
    let mut wanted = AlterConfig::new(resource(&kind, &name)?);
    for (key, value) in &values {
        wanted = wanted.set(key, value);
    }
    let altered = block_on(connection.admin()?.alter_configs(&[wanted], &options()));
    match only(altered.map_err(explained)?)? {
        Ok(_) => Ok(json!({ "incremental": false })),
        Err((_, code)) => Err(of_code(code)),
    }
}

#[cfg(feature = "since_0_37")]
fn delete_records(fields: &mut Fields, connection: &Connection) -> Answer {
    let topic: String = fields.need("topic")?;
    let partition: i32 = fields.need("partition")?;
    let before: i64 = fields.need("before")?;
    fields.nothing_else()?;
    let mut wanted = TopicPartitionList::new();
    let offset = if before == -1 {
        Offset::End
    } else {
        Offset::Offset(before)
    };
    wanted
        .add_partition_offset(&topic, partition, offset)
        .map_err(explained)?;
    let deleted = block_on(connection.admin()?.delete_records(&wanted, &options()));
    let deleted = deleted.map_err(explained)?;
    all_well(&deleted)?;
    let one = deleted.find_partition(&topic, partition);
    let one = one.ok_or_else(|| failed("the answer lacks the partition"))?;
    Ok(json!({ "low_watermark": crate::partitions::offset_json(one.offset()) }))
}

#[cfg(not(feature = "since_0_37"))]
fn delete_records(_: &mut Fields, _: &Connection) -> Answer {
    unsupported(format!(
        "rdkafka {} has no DeleteRecords",
        env!("CARGO_PKG_VERSION")
    ))
}
