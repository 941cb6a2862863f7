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

/** The broker's own error is somewhere among the errors within an error; an unknown topic is told in words only. */
export function describe(error) {
  const parts = [error]
  for (const part of parts) {
    const within = [part.cause, ...(part.errors ?? [])]
    parts.push(...within.filter((one) => one && typeof one === 'object' && !parts.includes(one)))
  }
  // Where a batch was refused there is a -1 for each of its records beside the code that tells why.
  const told = parts.find(({ apiCode }) => apiCode > 0) ?? parts.find(({ apiCode }) => apiCode === -1)
  if (told) return { code: told.apiCode, name: told.apiId ?? null, text: told.serverErrorMessage || told.message }
  const answered = parts.find(({ response }) => response?.errorCode > 0)
  if (answered) return { code: answered.response.errorCode, name: null, text: answered.message }
  const text = String(error.message ?? error)
  return { code: /^Unknown topic /.test(text) ? 3 : null, name: error.code ?? error.name ?? null, text }
}
