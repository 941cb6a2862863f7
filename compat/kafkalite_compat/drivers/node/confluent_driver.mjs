/** @confluentinc/kafka-javascript. Its consumers and its administration are in files of their own. */
import { createAdministration } from './confluent_admin.mjs'
import { createConsumers } from './confluent_consumers.mjs'
import { RdKafka, call, checkCodec, config, describe, version } from './confluent_library.mjs'
import { Handles, Unsupported, options, serve, tell, toBytes } from './serving.mjs'

const TRANSACTION_WITHIN_MS = 30000
const POLL_EVERY_MS = 10
const ANY_PARTITION = -1

class Producer {
  constructor(bootstrap, settings) {
    checkCodec(settings.compression)
    this.acks = settings.acks
    const transactional = settings.transactional_id !== null
    const timeoutMs = settings.delivery_timeout_ms
    this.client = new RdKafka.Producer(
      config({
        'bootstrap.servers': bootstrap,
        'client.id': 'compat',
        dr_cb: true,
        'compression.codec': settings.compression,
        'enable.idempotence': settings.idempotence || transactional,
        'transactional.id': settings.transactional_id,
        'transaction.timeout.ms': transactional ? settings.transaction_timeout_ms : null,
        'linger.ms': settings.linger_ms,
        'batch.size': settings.batch_bytes,
        'message.max.bytes': settings.max_request_bytes,
        retries: settings.retries,
        'max.in.flight': settings.max_in_flight
      }),
      {
        acks: settings.acks === 'all' ? -1 : Number(settings.acks),
        // librdkafka wants the delivery of a record to end before its transaction does.
        'message.timeout.ms': transactional ? Math.min(timeoutMs, settings.transaction_timeout_ms) : timeoutMs
      }
    )
    this.transactional = transactional
    this.client.on('delivery-report', (error, report) => report.opaque(error, report))
    this.client.on('event.error', (error) => console.error('event:', error))
  }

  async open() {
    await call(this.client, 'connect', {})
    this.client.setPollInterval(POLL_EVERY_MS)
    if (this.transactional) await call(this.client, 'initTransactions', TRANSACTION_WITHIN_MS)
  }

  send(topic, record) {
    const { key, value, partition, timestamp_ms: timestampMs } = record
    const headers = toHeaders(record.headers)
    return new Promise((resolve) => {
      const delivered = (error, report) => resolve(error ? { error: tell(error, describe) } : this.#result(report))
      try {
        this.client.produce(
          topic,
          partition ?? ANY_PARTITION,
          toBytes(value),
          toBytes(key),
          timestampMs ?? undefined,
          delivered,
          headers
        )
      } catch (error) {
        resolve({ error: tell(error, describe) })
      }
    })
  }

  #result({ partition, offset, timestamp }) {
    const known = this.acks !== '0' && offset >= 0
    return { partition, offset: known ? offset : null, timestamp_ms: timestamp > 0 ? timestamp : null }
  }
}

function toHeaders(pairs) {
  return (pairs ?? []).map(([name, value]) => {
    if (value === null) throw new Unsupported('a header value has to be a string or a buffer: there is no null')
    return { [name]: toBytes(value) }
  })
}

const KNOWN = {
  producer: null,
  acks: 'all',
  compression: 'none',
  idempotence: false,
  transactional_id: null,
  transaction_timeout_ms: 60000,
  linger_ms: 0,
  batch_bytes: null,
  max_request_bytes: null,
  retries: null,
  delivery_timeout_ms: 30000,
  max_in_flight: null
}

function createProducers(address, consumers) {
  const producers = new Handles()
  return {
    async open_producer(fields) {
      const settings = options(fields, KNOWN)
      const producer = new Producer(address(), settings)
      await producer.open()
      producers.put(settings.producer, producer)
    },
    async produce(fields) {
      const { producer: name, topic, records } = options(fields, { producer: null, topic: null, records: [] })
      const producer = producers.get(name)
      return { results: await Promise.all(records.map((record) => producer.send(topic, record))) }
    },
    begin: async ({ producer }) => void (await call(producers.get(producer).client, 'beginTransaction')),
    commit: async ({ producer }) =>
      void (await call(producers.get(producer).client, 'commitTransaction', TRANSACTION_WITHIN_MS)),
    abort: async ({ producer }) =>
      void (await call(producers.get(producer).client, 'abortTransaction', TRANSACTION_WITHIN_MS)),
    /** The group's name comes from a consumer: without one, from a consumer that never joins. */
    async send_offsets(fields) {
      const known = { producer: null, group: null, consumer: null, offsets: [] }
      const { producer, group, consumer, offsets } = options(fields, known)
      const member = consumer === null ? await consumers.bystander(group) : consumers.get(consumer).client
      await call(producers.get(producer).client, 'sendOffsetsToTransaction', offsets, member, TRANSACTION_WITHIN_MS)
    },
    close_producer: async ({ producer }) => void (await call(producers.take(producer).client, 'disconnect', 5000))
  }
}

let bootstrap = null // told by `start`, which is the first step and may come again
const address = () => bootstrap
const consumers = createConsumers(address)

serve(
  {
    async start(fields) {
      bootstrap = options(fields, { bootstrap: null }).bootstrap
      const runtime = `librdkafka ${RdKafka.librdkafkaVersion}, Node.js ${process.versions.node}`
      return { client: '@confluentinc/kafka-javascript', version, runtime }
    },
    ...createProducers(address, consumers),
    ...consumers.operations,
    ...createAdministration(address, consumers)
  },
  describe
)
