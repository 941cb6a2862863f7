/** The administration of @confluentinc/kafka-javascript; what a version lacks it says by itself. */
import { commit } from './confluent_consumers.mjs'
import { RdKafka, call } from './confluent_library.mjs'
import { options } from './serving.mjs'

const WITHIN_MS = 10000
const TIMEOUT = { timeout: WITHIN_MS }
const STATES = ['Unknown', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty', 'Assigning', 'Reconciling']
const TYPES = [null, 'consumer', 'classic']

const placeOf = ({ topic, partition }) => ({ topic, partition })

/** Answers are about many things; the one that was asked for may have failed. */
function checked(one) {
  if (one.error) throw Object.assign(new Error(one.error.message), { code: one.error.code })
  return one
}

/** @param {() => string} address @param {object} consumers those of confluent_consumers.mjs */
export function createAdministration(address, consumers) {
  const admins = new Map()
  const admin = (name, ...args) => {
    if (!admins.has(address())) {
      admins.set(address(), RdKafka.AdminClient.create({ 'bootstrap.servers': address(), 'client.id': 'compat' }))
    }
    return call(admins.get(address()), name, ...args)
  }
  return {
    ...topics(admin, consumers),
    ...groups(admin, consumers),
    describe_cluster: 'AdminClient has no describeCluster',
    describe_configs: 'AdminClient has no describeConfigs',
    alter_configs: 'AdminClient has no alterConfigs',
    create_acl: 'AdminClient has no ACLs',
    describe_acls: 'AdminClient has no ACLs',
    delete_acls: 'AdminClient has no ACLs',
    describe_log_dirs: 'AdminClient has no describeLogDirs',
    list_transactions: 'AdminClient has no listTransactions'
  }
}

function topics(admin, { bystander }) {
  return {
    async metadata(fields) {
      const { topic, allow_auto_create: create } = options(fields, { topic: null, allow_auto_create: false })
      const client = await bystander('compat-metadata', create)
      const wanted = { timeout: WITHIN_MS, ...(topic !== null && { topic }), allTopics: topic === null }
      const { brokers, topics: found } = await call(client, 'getMetadata', wanted)
      const counts = found.filter(({ partitions }) => partitions.length).map(({ name, partitions }) => [name, partitions.length])
      return { brokers, cluster_id: null, controller: null, topics: Object.fromEntries(counts) }
    },
    async create_topic(fields) {
      const lacking = { validate_only: [false, "AdminClient's createTopic has no validateOnly"] }
      const known = { topic: null, partitions: 1, replication: 1, configs: {} }
      const { topic, partitions, replication, configs } = options(fields, known, lacking)
      const config = Object.fromEntries(Object.entries(configs).map(([name, value]) => [name, String(value)]))
      const wanted = { topic, num_partitions: partitions, replication_factor: replication, config }
      await admin('createTopic', wanted, WITHIN_MS)
    },
    delete_topic: async ({ topic }) => void (await admin('deleteTopic', topic, WITHIN_MS)),
    list_topics: async () => ({ topics: await admin('listTopics', TIMEOUT) }),
    async describe_topic({ topic }) {
      const [found] = await admin('describeTopics', [topic], TIMEOUT)
      const ids = (nodes) => nodes.map(({ id }) => id)
      const partitions = checked(found).partitions.map(({ partition, leader, replicas, isr }) => ({
        partition,
        leader: leader.id,
        replicas: ids(replicas),
        isr: ids(isr)
      }))
      return { partitions, topic_id: found.topicId?.base64str ?? null }
    },
    create_partitions: async ({ topic, total }) => void (await admin('createPartitions', topic, total, WITHIN_MS)),
    async delete_records({ topic, partition, before }) {
      const [deleted] = await admin('deleteRecords', [{ topic, partition, offset: before }], TIMEOUT)
      return { low_watermark: checked(deleted).lowWatermark }
    },
    async list_offsets(fields) {
      const known = { topic: null, partition: 0, at: null, isolation: 'read_uncommitted' }
      const { topic, partition, at, isolation } = options(fields, known)
      const { EARLIEST, LATEST, MAX_TIMESTAMP } = RdKafka.OffsetSpec
      const named = { earliest: EARLIEST, latest: LATEST, max_timestamp: MAX_TIMESTAMP }
      const wanted = [{ topic, partition, offset: named[at] ?? new RdKafka.OffsetSpec(at) }]
      const isolationLevel = RdKafka.IsolationLevel[isolation.toUpperCase()]
      const [{ offset, timestamp }] = (await admin('listOffsets', wanted, { ...TIMEOUT, isolationLevel })).map(checked)
      return { offset: offset < 0 ? null : offset, timestamp_ms: timestamp >= 0 ? timestamp : null }
    }
  }
}

function groups(admin, { bystander }) {
  const member = ({ memberId, groupInstanceId, clientId, assignment }) => ({
    member_id: memberId,
    instance_id: groupInstanceId ?? null,
    client_id: clientId,
    partitions: (assignment?.topicPartitions ?? []).map(placeOf)
  })
  return {
    async list_groups() {
      const { groups: found } = await admin('listGroups', TIMEOUT)
      return {
        groups: found.map(({ groupId, state, type }) => ({
          group: groupId,
          state: STATES[state] ?? null,
          type: TYPES[type] ?? null
        }))
      }
    },
    async describe_group({ group }) {
      const [found] = (await admin('describeGroups', [group], TIMEOUT)).groups
      const { state, partitionAssignor, members } = checked(found)
      return { state: STATES[state], assignor: partitionAssignor || null, members: members.map(member) }
    },
    async delete_group({ group }) {
      const [deleted] = await admin('deleteGroups', [group], TIMEOUT)
      checked(deleted)
    },
    async group_offsets({ group }) {
      const [found] = await admin('listConsumerGroupOffsets', [{ groupId: group }], TIMEOUT)
      const offsets = checked(found).partitions.filter(({ offset }) => offset >= 0)
      return {
        offsets: offsets.map(({ topic, partition, offset, metadata }) => ({
          topic,
          partition,
          offset,
          metadata: metadata ?? null
        }))
      }
    },
    /** No such call in AdminClient: a consumer of the group commits without having joined. */
    alter_group_offsets: async ({ group, offsets }) => void commit(await bystander(group), offsets),
    delete_group_offsets: 'AdminClient has no deleteConsumerGroupOffsets'
  }
}
