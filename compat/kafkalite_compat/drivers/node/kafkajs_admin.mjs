/** kafkajs's administration. */
import { fetchOffsets } from './kafkajs_consumers.mjs'
import { kafkajs } from './kafkajs_library.mjs'
import { CONFIG_SOURCES, Refused, Unsupported, byTopic, choose, options } from './serving.mjs'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, AssignerProtocol, ResourcePatternTypes } = kafkajs
const RESOURCES = { topic: 2, broker: 4 }

const nameOf = (table, number) => Object.keys(table).find((name) => table[name] === number) ?? null

/** @param {() => Promise<object>} connected the admin client, connected */
export function createAdministration(connected) {
  return {
    ...topics(connected),
    ...configs(connected),
    ...groups(connected),
    ...acls(connected),
    describe_log_dirs: 'kafkajs does not know DescribeLogDirs',
    list_transactions: 'kafkajs does not know ListTransactions',
    open_share_consumer: 'kafkajs has no share groups'
  }
}

function topics(connected) {
  async function cluster() {
    const { brokers, controller, clusterId } = await (await connected()).describeCluster()
    return {
      brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port })),
      cluster_id: clusterId,
      controller
    }
  }

  async function described(topic) {
    const names = topic === null ? undefined : { topics: [topic] }
    return (await (await connected()).fetchTopicMetadata(names)).topics
  }

  return {
    async metadata(fields) {
      const lacking = { allow_auto_create: [false, "kafkajs's admin client never has topics created by asking for them"] }
      const { topic } = options(fields, { topic: null }, lacking)
      const found = await described(topic)
      return {
        ...(await cluster()),
        topics: Object.fromEntries(found.map(({ name, partitions }) => [name, partitions.length]))
      }
    },
    describe_cluster: cluster,
    async create_topic(fields) {
      const known = { topic: null, partitions: 1, replication: 1, configs: {}, validate_only: false }
      const wanted = options(fields, known)
      const created = await (await connected()).createTopics({
        validateOnly: wanted.validate_only,
        waitForLeaders: !wanted.validate_only,
        topics: [
          {
            topic: wanted.topic,
            numPartitions: wanted.partitions,
            replicationFactor: wanted.replication,
            configEntries: Object.entries(wanted.configs).map(([name, value]) => ({ name, value: String(value) }))
          }
        ]
      })
      if (!created) throw new Refused(36, 'TOPIC_ALREADY_EXISTS', 'createTopics answered false')
    },
    delete_topic: async ({ topic }) => void (await (await connected()).deleteTopics({ topics: [topic] })),
    list_topics: async () => ({ topics: await (await connected()).listTopics() }),
    async describe_topic({ topic }) {
      const [found] = await described(topic)
      return {
        partitions: found.partitions
          .map(({ partitionId, leader, replicas, isr }) => ({ partition: partitionId, leader, replicas, isr }))
          .sort((one, other) => one.partition - other.partition),
        topic_id: null
      }
    },
    async create_partitions({ topic, total }) {
      await (await connected()).createPartitions({ topicPartitions: [{ topic, count: total }] })
    },
    async delete_records({ topic, partition, before }) {
      const admin = await connected()
      await admin.fetchTopicMetadata({ topics: [topic] })
      const offsets = await admin.fetchTopicOffsets(topic) // also lets the client know who leads the topic
      if (!offsets.length) throw new Refused(3, 'UNKNOWN_TOPIC_OR_PARTITION', `there is no ${topic}`)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })
      const after = await admin.fetchTopicOffsets(topic)
      return { low_watermark: Number(after.find((one) => one.partition === partition).low) }
    }
  }
}

function configs(connected) {
  const resource = ({ resource: kind, name }) => ({ type: choose(RESOURCES, kind, 'config resource'), name: String(name) })
  return {
    async describe_configs(fields) {
      const admin = await connected()
      const { resources } = await admin.describeConfigs({ resources: [resource(fields)], includeSynonyms: false })
      const entries = resources[0].configEntries.map((entry) => [
        entry.configName,
        {
          value: entry.configValue,
          source: CONFIG_SOURCES[entry.configSource] ?? null,
          read_only: entry.readOnly,
          sensitive: entry.isSensitive
        }
      ])
      return { configs: Object.fromEntries(entries) }
    },
    /** AlterConfigs replaces all: what is not set is unset. */
    async alter_configs(fields) {
      const configEntries = Object.entries(fields.set ?? {}).map(([name, value]) => ({ name, value: String(value) }))
      const admin = await connected()
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource(fields), configEntries }] })
      return { incremental: false }
    }
  }
}

function groups(connected) {
  function member({ memberId, clientId, memberAssignment }) {
    const decoded = memberAssignment.length ? AssignerProtocol.MemberAssignment.decode(memberAssignment) : null
    const partitions = Object.entries(decoded?.assignment ?? {}).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition }))
    )
    return { member_id: memberId, instance_id: null, client_id: clientId, partitions }
  }

  return {
    async list_groups() {
      const found = await (await connected()).listGroups()
      return { groups: found.groups.map(({ groupId }) => ({ group: groupId, state: null, type: null })) }
    },
    async describe_group({ group }) {
      const found = await (await connected()).describeGroups([group])
      const { errorCode, state, protocol, members } = found.groups[0]
      if (errorCode) throw new Refused(errorCode, null, `error ${errorCode}`)
      return { state, assignor: protocol || null, members: members.map(member) }
    },
    delete_group: async ({ group }) => void (await (await connected()).deleteGroups([group])),
    async group_offsets({ group }) {
      const offsets = await fetchOffsets(await connected(), group, null)
      return { offsets: offsets.filter(({ offset }) => offset >= 0) }
    },
    async alter_group_offsets({ group, offsets }) {
      if (offsets.some(({ metadata }) => metadata)) throw new Unsupported("kafkajs's setOffsets has no metadata")
      const admin = await connected()
      for (const [topic, items] of byTopic(offsets)) {
        const partitions = items.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
        await admin.setOffsets({ groupId: group, topic, partitions })
      }
    },
    delete_group_offsets: 'kafkajs does not know OffsetDelete'
  }
}

function acls(connected) {
  const entry = ({ resource, name, principal, operation, permission }) => ({
    resourceType: choose(AclResourceTypes, resource.toUpperCase(), 'ACL resource'),
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: choose(AclOperationTypes, operation.toUpperCase(), 'ACL operation'),
    permissionType: choose(AclPermissionTypes, permission.toUpperCase(), 'ACL permission')
  })
  const filter = (fields) => ({
    resourceType: fields.resource ? AclResourceTypes[fields.resource.toUpperCase()] : AclResourceTypes.ANY,
    resourceName: fields.name ?? undefined,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: fields.principal ?? undefined,
    operation: fields.operation ? AclOperationTypes[fields.operation.toUpperCase()] : AclOperationTypes.ANY,
    permissionType: fields.permission ? AclPermissionTypes[fields.permission.toUpperCase()] : AclPermissionTypes.ANY
  })
  return {
    create_acl: async (fields) => void (await (await connected()).createAcls({ acl: [entry(fields)] })),
    async describe_acls(fields) {
      const { resources } = await (await connected()).describeAcls(filter(fields))
      const found = resources.flatMap(({ resourceType, resourceName, acls: entries }) =>
        entries.map(({ principal, operation, permissionType }) => ({
          resource: nameOf(AclResourceTypes, resourceType).toLowerCase(),
          name: resourceName,
          principal,
          operation: nameOf(AclOperationTypes, operation),
          permission: nameOf(AclPermissionTypes, permissionType)
        }))
      )
      return { acls: found }
    },
    async delete_acls(fields) {
      const { filterResponses } = await (await connected()).deleteAcls({ filters: [filter(fields)] })
      return { deleted: filterResponses.flatMap(({ matchingAcls }) => matchingAcls).length }
    }
  }
}
