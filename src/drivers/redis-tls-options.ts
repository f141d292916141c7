/** Certificates and how strictly they are checked. Each of `ca`, `cert` and `key` is a path, or the PEM text itself. */
export interface RedisTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
  /** Default true. */
  readonly rejectUnauthorized?: boolean
  /** Default true: the certificate must be that of the host. */
  readonly checksHostname?: boolean
  readonly servername?: string
}

/** By the names of Python's ssl and of node:tls, in camelCase. */
const textFields: ReadonlyMap<string, keyof RedisTlsOptions> = new Map<string, keyof RedisTlsOptions>([
  ['caCerts', 'ca'],
  ['ca', 'ca'],
  ['certfile', 'cert'],
  ['cert', 'cert'],
  ['keyfile', 'key'],
  ['key', 'key'],
  ['keyfilePassword', 'passphrase'],
  ['password', 'passphrase'],
  ['passphrase', 'passphrase'],
  ['servername', 'servername'],
])

/** What Python writes for ssl.CERT_NONE, CERT_OPTIONAL and CERT_REQUIRED. */
const strictness: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [0, false],
  ['none', false],
  [1, true],
  ['optional', true],
  [2, true],
  ['required', true],
])

/** `broker_use_ssl` of Celery; true means TLS with its defaults. Undefined for what is none. */
export function readTls(value: unknown): RedisTlsOptions | undefined {
  if (value === true) return {}
  if (typeof value !== 'object' || value === null) return undefined
  const tls = {}
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined || part === null) continue
    const camel = name.replace(/^ssl_/, '').replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const read = readTlsPart(camel, part)
    if (read === undefined) return undefined
    Object.assign(tls, read)
  }
  return tls
}

export function readTlsPart(name: string, value: unknown): RedisTlsOptions | undefined {
  const field = textFields.get(name)
  if (field !== undefined) return typeof value === 'string' && value !== '' ? { [field]: value } : undefined
  if (name === 'certReqs') {
    const key = typeof value === 'string' ? value.toLowerCase().replace(/^(ssl\.)?cert_/, '') : value
    const isStrict = strictness.get(key)
    return isStrict === undefined ? undefined : { rejectUnauthorized: isStrict }
  }
  const isTrue = value === true || value === 'true' || value === 'True'
  if (!isTrue && value !== false && value !== 'false' && value !== 'False') return undefined
  if (name === 'checkHostname') return { checksHostname: isTrue }
  return name === 'rejectUnauthorized' ? { rejectUnauthorized: isTrue } : undefined
}
