// Certificates of one's own, by openssl.
import { join } from 'node:path'
import { run } from './commands.mjs'

/**
 * Signed by itself, for a host: the files that it lies in.
 *
 * @param {string} host
 * @param {string} folder
 * @returns {Promise<{ cert: string, key: string }>}
 */
export async function selfSigned(host, folder) {
  const [cert, key] = [join(folder, `${host}.crt`), join(folder, `${host}.key`)]
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '30'],
    ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-addext', 'basicConstraints=CA:FALSE'],
    ...['-keyout', key, '-out', cert],
  ])
  return { cert, key }
}
