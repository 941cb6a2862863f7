//! Driver of rskafka, a small Kafka client in pure Rust: partitions are written and read one by one, there are no groups.

mod admin;
mod consumers;
mod errors;
mod producers;
mod records;

use consumers::Consumers;
use errors::explained;
use producers::Producers;
use rskafka::client::error::Error;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use serde_json::json;
use serving::{failed, other_step, serve, unsupported, Answer, Fields, Problem};
use std::future::Future;
use std::time::Duration;

/// How long a step may take: rskafka itself tries for ever.
const WITHIN: Duration = Duration::from_secs(30);

struct Driver {
    runtime: tokio::runtime::Runtime,
    /// There is one between `start` and the end.
    client: Option<Client>,
    producers: Producers,
    consumers: Consumers,
}

impl Driver {
    fn step(&mut self, op: &str, fields: &mut Fields) -> Answer {
        if op == "start" {
            return self.start(fields);
        }
        let Some(client) = &self.client else {
            return Err(failed("the first step is start"));
        };
        let (producers, consumers) = (&mut self.producers, &mut self.consumers);
        self.runtime.block_on(async {
            match op {
                "open_producer" | "produce" | "close_producer" => {
                    producers.step(op, fields, client).await
                }
                "open_consumer" | "assign" | "poll" | "seek" | "position" | "close_consumer" => {
                    consumers.step(op, fields, client).await
                }
                "list_topics" | "create_topic" | "delete_topic" | "delete_records"
                | "list_offsets" => admin::step(op, fields, client).await,
                _ => missing(op),
            }
        })
    }

    fn start(&mut self, fields: &mut Fields) -> Answer {
        let bootstrap: String = fields.need("bootstrap")?;
        fields.nothing_else()?;
        let brokers = bootstrap.split(',').map(str::to_owned).collect();
        let client = self
            .runtime
            .block_on(async { within(ClientBuilder::new(brokers).build()).await });
        self.client = Some(client?);
        Ok(
            json!({ "client": "rskafka", "version": env!("CARGO_PKG_VERSION"), "runtime": "Rust, tokio" }),
        )
    }
}

/// What comes of it, if that is in time.
async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
    match tokio::time::timeout(WITHIN, work).await {
        Ok(done) => done.map_err(|error| explained(&error)),
        Err(_) => Err(failed(format!(
            "rskafka still tries after {} s",
            WITHIN.as_secs()
        ))),
    }
}

async fn partition_client(
    client: &Client,
    topic: &str,
    partition: i32,
    if_unknown: UnknownTopicHandling,
) -> Result<PartitionClient, Problem> {
    within(client.partition_client(topic, partition, if_unknown)).await
}

fn missing(op: &str) -> Answer {
    let lacking = match op {
        "metadata" => "topics' names and numbers of partitions are all it tells of the metadata",
        "describe_cluster" => "it does not tell of brokers",
        "describe_topic" => "it does not tell of leaders and replicas",
        "begin" | "commit" | "abort" | "send_offsets" | "list_transactions" => {
            "it has no transactions"
        }
        "subscribe"
        | "assignment"
        | "rebalances"
        | "commit_offsets"
        | "committed"
        | "list_groups"
        | "describe_group"
        | "delete_group"
        | "group_offsets"
        | "alter_group_offsets"
        | "delete_group_offsets" => "it has no groups",
        "pause" | "resume" => "each fetch is a call of its own: there is nothing to pause",
        "create_partitions" => "it cannot add partitions",
        "describe_configs" | "alter_configs" => "it knows no configs",
        "create_acl" | "describe_acls" | "delete_acls" => "it knows no ACLs",
        "describe_log_dirs" => "it knows no log directories",
        "open_share_consumer" | "acknowledge" | "commit_share" => "it has no share consumers",
        _ => return other_step(op),
    };
    unsupported(format!("rskafka {}: {lacking}", env!("CARGO_PKG_VERSION")))
}

fn main() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all();
    let mut driver = Driver {
        runtime: runtime.build().expect("threads can be started"),
        client: None,
        producers: Producers::default(),
        consumers: Consumers::default(),
    };
    serve(|op, fields| driver.step(op, fields))
}
