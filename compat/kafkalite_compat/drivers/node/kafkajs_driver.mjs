/** kafkajs. Its consumers and its administration are in files of their own. */
import { createAdministration } from './kafkajs_admin.mjs'
import { createConsumers } from './kafkajs_consumers.mjs'
import { describe, kafkajs, version } from './kafkajs_library.mjs'
import { Handles, Unsupported, byTopic, choose, options, serve, toBytes } from './serving.mjs'

const ACKS = { 0: 0, 1: 1, all: -1 }
const COMPRESSIONS = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }
const MANY_VALUES = Number.parseInt(version) >= 2 // headers of the same name
const RETRIES = 5 // kafkajs's own default
const RETRIES_FOR_EVER = Number.MAX_SAFE_INTEGER

/** A producer, what is set per send, and the partitions that its partitioner chose, by message. */
class Producer {
  #chosen = new WeakMap()
  #transaction = null

  constructor(kafka, settings) {
    const transactionalId = settings.transactional_id ?? undefined
    const idempotent = settings.idempotence || transactionalId !== undefined
    this.acks = choose(ACKS, settings.acks, 'acks')
    this.compression = kafkajs.CompressionTypes[choose(COMPRESSIONS, settings.compression, 'compression')]
    this.transactional = transactionalId !== undefined
    this.client = kafka.producer({
      createPartitioner: () => this.#noting(kafkajs.Partitioners.DefaultPartitioner()),
      idempotent,
      transactionalId,
      transactionTimeout: settings.transaction_timeout_ms,
      maxInFlightRequests: settings.max_in_flight ?? undefined,
      retry: { retries: settings.retries ?? (idempotent ? RETRIES_FOR_EVER : RETRIES) }
    })
  }

  #noting(partitioner) {
    return (choice) => {
      const partition = partitioner(choice)
      this.#chosen.set(choice.message, partition)
      return partition
    }
  }

  /** With a transactional id: the first transaction's object is asked for now, since that is when kafkajs gets its producer id. */
  async open() {
    await this.client.connect()
    if (this.transactional) this.#transaction = await this.client.transaction()
  }

  async begin() {
    this.#transaction = this.#transaction?.isActive() ? this.#transaction : await this.client.transaction()
  }

  get transaction() {
    return this.#transaction ?? this.client.transaction()
  }

  async send(topic, messages) {
    const sender = this.transactional ? this.#transaction : this.client
    const sent = await sender.send({ topic, messages, acks: this.acks, compression: this.compression })
    const next = new Map((sent ?? []).map((one) => [one.partition, one]))
    return messages.map((message) => this.#result(this.#chosen.get(message), next))
  }

  #result(partition, next) {
    const sent = next.get(partition)
    if (sent?.baseOffset === undefined) return { partition, offset: null }
    const offset = Number(sent.baseOffset)
    sent.baseOffset = offset + 1
    return { partition, offset, timestamp_ms: Number(sent.logAppendTime) < 0 ? null : Number(sent.logAppendTime) }
  }
}

/** kafkajs's headers are an object: name -> value, or values of the same name. */
function toHeaders(pairs) {
  const headers = {}
  for (const [name, value] of pairs ?? []) {
    const bytes = toBytes(value)
    if (bytes === null) throw new Unsupported('kafkajs cannot write a header whose value is null: it throws a TypeError')
    if (name in headers && !MANY_VALUES) throw new Unsupported(`kafkajs ${version} has one header of a name only`)
    headers[name] = name in headers ? [headers[name], bytes].flat() : bytes
  }
  const order = Object.keys(headers).flatMap((name) => [headers[name]].flat().map(() => name))
  if (order.some((name, index) => name !== pairs[index][0])) {
    throw new Unsupported('headers are an object in kafkajs: it has no way to give them in this order')
  }
  return headers
}

function toMessage({ key, value, headers, partition, timestamp_ms: timestampMs }) {
  return {
    key: toBytes(key),
    value: toBytes(value),
    headers: toHeaders(headers),
    partition: partition ?? undefined,
    timestamp: timestampMs == null ? undefined : String(timestampMs)
  }
}

const LACKING = {
  linger_ms: [0, 'kafkajs sends what one call gives it at once: it has no linger'],
  batch_bytes: [undefined, 'kafkajs has no batch size: a call to send makes one batch per partition'],
  max_request_bytes: [undefined, 'kafkajs has no limit of a request'],
  delivery_timeout_ms: [30000, 'kafkajs has no delivery timeout, only a number of retries']
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

function createProducers() {
  const producers = new Handles()
  return {
    async open_producer(fields, kafka) {
      const settings = options(fields, KNOWN, LACKING)
      const producer = new Producer(kafka, settings)
      await producer.open()
      producers.put(settings.producer, producer)
    },
    async produce(fields) {
      const { producer, topic, records } = options(fields, { producer: null, topic: null, records: [] })
      const messages = records.map(toMessage)
      try {
        return { results: await producers.get(producer).send(topic, messages) }
      } catch (error) {
        return { results: messages.map(() => ({ error: describe(error) })) }
      }
    },
    begin: async ({ producer }) => void (await producers.get(producer).begin()),
    commit: async ({ producer }) => void (await (await producers.get(producer).transaction).commit()),
    abort: async ({ producer }) => void (await (await producers.get(producer).transaction).abort()),
    async send_offsets(fields) {
      const { producer, group, offsets } = options(fields, { producer: null, group: null, consumer: null, offsets: [] })
      if (offsets.some(({ metadata }) => metadata)) {
        throw new Unsupported('kafkajs sends no metadata with the offsets of a transaction')
      }
      const topics = [...byTopic(offsets)].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
      }))
      const transaction = await producers.get(producer).transaction
      await transaction.sendOffsets({ consumerGroupId: group, topics })
    },
    close_producer: async ({ producer }) => void (await producers.take(producer).client.disconnect())
  }
}

let kafka = null // made by `start`, which is the first step and may come again
let admin = null

async function connectedAdmin() {
  if (!admin) {
    // Fewer retries than its default of 5: an unknown topic counts as a reason to retry, and it would do so for 20 s.
    const made = kafka.admin({ retry: { retries: 2, initialRetryTime: 100 } })
    await made.connect()
    admin = made
  }
  return admin
}

const producers = createProducers()
serve(
  {
    async start(fields) {
      const { bootstrap } = options(fields, { bootstrap: '' })
      admin = null
      kafka = new kafkajs.Kafka({ clientId: 'compat', brokers: bootstrap.split(','), logLevel: kafkajs.logLevel.WARN })
      return { client: 'kafkajs', version, runtime: `Node.js ${process.versions.node}` }
    },
    ...producers,
    open_producer: (fields) => producers.open_producer(fields, kafka),
    ...createConsumers(() => kafka, connectedAdmin),
    ...createAdministration(connectedAdmin)
  },
  describe
)
