const mask = '********'
const secretKey = /pass|secret|token|api_?key|private_?key|credential|signature/i

/** The value with passwords of URLs and, in a secret setting, values of keys that sound secret replaced by stars. */
export function maskSecrets(value: unknown, isSecret = false): unknown {
  if (typeof value === 'string') return maskText(value, isSecret)
  if (Array.isArray(value)) return value.map((item: unknown) => maskSecrets(item, isSecret))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      isSecret && secretKey.test(key) ? mask : maskSecrets(inner, isSecret),
    ]),
  )
}

/** `redis://:********@host`: the password of each URL in a text, and values of secret-sounding query parameters. */
export function maskUrl(text: string): string {
  return text
    .replaceAll(/(:\/\/[^/?#@\s:]*:)\S*(?=@)/g, `$1${mask}`)
    .replaceAll(/([?&]([^=&#\s]+)=)([^&#\s]*)/g, (whole, start: string, key: string) =>
      secretKey.test(key) ? `${start}${mask}` : whole,
    )
}

/** Also what stands before an `@` in a text that was meant to be a URL and is none. */
function maskText(text: string, isSecret: boolean): string {
  const masked = maskUrl(text)
  return isSecret && masked === text && !text.includes('://') ? text.replace(/\S*(?=@)/, mask) : masked
}
