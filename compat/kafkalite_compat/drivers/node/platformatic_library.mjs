/** The @platformatic/kafka library: what its versions and its errors tell. */
import { createRequire } from 'node:module'
import * as platformatic from '@platformatic/kafka'
import { Unsupported } from './serving.mjs'

export { platformatic }
export const version = versionOf('@platformatic/kafka')

/** Its package.json is not exported, so that it is found beside the entry point. */
function versionOf(name) {
  const require = createRequire(import.meta.url)
  const entry = require.resolve.paths(name).map((folder) => `${folder}/${name}/package.json`)
  for (const path of entry) {
    try {
      return require(path).version
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return null
}

/** Early versions take the isolation level's name, later ones its number. */
export function isolationLevel(isolation) {
  const name = isolation.toUpperCase()
  const [major, minor] = version.split('.').map(Number)
  return major === 1 && minor <= 22 ? name : platformatic.FetchIsolationLevels[name]
}

/** A method of a client that not every version has. */
export function method(client, name) {
  if (typeof client[name] !== 'function') throw new Unsupported(`@platformatic/kafka ${version} has no ${name}`)
  return client[name].bind(client)
}

/** The broker's own error is somewhere among the errors within an error. */
export function describe(error) {
  const parts = [error]
  for (const part of parts) {
    if (typeof part.apiCode === 'number') {
      return { code: part.apiCode, name: part.apiId ?? null, text: part.serverErrorMessage || part.message }
    }
    if (part.response && typeof part.response.errorCode === 'number' && part.response.errorCode > 0) {
      return { code: part.response.errorCode, name: null, text: part.message }
    }
    const within = [part.cause, ...(part.errors ?? [])]
    parts.push(...within.filter((one) => one && typeof one === 'object' && !parts.includes(one)))
  }
  return { code: null, name: error.code ?? error.name ?? null, text: String(error.message ?? error) }
}
