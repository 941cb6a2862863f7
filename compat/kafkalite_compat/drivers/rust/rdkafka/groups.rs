//! Administration of groups.

use crate::connection::{explained, of_code, Connection, WAIT};
use crate::partitions::{all_well, to_list};
use futures_executor::block_on;
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::groups::GroupMemberInfo;
use serde_json::{json, Value};
use serving::{failed, Answer, Fields, Problem};

pub fn step(op: &str, fields: &mut Fields, connection: &Connection) -> Answer {
    match op {
        "list_groups" => list(fields, connection),
        "describe_group" => describe(fields, connection),
        "delete_group" => delete(fields, connection),
        _ => alter_offsets(fields, connection),
    }
}

fn list(fields: &mut Fields, connection: &Connection) -> Answer {
    fields.nothing_else()?;
    let found = connection.admin()?.inner().fetch_group_list(None, WAIT);
    let found = found.map_err(explained)?;
    let groups: Vec<Value> = found
        .groups()
        .iter()
        .map(|one| json!({ "group": one.name(), "state": one.state(), "type": null }))
        .collect();
    Ok(json!({ "groups": groups }))
}

fn describe(fields: &mut Fields, connection: &Connection) -> Answer {
    let group: String = fields.need("group")?;
    fields.nothing_else()?;
    let found = connection
        .admin()?
        .inner()
        .fetch_group_list(Some(&group), WAIT);
    let found = found.map_err(explained)?;
    let Some(one) = found.groups().first() else {
        return Err(failed(format!("the broker knows no group {group}")));
    };
    let members: Result<Vec<Value>, Problem> = one.members().iter().map(member_json).collect();
    Ok(json!({ "state": one.state(), "assignor": one.protocol(), "members": members? }))
}

fn member_json(member: &GroupMemberInfo) -> Result<Value, Problem> {
    let assignment = member.assignment().unwrap_or_default();
    let partitions = assigned(assignment).ok_or_else(|| failed("an assignment is cut short"))?;
    Ok(json!({
        "member_id": member.id(),
        "instance_id": null,
        "client_id": member.client_id(),
        "partitions": partitions,
    }))
}

/// The partitions of a ConsumerProtocolAssignment, which the binding gives as it came; None if it is cut short.
///
/// ```text
/// version int16 | topics int32 x (name string, partitions int32 x int32) | user data
/// ```
fn assigned(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut partitions = Vec::new();
    if bytes.is_empty() {
        return Some(partitions);
    }
    take(&mut bytes, 2)?;
    for _ in 0..int32(&mut bytes)? {
        let length = take(&mut bytes, 2)?;
        let length = u16::from_be_bytes([length[0], length[1]]);
        let topic = String::from_utf8_lossy(take(&mut bytes, length.into())?);
        for _ in 0..int32(&mut bytes)? {
            partitions.push(json!({ "topic": topic, "partition": int32(&mut bytes)? }));
        }
    }
    Some(partitions)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    if bytes.len() < count {
        return None;
    }
    let (taken, left) = bytes.split_at(count);
    *bytes = left;
    Some(taken)
}

fn int32(bytes: &mut &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(take(bytes, 4)?.try_into().ok()?))
}

fn delete(fields: &mut Fields, connection: &Connection) -> Answer {
    let group: String = fields.need("group")?;
    fields.nothing_else()?;
    let options = AdminOptions::new().request_timeout(Some(WAIT));
    let deleted = block_on(connection.admin()?.delete_groups(&[&group], &options));
    match deleted.map_err(explained)?.pop() {
        Some(Ok(_)) => Ok(json!({})),
        Some(Err((_, code))) => Err(of_code(code)),
        None => Err(failed("the answer is empty")),
    }
}

/// By a consumer of the group that has not joined it, which is how one does it without an admin API.
fn alter_offsets(fields: &mut Fields, connection: &Connection) -> Answer {
    let group: String = fields.need("group")?;
    let offsets = to_list(fields.need("offsets")?)?;
    fields.nothing_else()?;
    let consumer = connection.asker(&[("group.id", &group)])?;
    let committed = consumer.commit(&offsets, CommitMode::Sync);
    committed.map_err(explained)?;
    all_well(&offsets)?;
    Ok(json!({}))
}
