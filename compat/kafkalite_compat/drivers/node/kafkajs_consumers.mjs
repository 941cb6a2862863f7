/** kafkajs's consumers: members of groups only, which run in the background from `subscribe` on. */
import { randomUUID } from 'node:crypto'
import { Inbox } from './inbox.mjs'
import { MANY_TOPICS_AT_ONCE, kafkajs } from './kafkajs_library.mjs'
import { Handles, Refused, Unsupported, byTopic, options, sleep, toText } from './serving.mjs'

const PARTITIONS_AT_ONCE = 16 // each may hold one batch on offer
const TIMESTAMP_TYPES = ['create', 'append']

class Consumer {
  inbox = new Inbox()
  events = []
  assigned = []
  memberId = null
  group = null
  #joined = null
  #revoked = true
  #closed = false

  constructor(kafka, settings) {
    this.group = settings.group ?? `compat-${randomUUID()}`
    this.settings = settings
    this.heartbeatMs = settings.heartbeat_interval_ms ?? 1000
    this.client = kafka.consumer({
      groupId: this.group,
      partitionAssigners: [kafkajs.PartitionAssigners.roundRobin],
      sessionTimeout: settings.session_timeout_ms ?? undefined,
      heartbeatInterval: this.heartbeatMs,
      maxBytes: settings.fetch_max_bytes ?? undefined,
      maxBytesPerPartition: settings.partition_fetch_bytes ?? undefined,
      minBytes: settings.fetch_min_bytes ?? undefined,
      maxWaitTimeInMs: settings.fetch_max_wait_ms ?? 500,
      allowAutoTopicCreation: settings.allow_auto_create,
      readUncommitted: settings.isolation === 'read_uncommitted'
    })
    const { GROUP_JOIN, REBALANCING, CRASH } = this.client.events
    this.client.on(GROUP_JOIN, ({ payload }) => this.#join(payload))
    this.client.on(REBALANCING, () => this.#leave('revoked'))
    this.client.on(CRASH, ({ payload }) => payload.restart || this.inbox.fail(payload.error))
  }

  #join({ memberId, memberAssignment }) {
    if (!this.#revoked) this.#leave('lost')
    this.memberId = memberId
    this.assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition }))
    )
    this.#revoked = false
    this.events.push({ kind: 'assigned', partitions: this.assigned })
  }

  #leave(kind) {
    if (this.assigned.length) this.events.push({ kind, partitions: this.assigned })
    this.assigned = []
    this.#revoked = true
    this.inbox.positions.clear()
  }

  /** @param {(string | RegExp)[]} topics */
  async subscribe(topics) {
    await this.client.connect()
    // One by one, as kafkajs before version 2 has it.
    for (const topic of topics) await this.client.subscribe({ topic, fromBeginning: this.settings.reset === 'earliest' })
    this.#joined = this.client.run({
      autoCommit: this.settings.auto_commit,
      autoCommitInterval: this.settings.auto_commit_interval_ms ?? 5000,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.#eachBatch(payload)
    })
    this.#joined.catch((error) => this.inbox.fail(error))
  }

  /** Resolves when the group has answered. */
  async joined() {
    if (!this.#joined) throw new Refused(null, null, 'the consumer is neither subscribed nor assigned')
    await this.#joined
  }

  async #eachBatch({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) {
    const { topic, partition, messages } = batch
    const records = messages.map((message) => toRecord(topic, partition, message))
    const offer = this.inbox.offer(topic, partition, records, ({ offset }) => resolveOffset(String(offset)))
    try {
      while (!offer.ended) {
        await Promise.race([offer.done, sleep(Math.min(this.heartbeatMs, 200))])
        if (this.#closed || !isRunning() || isStale()) break
        await heartbeat()
        if (this.settings.auto_commit) await commitOffsetsIfNecessary()
      }
    } finally {
      offer.end()
    }
  }

  seek(topic, partition, offset) {
    this.inbox.drop(topic, partition)
    this.client.seek({ topic, partition, offset: String(offset) })
    this.inbox.moveTo(topic, partition, offset)
  }

  async close() {
    this.#closed = true
    this.inbox.drop()
    await this.client.disconnect()
  }
}

function toRecord(topic, partition, message) {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestamp_ms: Number(message.timestamp),
    timestamp_type: TIMESTAMP_TYPES[message.batchContext?.timestampType] ?? null,
    key: toText(message.key),
    value: toText(message.value),
    headers: Object.entries(message.headers ?? {}).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, toText(value)])
    )
  }
}

/** The partitions' names as pause and resume want them. */
const grouped = (partitions) =>
  [...byTopic(partitions)].map(([topic, items]) => ({ topic, partitions: items.map(({ partition }) => partition) }))

const KNOWN = {
  consumer: null,
  group: null,
  reset: 'earliest',
  isolation: 'read_uncommitted',
  auto_commit: false,
  auto_commit_interval_ms: null,
  session_timeout_ms: null,
  heartbeat_interval_ms: null,
  fetch_max_bytes: null,
  partition_fetch_bytes: null,
  fetch_min_bytes: null,
  fetch_max_wait_ms: null,
  allow_auto_create: false
}
const LACKING = {
  protocol: ['classic', "kafkajs does not know KIP-848's group protocol"],
  assignor: ['roundrobin', 'the only assignor of kafkajs is its RoundRobinAssigner'],
  instance_id: [undefined, 'kafkajs has no static members'],
  max_poll_interval_ms: [undefined, 'kafkajs has no limit of the time between polls']
}

/** @param {() => object} kafka @param {() => Promise<object>} connectedAdmin */
export function createConsumers(kafka, connectedAdmin) {
  const consumers = new Handles()

  async function edge(topic, partition, at) {
    const admin = await connectedAdmin()
    const offsets = await admin.fetchTopicOffsets(topic)
    const found = offsets.find((one) => one.partition === partition)
    if (!found) throw new Refused(3, 'UNKNOWN_TOPIC_OR_PARTITION', `${topic} has no partition ${partition}`)
    return Number(at === 'earliest' ? found.low : found.high)
  }

  async function seek(consumer, { topic, partition, offset }) {
    consumer.seek(topic, partition, typeof offset === 'number' ? offset : await edge(topic, partition, offset))
  }

  return {
    async open_consumer(fields) {
      const settings = options(fields, KNOWN, LACKING)
      if (settings.reset === 'none') throw new Unsupported('kafkajs has no reset "none": it always goes to one of the ends')
      consumers.put(settings.consumer, new Consumer(kafka(), settings))
    },
    async subscribe(fields) {
      const { consumer, topics, pattern } = options(fields, { consumer: null, topics: [], pattern: null })
      await consumers.get(consumer).subscribe(pattern === null ? topics : [new RegExp(pattern)])
    },
    /** No assignment by hand: it joins (a group of its own when none was given), seeks, and pauses what was not asked for. */
    async assign(fields) {
      const { consumer: name, partitions } = options(fields, { consumer: null, partitions: [] })
      const consumer = consumers.get(name)
      await consumer.subscribe([...byTopic(partitions).keys()])
      await consumer.joined()
      const wanted = new Set(partitions.map(({ topic, partition }) => `${topic}/${partition}`))
      const others = consumer.assigned.filter(({ topic, partition }) => !wanted.has(`${topic}/${partition}`))
      if (others.length) consumer.client.pause(grouped(others))
      for (const one of partitions) if (one.offset !== 'committed') await seek(consumer, one)
    },
    async poll(fields) {
      const known = { consumer: null, timeout_ms: 0, max_records: 500 }
      const { consumer, timeout_ms: timeoutMs, max_records: max } = options(fields, known)
      return { records: await consumers.get(consumer).inbox.take(max, timeoutMs) }
    },
    async assignment({ consumer: name }) {
      const consumer = consumers.get(name)
      return { partitions: consumer.assigned, member_id: consumer.memberId, generation: null }
    },
    rebalances: async ({ consumer }) => ({ events: consumers.get(consumer).events.splice(0) }),
    async seek(fields) {
      const { consumer: name, ...place } = options(fields, { consumer: null, topic: null, partition: 0, offset: 0 })
      const consumer = consumers.get(name)
      await consumer.joined()
      await seek(consumer, place)
    },
    async position({ consumer, topic, partition }) {
      const offset = consumers.get(consumer).inbox.position(topic, partition)
      if (offset === undefined) throw new Unsupported('kafkajs tells no position before the first record')
      return { offset }
    },
    async commit_offsets({ consumer: name, offsets }) {
      const consumer = consumers.get(name)
      await consumer.joined()
      const places = offsets ?? [...consumer.inbox.positions.values()]
      await consumer.client.commitOffsets(
        places.map(({ topic, partition, offset, metadata }) => ({
          topic,
          partition,
          offset: String(offset),
          metadata: metadata ?? null
        }))
      )
    },
    async committed({ consumer, partitions }) {
      const { group } = consumers.get(consumer)
      const stored = await fetchOffsets(await connectedAdmin(), group, [...byTopic(partitions).keys()])
      return {
        offsets: partitions.map(({ topic, partition }) => {
          const found = stored.find((one) => one.topic === topic && one.partition === partition)
          return found && found.offset >= 0 ? found : { topic, partition, offset: null, metadata: null }
        })
      }
    },
    async pause({ consumer: name, partitions }) {
      const consumer = consumers.get(name)
      await consumer.joined()
      consumer.client.pause(grouped(partitions))
      partitions.forEach(({ topic, partition }) => consumer.inbox.drop(topic, partition))
    },
    async resume({ consumer: name, partitions }) {
      const consumer = consumers.get(name)
      await consumer.joined()
      consumer.client.resume(grouped(partitions))
    },
    close_consumer: async ({ consumer }) => void (await consumers.take(consumer).close()),
    async list_offsets(fields) {
      const { topic, partition, at, isolation } = options(fields, { topic: null, partition: 0, at: null, isolation: null })
      // Who names no isolation is told what there is: without transactions both see the same.
      if (isolation === 'read_uncommitted') throw new Unsupported('kafkajs always asks for offsets with read_committed')
      if (at === 'max_timestamp') throw new Unsupported('kafkajs cannot ask for the offset of the largest timestamp')
      if (typeof at !== 'number') return { offset: await edge(topic, partition, at), timestamp_ms: null }
      const admin = await connectedAdmin()
      const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, at)
      const offset = Number(offsets.find((one) => one.partition === partition).offset)
      // Where there is no record so late kafkajs answers with the end of the log.
      const none = offset < 0 || offset >= (await edge(topic, partition, 'latest'))
      return { offset: none ? null : offset, timestamp_ms: null }
    }
  }
}

/** A group's offsets of these topics (null: of all), [{topic, partition, offset, metadata}]; offset -1 is none. */
export async function fetchOffsets(admin, groupId, topics) {
  const whole = await fetchByVersion(admin, groupId, topics)
  return whole.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata }) => ({
      topic,
      partition,
      offset: Number(offset),
      metadata: metadata ?? null
    }))
  )
}

async function fetchByVersion(admin, groupId, topics) {
  if (MANY_TOPICS_AT_ONCE) {
    return admin.fetchOffsets({ groupId, ...(topics && { topics }) })
  }
  if (!topics) throw new Unsupported('before version 2 kafkajs tells the offsets of a group for one topic only')
  return Promise.all(
    topics.map(async (topic) => ({ topic, partitions: await admin.fetchOffsets({ groupId, topic }) }))
  )
}
