// A real ACME server for a test or a proof: pebble, with a DNS of its own in which all names lead to 127.0.0.1.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { get as httpsGet } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { canInstallPackages, installPackages } from './apt.mjs'
import { findCommand, run } from './commands.mjs'
import { until } from './daemon.mjs'

/** Installs it where it is missing, as root on Debian or Ubuntu; else says what to install. */
export async function ensurePebble({ log = () => {} } = {}) {
  if (findCommand('pebble') && findCommand('pebble-challtestsrv')) return
  if (!canInstallPackages()) throw new Error('An ACME server is needed: install pebble (on Debian the package pebble).')
  await installPackages(['pebble'], { log })
}

export class Pebble {
  #children = []
  #folder
  #options
  /**
   * `httpPort`: where it asks hosts; `lifetimeSeconds`: of what it issues; `blocked`: domains that it gives nothing to.
   *
   * @param {{ folder: string, httpPort: number, lifetimeSeconds?: number, blocked?: string[] }} options
   */
  constructor({ folder, ...options }) {
    this.#folder = folder
    this.#options = options
  }

  get directory() {
    return `https://localhost:${this.port}/dir`
  }

  /** PEM file of who vouches for its own server: not for what it issues. */
  get authority() {
    return join(this.#folder, 'ca.crt')
  }

  /** Starts it; or another one at the same place, which knows nothing of the accounts of the one before. */
  async start() {
    mkdirSync(this.#folder, { recursive: true })
    this.port ??= await freePort()
    this.management ??= await freePort()
    this.dns ??= await freePort()
    this.dnsManagement ??= await freePort()
    if (!existsSync(this.authority)) await this.#makeCertificates()
    const { httpPort, lifetimeSeconds = 90 * 24 * 3600, blocked = [] } = this.#options
    const config = {
      listenAddress: `127.0.0.1:${this.port}`,
      managementListenAddress: `127.0.0.1:${this.management}`,
      certificate: join(this.#folder, 'server.crt'),
      privateKey: join(this.#folder, 'server.key'),
      httpPort,
      tlsPort: 1,
      ocspResponderURL: 'http://127.0.0.1:1/ocsp',
      certificateValidityPeriod: lifetimeSeconds,
      domainBlocklist: blocked,
    }
    writeFileSync(join(this.#folder, 'pebble.json'), JSON.stringify({ pebble: config }))
    this.#spawn('pebble-challtestsrv', [
      ...['-dns01', `127.0.0.1:${this.dns}`, '-management', `127.0.0.1:${this.dnsManagement}`],
      ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''],
    ])
    this.#spawn('pebble', ['-config', join(this.#folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${this.dns}`])
    await until('pebble answers', () => this.root(), { deadlineMs: 30_000 })
    await until('its DNS answers', () => this.leadTo('nowhere.invalid', ['127.0.0.1']), { deadlineMs: 30_000 })
    return this
  }

  /** PEM of what vouches for all that it issues. */
  root() {
    const options = { ca: readFileSync(this.authority), timeout: 5000 }
    return new Promise((resolve, reject) => {
      httpsGet(`https://localhost:${this.management}/roots/0`, options, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        answer.once('end', () => resolve(text))
      }).once('error', reject)
    })
  }

  /** Where a name leads, in the place of 127.0.0.1. */
  async leadTo(host, addresses) {
    const { ok, status } = await fetch(`http://127.0.0.1:${this.dnsManagement}/add-a`, {
      method: 'POST',
      body: JSON.stringify({ host: `${host}.`, addresses }),
    })
    if (!ok) throw new Error(`the DNS of pebble answers ${status}`)
    return true
  }

  /** The text of a record, as a program of an operator would set it. */
  get dnsUrl() {
    return `http://127.0.0.1:${this.dnsManagement}`
  }

  log() {
    return readFileSync(join(this.#folder, 'pebble.log'), 'utf8')
  }

  async stop() {
    const children = this.#children.splice(0)
    for (const { child } of children) child.kill('SIGTERM')
    await Promise.all(children.map(({ ended }) => ended))
  }

  #spawn(command, args) {
    const log = openSync(join(this.#folder, `${command}.log`), 'a')
    const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0' }
    const child = spawn(findCommand(command), args, { stdio: ['ignore', log, log], env })
    this.#children.push({ child, ended: new Promise((resolve) => child.once('exit', resolve)) })
  }

  async #makeCertificates() {
    const at = (name) => join(this.#folder, name)
    const make = (name, subject, extensions, more = []) =>
      run('openssl', [
        ...['req', '-x509', ...more, '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '30'],
        ...['-subj', `/CN=${subject}`, ...extensions.flatMap((one) => ['-addext', one])],
        ...['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
      ])
    await make('ca', 'pebble of the lab', ['basicConstraints=critical,CA:TRUE'])
    const issued = ['-CA', at('ca.crt'), '-CAkey', at('ca.key')]
    await make(
      'server',
      'localhost',
      ['subjectAltName=DNS:localhost,IP:127.0.0.1', 'basicConstraints=CA:FALSE'],
      issued,
    )
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
      server.close(() => resolve(port))
    })
  })
}
