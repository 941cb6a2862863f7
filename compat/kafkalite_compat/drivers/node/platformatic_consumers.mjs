/** The consumers of @platformatic/kafka: members of groups only, read as streams. */
import { randomUUID } from 'node:crypto'
import { describe, isolationLevel, platformatic, version } from './platformatic_library.mjs'
import { Refused, Unsupported, byTopic, options, sleep, toText } from './serving.mjs'

const FALLBACKS = { earliest: 'earliest', latest: 'latest', none: 'fail' }
const TIMESTAMPS = { latest: -1n, earliest: -2n, max_timestamp: -3n }
const REOPEN_AFTER_MS = 300

const nameOf = ({ topic, partition }) => `${topic}/${partition}`

/** The partitions of [{topic, partitions: [numbers]}], one by one. */
const flat = (assignments) =>
  (assignments ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))

class Consumer {
  events = []
  positions = new Map()
  #assigned = []
  #paused = new Set()
  #stream = null
  #opening = null
  #failure = null
  #closed = false

  constructor(base, settings) {
    this.settings = settings
    this.wanted = null // by `assign`: the names of the partitions that this consumer is about; its group gives it more
    this.client = new platformatic.Consumer({
      ...base,
      groupId: settings.group ?? `compat-${randomUUID()}`,
      autocreateTopics: settings.allow_auto_create,
      ...groupOptions(settings),
      ...fetchOptions(settings)
    })
    this.client.on('consumer:group:join', () => this.#compare())
    this.client.on('consumer:group:rebalance', () => this.#revoke())
    this.client.on('consumer:heartbeat:end', () => this.#compare())
    this.client.on('error', (error) => (this.#failure = error))
  }

  get assigned() {
    return flat(this.client.assignments).filter((place) => this.#isWanted(place))
  }

  #isWanted(place) {
    return this.wanted === null || this.wanted.has(nameOf(place))
  }

  /** Events follow from what is assigned now and what was before. */
  #compare() {
    const now = this.assigned
    const without = (these, those) => these.filter((one) => !those.some((other) => nameOf(one) === nameOf(other)))
    const revoked = without(this.#assigned, now)
    const added = without(now, this.#assigned)
    if (revoked.length) this.events.push({ kind: 'revoked', partitions: revoked })
    if (added.length) this.events.push({ kind: 'assigned', partitions: added })
    this.#assigned = now
  }

  #revoke() {
    if (this.settings.protocol !== 'classic' || !this.#assigned.length) return
    this.events.push({ kind: 'revoked', partitions: this.#assigned })
    this.#assigned = []
    this.positions.clear()
  }

  /** Start to read; the group's answer is not waited for. */
  start(topics, mode, offsets) {
    this.#opening = this.#open(topics, mode, offsets).catch((error) => {
      this.#failure = error
    })
  }

  async #open(topics, mode, offsets) {
    const before = this.#stream
    const stream = await this.client.consume({
      topics,
      mode,
      fallbackMode: FALLBACKS[this.settings.reset],
      autocommit: this.settings.auto_commit ? (this.settings.auto_commit_interval_ms ?? 5000) : false,
      ...(offsets && { offsets }),
      ...fetchOptions(this.settings)
    })
    this.#stream = stream
    this.reopen = (failed) => this.#reopen(failed, topics, mode)
    stream.on('offsets', () => this.#notePositions(stream))
    stream.on('error', (error) => this.#failed(stream, error))
    stream.on('readable', () => {}) // from now on it fetches
    if (before) await before.close()
  }

  #notePositions(stream) {
    for (const place of this.assigned) {
      const offset = stream.offsetsToFetch.get(`${place.topic}:${place.partition}`)
      if (offset !== undefined) this.positions.set(nameOf(place), { ...place, offset: Number(offset) })
    }
  }

  #failed(stream, error) {
    if (this.#closed || stream !== this.#stream) return
    console.error('the stream ended:', error)
    if (describe(error).code !== null) this.#failure = error
    this.#stream = null
    this.#opening = this.reopen(error).catch((again) => (this.#failure = again))
  }

  /** A stream ends with its first error; whoever uses it makes another. */
  async #reopen(failed, topics, mode) {
    await sleep(REOPEN_AFTER_MS)
    if (this.#closed) return
    await this.#open(topics, mode, mode === 'manual' ? this.#places() : undefined)
  }

  #places() {
    return [...this.positions.values()].map((place) => ({ ...place, offset: BigInt(place.offset) }))
  }

  async poll(max, timeoutMs) {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      if (this.#failure) {
        const failure = this.#failure
        this.#failure = null
        throw failure
      }
      const records = this.#taken(max)
      if (records.length || performance.now() >= deadline) return records
      await sleep(Math.min(10, Math.max(1, deadline - performance.now())))
    }
  }

  #taken(max) {
    const records = []
    if (!this.#stream || this.isPaused) return records
    while (records.length < max) {
      const message = this.#stream.read()
      if (message === null) break
      if (!this.#isWanted(message)) continue
      const record = toRecord(message)
      this.positions.set(nameOf(record), { ...placeOf(record), offset: record.offset + 1 })
      records.push(record)
    }
    return records
  }

  get isPaused() {
    return this.#paused.size > 0
  }

  /** A stream is paused as a whole. */
  pause(partitions) {
    const named = new Set(partitions.map(nameOf))
    if (this.assigned.some((one) => !named.has(nameOf(one)))) {
      throw new Unsupported('a stream can be paused as a whole only, not one of its partitions')
    }
    this.#paused = named
  }

  resume(partitions) {
    partitions.forEach((one) => this.#paused.delete(nameOf(one)))
  }

  /** Resolves when the group has answered. */
  async joined() {
    if (!this.#opening) throw new Refused(null, null, 'the consumer is neither subscribed nor assigned')
    await this.#opening
  }

  /** No seek: a stream is opened at these offsets instead, before the one before is closed, so that the group is not left. */
  async seek(place) {
    await this.joined()
    this.positions.set(nameOf(place), place)
    await this.#open([...this.client.topics.current], 'manual', this.#places())
  }

  async close() {
    this.#closed = true
    await this.#opening
    if (this.#stream) await this.#stream.close()
    await this.client.close(true)
  }
}

const placeOf = ({ topic, partition }) => ({ topic, partition })

function groupOptions(settings) {
  const sessionTimeout = settings.session_timeout_ms ?? 45000
  return {
    sessionTimeout,
    rebalanceTimeout: Math.max(60000, sessionTimeout),
    heartbeatInterval: settings.heartbeat_interval_ms ?? 3000,
    groupProtocol: settings.protocol,
    ...(settings.protocol === 'consumer' && settings.assignor && { groupRemoteAssignor: settings.assignor }),
    ...(settings.instance_id && { groupInstanceId: settings.instance_id })
  }
}

function fetchOptions(settings) {
  return {
    isolationLevel: isolationLevel(settings.isolation),
    maxWaitTime: settings.fetch_max_wait_ms ?? 500,
    ...(settings.fetch_min_bytes !== null && { minBytes: settings.fetch_min_bytes }),
    ...(settings.fetch_max_bytes !== null && { maxBytes: settings.fetch_max_bytes }),
    ...(settings.partition_fetch_bytes !== null && { maxBytesPerPartition: settings.partition_fetch_bytes })
  }
}

function toRecord({ topic, partition, offset, timestamp, key, value, headers }) {
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp_ms: Number(timestamp),
    timestamp_type: null,
    key: toText(key),
    value: toText(value),
    headers: [...headers].map(([name, bytes]) => [name.toString(), toText(bytes)])
  }
}

const KNOWN = {
  consumer: null,
  group: null,
  reset: 'earliest',
  isolation: 'read_uncommitted',
  auto_commit: false,
  auto_commit_interval_ms: null,
  protocol: 'classic',
  assignor: null,
  instance_id: null,
  session_timeout_ms: null,
  heartbeat_interval_ms: null,
  fetch_max_bytes: null,
  partition_fetch_bytes: null,
  fetch_min_bytes: null,
  fetch_max_wait_ms: null,
  allow_auto_create: false
}
const LACKING = { max_poll_interval_ms: [undefined, 'the library has no limit of the time between polls'] }

function check({ protocol, assignor, instance_id: instanceId, partition_fetch_bytes: partitionBytes }) {
  if (protocol === 'classic' && assignor !== null && assignor !== 'roundrobin') {
    throw new Unsupported('the only assignor of the library is round robin')
  }
  const [major, minor] = version.split('.').map(Number)
  const early = major === 1 && minor <= 22
  if (early && instanceId !== null) throw new Unsupported(`@platformatic/kafka ${version} has no static members`)
  if (early && partitionBytes !== null) {
    throw new Unsupported(`@platformatic/kafka ${version} has no limit per partition`)
  }
}

export function createConsumers(base, consumers) {
  /** Readers of offsets that never join their group, one per isolation level and address. */
  const readers = new Map()

  function reader(isolation) {
    const name = `${isolation} ${base().bootstrapBrokers}`
    if (!readers.has(name)) {
      const level = isolationLevel(isolation)
      readers.set(name, new platformatic.Consumer({ ...base(), groupId: 'compat-offsets', isolationLevel: level }))
    }
    return readers.get(name)
  }

  async function listOffset(topic, partition, at, isolation = 'read_uncommitted') {
    const { partitionsCount } = (await reader(isolation).metadata({ topics: [topic] })).topics.get(topic)
    if (partition >= partitionsCount) throw new Refused(3, 'UNKNOWN_TOPIC_OR_PARTITION', `${topic} has no ${partition}`)
    const timestamp = TIMESTAMPS[at] ?? BigInt(at)
    const found = await reader(isolation).listOffsetsWithTimestamps({ topics: [topic], timestamp })
    return found.get(topic).get(partition)
  }

  async function committed(client, partitions) {
    const topics = [...byTopic(partitions)].map(([topic, items]) => ({
      topic,
      partitions: items.map(({ partition }) => partition)
    }))
    const found = await client.listCommittedOffsets({ topics })
    return partitions.map(({ topic, partition }) => {
      const offset = Number(found.get(topic)?.[partition] ?? -1n)
      return { topic, partition, offset: offset < 0 ? null : offset, metadata: null }
    })
  }

  async function resolved(consumer, { topic, partition, offset }) {
    if (typeof offset === 'number') return { topic, partition, offset }
    if (offset !== 'committed') {
      return { topic, partition, offset: Number((await listOffset(topic, partition, offset)).offset) }
    }
    const [stored] = await committed(consumer.client, [{ topic, partition }])
    if (stored.offset !== null) return { topic, partition, offset: stored.offset }
    return resolved(consumer, { topic, partition, offset: consumer.settings.reset })
  }

  return {
    async open_consumer(fields) {
      const settings = options(fields, KNOWN, LACKING)
      check(settings)
      consumers.put(settings.consumer, new Consumer(base(), settings))
    },
    async subscribe(fields) {
      const lacking = { pattern: [undefined, 'the library subscribes to names only'] }
      const { consumer, topics } = options(fields, { consumer: null, topics: [] }, lacking)
      consumers.get(consumer).start(topics, 'committed')
    },
    /** No assignment by hand: it joins (a group of its own when none was given) and passes over what was not asked for. */
    async assign(fields) {
      const { consumer: name, partitions } = options(fields, { consumer: null, partitions: [] })
      const consumer = consumers.get(name)
      consumer.wanted = new Set(partitions.map(nameOf))
      const places = await Promise.all(partitions.map((one) => resolved(consumer, one)))
      const offsets = places.map((place) => ({ ...place, offset: BigInt(place.offset) }))
      consumer.start([...byTopic(partitions).keys()], 'manual', offsets)
      await consumer.joined()
      places.forEach((place) => consumer.positions.set(nameOf(place), place))
    },
    async poll(fields) {
      const known = { consumer: null, timeout_ms: 0, max_records: 500 }
      const { consumer, timeout_ms: timeoutMs, max_records: max } = options(fields, known)
      return { records: await consumers.get(consumer).poll(max, timeoutMs) }
    },
    async assignment({ consumer: name }) {
      const { assigned, client } = consumers.get(name)
      return { partitions: assigned, member_id: client.memberId, generation: client.generationId }
    },
    rebalances: async ({ consumer }) => ({ events: consumers.get(consumer).events.splice(0) }),
    async seek(fields) {
      const { consumer: name, ...place } = options(fields, { consumer: null, topic: null, partition: 0, offset: 0 })
      const consumer = consumers.get(name)
      await consumer.seek(await resolved(consumer, place))
    },
    async position({ consumer, topic, partition }) {
      const place = consumers.get(consumer).positions.get(nameOf({ topic, partition }))
      if (!place) throw new Refused(null, null, `${topic}/${partition} has no position yet`)
      return { offset: place.offset }
    },
    async commit_offsets({ consumer: name, offsets }) {
      if (offsets?.some(({ metadata }) => metadata)) throw new Unsupported('the library commits no metadata')
      const consumer = consumers.get(name)
      await consumer.joined()
      const places = offsets ?? [...consumer.positions.values()]
      await consumer.client.commit({
        offsets: places.map(({ topic, partition, offset }) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1
        }))
      })
    },
    committed: async ({ consumer, partitions }) => ({
      offsets: await committed(consumers.get(consumer).client, partitions)
    }),
    pause: async ({ consumer, partitions }) => void consumers.get(consumer).pause(partitions),
    resume: async ({ consumer, partitions }) => void consumers.get(consumer).resume(partitions),
    close_consumer: async ({ consumer }) => void (await consumers.take(consumer).close()),
    async list_offsets(fields) {
      const known = { topic: null, partition: 0, at: null, isolation: 'read_uncommitted' }
      const { topic, partition, at, isolation } = options(fields, known)
      const { offset, timestamp } = await listOffset(topic, partition, at, isolation)
      return { offset: offset < 0n ? null : Number(offset), timestamp_ms: timestamp < 0n ? null : Number(timestamp) }
    },
    open_share_consumer: 'the library has no share groups'
  }
}
