import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

/** A TCP port of this machine in front of an Engine's Unix socket, with TLS by the certificates in `certificates`. */
export async function tcpProxy(engineUrl: string, certificates?: string): Promise<{ host: string }> {
  const socketPath = engineUrl.replace(/^unix:\/\//, '')
  const sockets = new Set<Socket>()
  const forward = (client: Socket) => {
    const upstream = connect({ path: socketPath, allowHalfOpen: true })
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
      from.pipe(to)
    }
  }
  const server =
    certificates === undefined
      ? createServer({ allowHalfOpen: true }, forward)
      : createTlsServer(
          {
            allowHalfOpen: true,
            ca: await readFile(join(certificates, 'ca.pem')),
            cert: await readFile(join(certificates, 'server.pem')),
            key: await readFile(join(certificates, 'server-key.pem')),
            requestCert: true,
            rejectUnauthorized: true,
          },
          forward,
        )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const run = promisify(execFile)

/** What keeps us from making certificates, as a sentence; undefined where nothing does. */
export async function whyNoCertificates(): Promise<string | undefined> {
  try {
    await run('openssl', ['version'])
    return undefined
  } catch {
    return 'Certificates are made by openssl, which is not here.'
  }
}

/** An authority, a server of 127.0.0.1 and a client; the names are those of DOCKER_CERT_PATH. */
export async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=ektest', '-days', '2')
  await writeFile(join(folder, 'server.ext'), 'subjectAltName=IP:127.0.0.1\n')
  await writeFile(join(folder, 'client.ext'), 'extendedKeyUsage=clientAuth\n')
  for (const [name, keyFile, certFile] of [
    ['server', 'server-key.pem', 'server.pem'],
    ['client', 'key.pem', 'cert.pem'],
  ] as const) {
    await openssl('req', ...key, '-keyout', keyFile, '-out', `${name}.csr`, '-subj', `/CN=ektest ${name}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2']
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', certFile)
  }
}
