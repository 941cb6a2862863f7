//! Driver of rdkafka, the Rust binding of librdkafka.

mod admin;
mod connection;
mod consumers;
mod groups;
mod member;
mod offsets;
mod partitions;
mod producers;

use connection::Connection;
use consumers::Consumers;
use producers::Producers;
use rdkafka::util::get_rdkafka_version;
use serde_json::json;
use serving::{other_step, serve, unsupported, Answer, Fields};

struct Driver {
    connection: Connection,
    producers: Producers,
    consumers: Consumers,
}

impl Driver {
    fn step(&mut self, op: &str, fields: &mut Fields) -> Answer {
        match op {
            "start" => self.start(fields),
            "open_producer" | "produce" | "begin" | "commit" | "abort" | "send_offsets"
            | "close_producer" => {
                self.producers
                    .step(op, fields, &self.connection, &self.consumers)
            }
            "open_consumer" | "assign" | "subscribe" | "poll" | "assignment" | "rebalances"
            | "seek" | "position" | "commit_offsets" | "committed" | "pause" | "resume"
            | "close_consumer" => self.consumers.step(op, fields, &self.connection),
            "list_offsets" => offsets::list(fields, &self.connection),
            "metadata" | "list_topics" | "describe_topic" | "create_topic" | "delete_topic"
            | "create_partitions" | "describe_configs" | "alter_configs" | "delete_records" => {
                admin::step(op, fields, &self.connection)
            }
            "list_groups" | "describe_group" | "delete_group" | "alter_group_offsets" => {
                groups::step(op, fields, &self.connection)
            }
            _ => missing(op),
        }
    }

    fn start(&mut self, fields: &mut Fields) -> Answer {
        self.connection = Connection::new(fields.need("bootstrap")?);
        fields.nothing_else()?;
        Ok(json!({
            "client": "rdkafka",
            "version": env!("CARGO_PKG_VERSION"),
            "runtime": format!("Rust, librdkafka {}", get_rdkafka_version().1),
        }))
    }
}

/// What librdkafka itself may have, but this binding does not offer.
fn missing(op: &str) -> Answer {
    let lacking = match op {
        "describe_cluster" => "DescribeCluster",
        "group_offsets" => "listing of all offsets of a group",
        "delete_group_offsets" => "DeleteOffsets of a group",
        "create_acl" | "describe_acls" | "delete_acls" => "administration of ACLs",
        "describe_log_dirs" => "DescribeLogDirs",
        "list_transactions" => "ListTransactions",
        "open_share_consumer" | "acknowledge" | "commit_share" => "share consumers",
        _ => return other_step(op),
    };
    unsupported(format!(
        "rdkafka {} has no {lacking}",
        env!("CARGO_PKG_VERSION")
    ))
}

fn main() {
    let mut driver = Driver {
        connection: Connection::new(String::new()),
        producers: Producers::default(),
        consumers: Consumers::default(),
    };
    serve(|op, fields| driver.step(op, fields))
}
