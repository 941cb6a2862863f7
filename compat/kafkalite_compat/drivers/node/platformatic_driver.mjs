/** @platformatic/kafka. Its consumers and its administration are in files of their own. */
import { createAdministration } from './platformatic_admin.mjs'
import { createConsumers } from './platformatic_consumers.mjs'
import { describe, method, platformatic, version } from './platformatic_library.mjs'
import { Handles, Unsupported, choose, options, serve, tell, toBytes } from './serving.mjs'

const ACKS = { 0: 0, 1: 1, all: -1 }
const COMPRESSIONS = { none: 'none', gzip: 'gzip', snappy: 'snappy', lz4: 'lz4', zstd: 'zstd' }

/** What it would ask for by itself is producer id 0: fenced, if the transactional id has had another one. */
const NO_PRODUCER_ID = { producerId: -1n, producerEpoch: -1 }

class Producer {
  #transaction = null

  constructor(base, settings) {
    this.transactional = settings.transactional_id !== null
    this.sending = {
      acks: choose(ACKS, settings.acks, 'acks'),
      compression: choose(COMPRESSIONS, settings.compression, 'compression')
    }
    this.client = new platformatic.Producer({
      ...base,
      autocreateTopics: true,
      idempotent: settings.idempotence || this.transactional,
      ...(settings.retries !== null && { retries: settings.retries }),
      ...(settings.max_in_flight !== null && { maxInflights: settings.max_in_flight }),
      // Its `timeout` is also the transaction timeout that it asks for.
      ...(this.transactional && { transactionalId: settings.transactional_id, timeout: settings.transaction_timeout_ms })
    })
  }

  /** With a transactional id: the first transaction begins now, since that is when the library gets its producer id. */
  async open() {
    if (this.transactional) await this.begin()
  }

  async begin() {
    const unused = this.#transaction && !this.#transaction.completed
    if (!unused) this.#transaction = await method(this.client, 'beginTransaction')(NO_PRODUCER_ID)
  }

  get transaction() {
    return this.#transaction
  }

  async send(messages) {
    const sender = this.transactional ? this.#transaction : this.client
    const { offsets = [] } = await sender.send({ ...this.sending, messages })
    const next = new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]))
    return messages.map((message) => {
      const partition = message.partition ?? (next.size === 1 ? offsets[0].partition : null)
      const offset = next.get(partition)
      if (offset === undefined) return { partition, offset: null }
      next.set(partition, offset + 1)
      return { partition, offset }
    })
  }
}

/** Headers are a map of bytes to bytes: keys that are other objects are other keys, so that names may repeat. */
function toMessage(topic, { key, value, headers, partition, timestamp_ms: timestampMs }) {
  return {
    topic,
    key: toBytes(key) ?? undefined,
    value: toBytes(value) ?? undefined,
    headers: new Map((headers ?? []).map(([name, bytes]) => [Buffer.from(name), toBytes(bytes)])),
    ...(partition != null && { partition }),
    ...(timestampMs != null && { timestamp: BigInt(timestampMs) })
  }
}

const KNOWN = {
  producer: null,
  acks: 'all',
  compression: 'none',
  idempotence: false,
  transactional_id: null,
  transaction_timeout_ms: 60000,
  retries: null,
  max_in_flight: null
}
const LACKING = {
  linger_ms: [0, 'a producer sends what one call gives it at once: it has no linger'],
  batch_bytes: [undefined, 'the library has no batch size: a call to send makes one batch per partition'],
  max_request_bytes: [undefined, 'the library has no limit of a request'],
  delivery_timeout_ms: [30000, 'the library has no delivery timeout, only a number of retries']
}

function createProducers(base, consumers) {
  const producers = new Handles()
  return {
    async open_producer(fields) {
      const settings = options(fields, KNOWN, LACKING)
      const producer = new Producer(base(), settings)
      await producer.open()
      producers.put(settings.producer, producer)
    },
    async produce(fields) {
      const { producer, topic, records } = options(fields, { producer: null, topic: null, records: [] })
      const messages = records.map((record) => toMessage(topic, record))
      try {
        return { results: await producers.get(producer).send(messages) }
      } catch (error) {
        return { results: messages.map(() => ({ error: tell(error, describe) })) }
      }
    },
    begin: async ({ producer }) => void (await producers.get(producer).begin()),
    commit: async ({ producer }) => void (await producers.get(producer).transaction.commit()),
    abort: async ({ producer }) => void (await producers.get(producer).transaction.abort()),
    /** Offsets are those of messages that a consumer has read, so that one is needed, and they have no metadata. */
    async send_offsets(fields) {
      const known = { producer: null, group: null, consumer: null, offsets: [] }
      const { producer, consumer: name, offsets } = options(fields, known)
      if (name === null) throw new Unsupported('a transaction takes only offsets of messages that a consumer has read')
      if (offsets.some(({ metadata }) => metadata)) throw new Unsupported('it sends no metadata with an offset')
      const { client } = consumers.get(name)
      const { transaction } = producers.get(producer)
      await transaction.addConsumer(client)
      const coordinatorId = await client.findGroupCoordinator()
      for (const { topic, partition, offset } of offsets) {
        const { groupId, generationId, memberId } = client
        const metadata = { consumer: { groupId, generationId, memberId, coordinatorId } }
        await transaction.addOffset({ topic, partition, offset: BigInt(offset) - 1n, metadata })
      }
    },
    close_producer: async ({ producer }) => void (await producers.take(producer).client.close())
  }
}

let bootstrapBrokers = [] // told by `start`, which is the first step and may come again
const base = () => ({ clientId: 'compat', bootstrapBrokers })
const consumers = new Handles()

serve(
  {
    async start(fields) {
      bootstrapBrokers = options(fields, { bootstrap: '' }).bootstrap.split(',')
      return { client: '@platformatic/kafka', version, runtime: `Node.js ${process.versions.node}` }
    },
    ...createProducers(base, consumers),
    ...createConsumers(base, consumers),
    ...createAdministration(base)
  },
  describe
)
