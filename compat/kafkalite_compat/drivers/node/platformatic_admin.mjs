/** The administration of @platformatic/kafka; what a version lacks it says by itself. */
import { method, platformatic } from './platformatic_library.mjs'
import { CONFIG_SOURCES, Refused, Unsupported, byTopic, choose, options } from './serving.mjs'

const CONFIG_RESOURCES = { topic: 2, broker: 4, group: 32 }
const SET = 0
const DELETE = 1
const LITERAL = 3
const ANY = 1

const nameOf = (table, number) => Object.keys(table).find((name) => table[name] === number) ?? null
const values = (found) => (found instanceof Map ? [...found.values()] : found)

/** @param {() => object} base the options that all clients share */
export function createAdministration(base) {
  const admins = new Map() // by address
  const has = (name) => {
    const address = String(base().bootstrapBrokers)
    if (!admins.has(address)) admins.set(address, new platformatic.Admin(base()))
    return method(admins.get(address), name)
  }
  return {
    ...topics(has),
    ...configs(has),
    ...groups(has),
    ...acls(has),
    async describe_log_dirs() {
      const found = await has('describeLogDirs')({ topics: await named(await has('listTopics')({}), has) })
      const names = found.flatMap(({ results }) => results.flatMap((result) => result.topics.map(({ name }) => name)))
      return { topics: [...new Set(names)] }
    },
    list_transactions: 'the library has no ListTransactions in its admin client'
  }
}

async function named(names, has) {
  const { topics: found } = await has('metadata')({ topics: names })
  return names.map((name) => ({ name, partitions: [...found.get(name).partitions.keys()] }))
}

function topics(has) {
  async function metadata(names, autocreateTopics = false) {
    const found = await has('metadata')({ topics: names, autocreateTopics, forceUpdate: true })
    return {
      cluster: {
        brokers: [...found.brokers].map(([id, { host, port }]) => ({ id, host, port })),
        cluster_id: found.id,
        controller: found.controllerId
      },
      topics: found.topics
    }
  }

  return {
    async metadata(fields) {
      const { topic, allow_auto_create: create } = options(fields, { topic: null, allow_auto_create: false })
      const names = topic === null ? await has('listTopics')({}) : [topic]
      const found = await metadata(names, create)
      const counts = [...found.topics].map(([name, { partitionsCount }]) => [name, partitionsCount])
      return { ...found.cluster, topics: Object.fromEntries(counts.filter(([name]) => names.includes(name))) }
    },
    describe_cluster: async () => (await metadata([])).cluster,
    async create_topic(fields) {
      const lacking = { validate_only: [false, "the library's createTopics has no validateOnly"] }
      const known = { topic: null, partitions: 1, replication: 1, configs: {} }
      const { topic, partitions, replication, configs: wanted } = options(fields, known, lacking)
      const entries = Object.entries(wanted).map(([name, value]) => ({ name, value: String(value) }))
      await has('createTopics')({ topics: [topic], partitions, replicas: replication, configs: entries })
    },
    delete_topic: async ({ topic }) => void (await has('deleteTopics')({ topics: [topic] })),
    list_topics: async () => ({ topics: await has('listTopics')({}) }),
    async describe_topic({ topic }) {
      const { id, partitions } = (await metadata([topic])).topics.get(topic)
      return {
        partitions: Object.entries(partitions).map(([partition, { leader, replicas, isr }]) => ({
          partition: Number(partition),
          leader,
          replicas,
          isr
        })),
        topic_id: id
      }
    },
    async create_partitions({ topic, total }) {
      await has('createPartitions')({ topics: [{ name: topic, count: total, assignments: null }] })
    },
    async delete_records({ topic, partition, before }) {
      const wanted = [{ name: topic, partitions: [{ partition, offset: BigInt(before) }] }]
      const [deleted] = await has('deleteRecords')({ topics: wanted })
      return { low_watermark: Number(deleted.partitions[0].lowWatermark) }
    }
  }
}

function configs(has) {
  const resource = ({ resource: kind, name }) => ({
    resourceType: choose(CONFIG_RESOURCES, kind, 'config resource'),
    resourceName: String(name)
  })
  return {
    async describe_configs(fields) {
      const wanted = { ...resource(fields), configurationKeys: null }
      const [{ configs: entries }] = await has('describeConfigs')({ resources: [wanted] })
      const found = entries.map(({ name, value, configSource, readOnly, isSensitive }) => [
        name,
        { value, source: CONFIG_SOURCES[configSource] ?? null, read_only: readOnly, sensitive: isSensitive }
      ])
      return { configs: Object.fromEntries(found) }
    },
    async alter_configs(fields) {
      const set = Object.entries(fields.set ?? {}).map(([name, value]) => ({
        name,
        configOperation: SET,
        value: String(value)
      }))
      const unset = (fields.unset ?? []).map((name) => ({ name, configOperation: DELETE, value: null }))
      await has('incrementalAlterConfigs')({ resources: [{ ...resource(fields), configs: [...set, ...unset] }] })
      return { incremental: true }
    }
  }
}

function groups(has) {
  const member = ({ id, groupInstanceId, clientId, assignments }) => ({
    member_id: id,
    instance_id: groupInstanceId,
    client_id: clientId,
    partitions: values(assignments ?? []).flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition }))
    )
  })
  return {
    async list_groups() {
      const found = values(await has('listGroups')({}))
      return { groups: found.map(({ id, state, groupType }) => ({ group: id, state, type: groupType ?? null })) }
    },
    async describe_group({ group }) {
      const found = (await has('describeGroups')({ groups: [group] })).get(group)
      if (!found) throw new Refused(69, 'GROUP_ID_NOT_FOUND', 'the answer does not have the group')
      return { state: found.state, assignor: found.protocol || null, members: values(found.members).map(member) }
    },
    delete_group: async ({ group }) => void (await has('deleteGroups')({ groups: [group] })),
    async group_offsets({ group }) {
      const [found] = await has('listConsumerGroupOffsets')({ groups: [group] })
      const offsets = found.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, committedOffset, metadata }) => ({
          topic: name,
          partition: partitionIndex,
          offset: Number(committedOffset),
          metadata
        }))
      )
      return { offsets: offsets.filter(({ offset }) => offset >= 0) }
    },
    async alter_group_offsets({ group, offsets }) {
      if (offsets.some(({ metadata }) => metadata)) throw new Unsupported('alterConsumerGroupOffsets has no metadata')
      const wanted = [...byTopic(offsets)].map(([name, items]) => ({
        name,
        partitionOffsets: items.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) }))
      }))
      await has('alterConsumerGroupOffsets')({ groupId: group, topics: wanted })
    },
    async delete_group_offsets({ group, partitions }) {
      const wanted = [...byTopic(partitions)].map(([name, items]) => ({
        name,
        partitionIndexes: items.map(({ partition }) => partition)
      }))
      await has('deleteConsumerGroupOffsets')({ groupId: group, topics: wanted })
    }
  }
}

function acls(has) {
  const { AclOperations, AclPermissionTypes, ResourceTypes } = platformatic
  const number = (table, name, what) => (name == null ? ANY : choose(table, name.toUpperCase(), what))
  const described = ({ resource, name, principal, operation, permission }) => ({
    resourceType: number(ResourceTypes, resource, 'ACL resource'),
    resourceName: name ?? null,
    resourcePatternType: LITERAL,
    principal: principal ?? null,
    operation: number(AclOperations, operation, 'ACL operation'),
    permissionType: number(AclPermissionTypes, permission, 'ACL permission')
  })
  return {
    create_acl: async (fields) => void (await has('createAcls')({ creations: [{ ...described(fields), host: '*' }] })),
    async describe_acls(fields) {
      const found = await has('describeAcls')({ filter: { ...described(fields), host: null } })
      const entries = found.flatMap(({ resourceType, resourceName, acls: within }) =>
        within.map(({ principal, operation, permissionType }) => ({
          resource: nameOf(ResourceTypes, resourceType).toLowerCase(),
          name: resourceName,
          principal,
          operation: nameOf(AclOperations, operation),
          permission: nameOf(AclPermissionTypes, permissionType)
        }))
      )
      return { acls: entries }
    },
    async delete_acls(fields) {
      const deleted = await has('deleteAcls')({ filters: [{ ...described(fields), host: null }] })
      return { deleted: deleted.length }
    }
  }
}
