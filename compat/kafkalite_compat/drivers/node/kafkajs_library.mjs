/** The kafkajs library with all five codecs, and what its errors tell. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const kafkajs = require('kafkajs')
export const { version } = require('kafkajs/package.json')

/** Since version 2 the offsets of a group are asked for by `topics`, before by one `topic`. */
export const MANY_TOPICS_AT_ONCE = Number.parseInt(version) >= 2

const { CompressionCodecs, CompressionTypes } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = new (require('kafkajs-lz4'))().codec
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }) => Buffer.from((await zstd()).compress(buffer)),
  decompress: async (buffer) => Buffer.from((await zstd()).decompress(buffer))
})

/** Streaming, since frames need not tell how much is in them (those of Java producers do not). */
function zstd() {
  return new Promise((resolve) => {
    require('zstd-codec').ZstdCodec.run(({ Streaming }) => resolve(new Streaming()))
  })
}

/** The broker's own error is somewhere among the causes and parts of what kafkajs throws. */
export function describe(error) {
  const parts = [error]
  for (const part of parts) {
    if (typeof part.code === 'number' && part.type) return { code: part.code, name: part.type, text: part.message }
    const within = [part.cause, part.originalError, part.error, ...(part.errors ?? []), ...(part.groups ?? []), ...(part.partitions ?? [])]
    parts.push(...within.filter((one) => one && typeof one === 'object' && !parts.includes(one)))
  }
  return { code: null, name: error.name ?? null, text: String(error.message ?? error) }
}
