import { redis, redisArguments } from './redis.ts'
import type { ServerKind } from './server-kind.ts'

/** Redis that speaks TLS only. Its certificate, `certificate.pem` in its folder, is signed by itself, for 127.0.0.1. */
export const redisTls: ServerKind = {
  ...redis,
  variable: 'CELERIAC_TEST_REDISS_URL',
  url: (port) => `rediss://127.0.0.1:${port}/0`,
  setUp: async ({ folder }) => {
    const files = ['-keyout', `${folder}/key.pem`, '-out', `${folder}/certificate.pem`]
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...names]
    return [{ program: 'openssl', args }]
  },
  start: ({ folder, port, program, settings }) => {
    const tls = {
      'tls-port': String(port),
      'tls-cert-file': `${folder}/certificate.pem`,
      'tls-key-file': `${folder}/key.pem`,
      'tls-ca-cert-file': `${folder}/certificate.pem`,
      'tls-auth-clients': 'no',
    }
    return { program, args: ['--port', '0', ...redisArguments(folder, { ...tls, ...settings })] }
  },
}
