/**
 * The driver's side of the protocol of DRIVERS.md: JSON lines in on stdin, JSON lines out on stdout, one step after the other.
 *
 * Whatever else writes to stdout (client libraries like to) goes to stderr instead.
 */
import { createInterface } from 'node:readline'
import { unknownFields } from './fields.mjs'

/** The library, in this version, cannot do the step; the message says what it lacks. */
export class Unsupported extends Error {}

/** The library told a failure by other means than an error that it throws. */
export class Refused extends Error {
  /** @param {number | null} code @param {string | null} name @param {string} text */
  constructor(code, name, text) {
    super(text)
    this.code = code
    this.name = name
  }
}

/** What the suite opened, by the names that it gave. */
export class Handles {
  #open = new Map()

  put(name, handle) {
    this.#open.set(name, handle)
  }

  get(name) {
    if (!this.#open.has(name)) throw new Refused(null, null, `nothing is open by the name ${name}`)
    return this.#open.get(name)
  }

  take(name) {
    const handle = this.get(name)
    this.#open.delete(name)
    return handle
  }
}

/**
 * The fields of a step: null means the default, and one that is not known here is not supported.
 *
 * @param {object} given the request
 * @param {object} known name -> default
 * @param {Object<string, [unknown, string]>} lacking name -> the only value that the library can do, and what it lacks
 */
export function options(given, known, lacking = {}) {
  const read = { ...known }
  for (const [name, value] of Object.entries(given)) {
    if (name === 'id' || name === 'op' || value === null) continue
    if (name in lacking) {
      const [only, reason] = lacking[name]
      if (value !== only) throw new Unsupported(reason)
    } else if (name in known) {
      read[name] = value
    } else {
      throw new Unsupported(`the library has no option for ${name}`)
    }
  }
  return read
}

/** One of a table's entries, e.g. a codec by its name; what is not in it is not supported. */
export function choose(table, name, what) {
  if (!(name in table)) throw new Unsupported(`the library has no ${what} ${name}`)
  return table[name]
}

/** Base64 text to bytes; null is null. */
export const toBytes = (text) => (text == null ? null : Buffer.from(text, 'base64'))

/** Bytes (or text, as some libraries give it) to base64 text; null is null. */
export const toText = (bytes) => (bytes == null ? null : Buffer.from(bytes).toString('base64'))

/** The same fields of many things, by topic: [{topic, ...rest}] -> Map of topic -> [rest]. */
export function byTopic(items) {
  const topics = new Map()
  for (const { topic, ...rest } of items) {
    if (!topics.has(topic)) topics.set(topic, [])
    topics.get(topic).push(rest)
  }
  return topics
}

/** Where a config comes from, in Kafka's words, by the number on the wire (`DescribeConfigsResponse.ConfigSource`). */
export const CONFIG_SOURCES = [
  null,
  'DYNAMIC_TOPIC_CONFIG',
  'DYNAMIC_BROKER_CONFIG',
  'DYNAMIC_DEFAULT_BROKER_CONFIG',
  'STATIC_BROKER_CONFIG',
  'DEFAULT_CONFIG',
  'DYNAMIC_BROKER_LOGGER_CONFIG',
  'DYNAMIC_CLIENT_METRICS_CONFIG',
  'DYNAMIC_GROUP_CONFIG'
]

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Answer steps until stdin ends.
 *
 * @param {Object<string, ((fields: object) => Promise<object | void>) | string>} operations by op; text says why there is none
 * @param {(error: Error) => {code: number | null, name: string | null, text: string}} describe what a library's error tells
 */
export function serve(operations, describe) {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  process.on('unhandledRejection', (error) => console.error('not handled:', error))
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })
  let before = Promise.resolve()
  lines.on('line', (line) => {
    before = before.then(async () => {
      const request = JSON.parse(line)
      const answer = await answerTo(operations[request.op], request, describe)
      write(`${JSON.stringify({ id: request.id, ...answer })}\n`)
    })
  })
  lines.on('close', () => process.exit(0))
}

async function answerTo(operation, request, describe) {
  if (operation === undefined) return { unsupported: `the library has no such step: ${request.op}` }
  if (typeof operation === 'string') return { unsupported: operation }
  const unknown = unknownFields(request)
  if (unknown.length) return { unsupported: `${request.op}: the driver knows no field ${unknown.join(', ')}` }
  try {
    return { ok: (await operation(request)) ?? {} }
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message }
    console.error(`${request.op}:`, error)
    return { error: tell(error, describe) }
  }
}

/** An error as an answer's `error`. */
export function tell(error, describe) {
  if (error instanceof Refused) return { code: error.code, name: error.name, text: error.message }
  return describe(error)
}
