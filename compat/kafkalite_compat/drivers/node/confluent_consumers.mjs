/** The consumers of @confluentinc/kafka-javascript. */
import { randomUUID } from 'node:crypto'
import { RdKafka, call, checkCodec, config } from './confluent_library.mjs'
import { Handles, Unsupported, options, sleep, toText } from './serving.mjs'

const WITHIN_MS = 10000
const CONSUME_FOR_MS = 50
const RESETS = { earliest: 'earliest', latest: 'latest', none: 'error' }
const { ERRORS } = RdKafka.CODES
/** The connection is being made again by librdkafka, or there is no more for now. */
const PASSING = new Set([
  ERRORS.ERR__TRANSPORT,
  ERRORS.ERR__ALL_BROKERS_DOWN,
  ERRORS.ERR__TIMED_OUT,
  ERRORS.ERR__PARTITION_EOF,
  ERRORS.ERR__RESOLVE
])

const nameOf = ({ topic, partition }) => `${topic}/${partition}`
const placeOf = ({ topic, partition }) => ({ topic, partition })

class Consumer {
  events = []
  positions = new Map()

  constructor(bootstrap, settings) {
    this.settings = settings
    const events = this.events
    const positions = this.positions
    this.client = new RdKafka.KafkaConsumer(
      {
        ...configOf(bootstrap, settings),
        rebalance_cb(error, partitions) {
          rebalanced(this, events, positions, error, partitions.map(placeOf))
        }
      },
      { 'auto.offset.reset': RESETS[settings.reset] }
    )
    this.client.on('event.error', (error) => console.error('event:', error))
  }

  async open() {
    await call(this.client, 'connect', {})
    this.client.setDefaultConsumeTimeout(CONSUME_FOR_MS)
    return this
  }

  /** Consumed in short goes, since each may wait for so long again after every record. */
  async poll(max, timeoutMs) {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const records = (await this.#consume(max)).map(toRecord)
      for (const { topic, partition, offset } of records) this.moveTo({ topic, partition, offset: offset + 1 })
      if (records.length || performance.now() >= deadline) return records
    }
  }

  async #consume(max) {
    try {
      return await call(this.client, 'consume', max)
    } catch (error) {
      if (error.code === ERRORS.ERR__NOT_IMPLEMENTED) checkCodec('zstd') // what it says of a batch that it cannot read
      if (!PASSING.has(error.code)) throw error
      await sleep(CONSUME_FOR_MS)
      return []
    }
  }

  moveTo(place) {
    this.positions.set(nameOf(place), place)
  }

  /** A partition that is assigned just now cannot be sought in yet. */
  async seek(place) {
    const deadline = performance.now() + WITHIN_MS
    for (;;) {
      try {
        await call(this.client, 'seek', place, 1000)
        break
      } catch (error) {
        if (error.code !== ERRORS.ERR__STATE || performance.now() > deadline) throw error
        await sleep(CONSUME_FOR_MS)
      }
    }
    this.moveTo(place)
  }

  async committed(partitions) {
    const found = await call(this.client, 'committed', partitions.map(placeOf), WITHIN_MS)
    return found.map(({ topic, partition, offset, metadata }) => {
      const known = typeof offset === 'number' && offset >= 0
      return { topic, partition, offset: known ? offset : null, metadata: known ? (metadata ?? null) : null }
    })
  }
}

function rebalanced(client, events, positions, error, partitions) {
  const cooperative = client.rebalanceProtocol() === 'COOPERATIVE'
  if (error.code === ERRORS.ERR__ASSIGN_PARTITIONS) {
    events.push({ kind: 'assigned', partitions })
    cooperative ? client.incrementalAssign(partitions) : client.assign(partitions)
    return
  }
  events.push({ kind: client.assignmentLost() ? 'lost' : 'revoked', partitions })
  partitions.forEach((place) => positions.delete(nameOf(place)))
  cooperative ? client.incrementalUnassign(partitions) : client.unassign()
}

function configOf(bootstrap, settings) {
  const kip848 = settings.protocol === 'consumer'
  const fetchBytes = settings.fetch_max_bytes
  return config({
    'bootstrap.servers': bootstrap,
    'client.id': 'compat',
    'group.id': settings.group ?? `compat-${randomUUID()}`,
    'group.protocol': kip848 ? 'consumer' : null,
    'group.remote.assignor': kip848 ? settings.assignor : null,
    'partition.assignment.strategy': kip848 ? null : settings.assignor,
    'group.instance.id': settings.instance_id,
    'session.timeout.ms': settings.session_timeout_ms,
    'heartbeat.interval.ms': settings.heartbeat_interval_ms,
    'max.poll.interval.ms': settings.max_poll_interval_ms,
    'isolation.level': settings.isolation,
    'enable.auto.commit': settings.auto_commit,
    'auto.commit.interval.ms': settings.auto_commit_interval_ms,
    'fetch.max.bytes': fetchBytes,
    'message.max.bytes': fetchBytes !== null && fetchBytes < 1000000 ? Math.max(1000, fetchBytes) : null,
    'max.partition.fetch.bytes': settings.partition_fetch_bytes,
    'fetch.min.bytes': settings.fetch_min_bytes,
    'fetch.wait.max.ms': settings.fetch_max_wait_ms,
    'allow.auto.create.topics': settings.allow_auto_create
  })
}

/** Waits for the broker, with the event loop held up: the way with a callback does not tell of errors. */
export function commit(client, places) {
  const offsets = places.map(({ topic, partition, offset, metadata }) => ({
    topic,
    partition,
    offset,
    ...(metadata != null && { metadata })
  }))
  if (offsets.length) client.commitSync(offsets)
}

function toRecord({ topic, partition, offset, timestamp, key, value, headers }) {
  return {
    topic,
    partition,
    offset,
    timestamp_ms: timestamp,
    timestamp_type: null,
    key: toText(key),
    value: toText(value),
    headers: (headers ?? []).flatMap((header) => Object.entries(header).map(([name, bytes]) => [name, toText(bytes)]))
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
  max_poll_interval_ms: null,
  fetch_max_bytes: null,
  partition_fetch_bytes: null,
  fetch_min_bytes: null,
  fetch_max_wait_ms: null,
  allow_auto_create: false
}

/** @param {() => string} address where the brokers are */
export function createConsumers(address) {
  const consumers = new Handles()
  const bystanders = new Map()

  /** A consumer of a group that never joins it, for questions. */
  async function bystander(group, autoCreate = false) {
    const name = `${group} ${address()} ${autoCreate}`
    if (!bystanders.has(name)) {
      const settings = { ...KNOWN, group, allow_auto_create: autoCreate }
      bystanders.set(name, (await new Consumer(address(), settings).open()).client)
    }
    return bystanders.get(name)
  }

  const edges = async (topic, partition) =>
    call(await bystander('compat-offsets'), 'queryWatermarkOffsets', topic, partition, WITHIN_MS)

  async function resolved(consumer, { topic, partition, offset }) {
    if (typeof offset === 'number') return { topic, partition, offset }
    if (offset === 'committed') {
      const [stored] = await consumer.committed([{ topic, partition }])
      return resolved(consumer, { topic, partition, offset: stored.offset ?? consumer.settings.reset })
    }
    const { lowOffset, highOffset } = await edges(topic, partition)
    return { topic, partition, offset: offset === 'earliest' ? lowOffset : highOffset }
  }

  const operations = {
    async open_consumer(fields) {
      const settings = options(fields, KNOWN)
      if (settings.assignor === 'sticky') throw new Unsupported('librdkafka has no eager sticky assignor')
      consumers.put(settings.consumer, await new Consumer(address(), settings).open())
    },
    async subscribe(fields) {
      const { consumer, topics, pattern } = options(fields, { consumer: null, topics: [], pattern: null })
      const expression = pattern === null || pattern.startsWith('^') ? pattern : `^.*(${pattern})`
      consumers.get(consumer).client.subscribe(pattern === null ? topics : [expression])
    },
    async assign(fields) {
      const { consumer: name, partitions } = options(fields, { consumer: null, partitions: [] })
      const consumer = consumers.get(name)
      const places = await Promise.all(partitions.map((one) => resolved(consumer, one)))
      consumer.client.assign(places)
      places.forEach((place) => consumer.moveTo(place))
    },
    async poll(fields) {
      const known = { consumer: null, timeout_ms: 0, max_records: 500 }
      const { consumer, timeout_ms: timeoutMs, max_records: max } = options(fields, known)
      return { records: await consumers.get(consumer).poll(max, timeoutMs) }
    },
    assignment: async ({ consumer }) => ({
      partitions: consumers.get(consumer).client.assignments().map(placeOf),
      member_id: null,
      generation: null
    }),
    rebalances: async ({ consumer }) => ({ events: consumers.get(consumer).events.splice(0) }),
    async seek(fields) {
      const { consumer: name, ...place } = options(fields, { consumer: null, topic: null, partition: 0, offset: 0 })
      const consumer = consumers.get(name)
      await consumer.seek(await resolved(consumer, place))
    },
    async position({ consumer: name, topic, partition }) {
      const consumer = consumers.get(name)
      const place = consumer.positions.get(nameOf({ topic, partition }))
      return { offset: (place ?? (await resolved(consumer, { topic, partition, offset: 'committed' }))).offset }
    },
    async commit_offsets({ consumer: name, offsets }) {
      const consumer = consumers.get(name)
      commit(consumer.client, offsets ?? [...consumer.positions.values()])
    },
    committed: async ({ consumer, partitions }) => ({ offsets: await consumers.get(consumer).committed(partitions) }),
    pause: async ({ consumer, partitions }) => void consumers.get(consumer).client.pause(partitions.map(placeOf)),
    resume: async ({ consumer, partitions }) => void consumers.get(consumer).client.resume(partitions.map(placeOf)),
    close_consumer: async ({ consumer }) => void (await call(consumers.take(consumer).client, 'disconnect')),
    open_share_consumer: 'the library has no share groups'
  }
  return { operations, bystander, get: (name) => consumers.get(name) }
}
