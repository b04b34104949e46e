import { readFileSync } from 'node:fs'
import { Problem } from '../../protocol/problems.ts'
import type { TlsListener } from './listeners.ts'

/** A listener whose certificates and key are given by the paths of PEM files. */
export function readTls({ host, port, certificate, key, clientAuthority }: TlsListener): TlsListener {
  return {
    host,
    port,
    certificate: read(certificate),
    key: read(key),
    clientAuthority: clientAuthority === undefined ? undefined : read(clientAuthority),
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Problem('bad-request', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      hint: 'make an authority and certificates: evenkeel system tls init',
      cause: error,
    })
  }
}
