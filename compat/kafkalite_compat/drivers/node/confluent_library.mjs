/** The @confluentinc/kafka-javascript library, by its callbacks (its other API, made after kafkajs, is built upon these). */
import { createRequire } from 'node:module'
import { Unsupported } from './serving.mjs'

const require = createRequire(import.meta.url)
const library = require('@confluentinc/kafka-javascript')

export const { RdKafka } = library
export const { version } = require('@confluentinc/kafka-javascript/package.json')

const { CODES, features } = RdKafka
const NAMES = new Map(Object.entries(CODES.ERRORS).map(([name, code]) => [code, name.replace(/^ERR_/, '')]))

/** librdkafka's own errors have negative codes, which are not Kafka's. */
export function describe(error) {
  const code = typeof error.code === 'number' ? error.code : null
  const kafkas = code !== null && code > 0
  return { code: kafkas ? code : null, name: NAMES.get(code) ?? error.name ?? null, text: String(error.message ?? error) }
}

/** What this build of librdkafka was made without is not supported. */
export function checkCodec(codec) {
  if (codec !== 'none' && !features.includes(codec)) {
    throw new Unsupported(`librdkafka ${RdKafka.librdkafkaVersion} was built here without ${codec}`)
  }
}

/** Call a method whose last argument is a callback (error, result). */
export function call(client, name, ...args) {
  if (typeof client[name] !== 'function') throw new Unsupported(`@confluentinc/kafka-javascript ${version} has no ${name}`)
  return new Promise((resolve, reject) => {
    client[name](...args, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** A configuration without what was not asked for. */
export const config = (settings) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value != null))
