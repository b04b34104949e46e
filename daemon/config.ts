/** Flags, environment and file as one frozen object. A flag wins over the environment, that over the file. */
import { readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ROLE_NAMES, type Role } from '../protocol/access.ts'
import { defaultSocket, defaultState } from '../protocol/default-paths.ts'
import { Problem } from '../protocol/problems.ts'
import { policyRules } from './access/policy-rules.ts'
import { REQUESTS_PER_SECOND } from './access/rate-limits.ts'
import { type AcmeConfig, acmeConfigOf } from './certificates/acme-config.ts'
import type { IngressConfig } from './ingress/open.ts'
import type { PolicyRules } from './stack/policy-rules.ts'
import { HISTORY, type HistoryLimits } from './storage/keep-history.ts'

export interface Config {
  readonly socket: string
  readonly socketOwner: string | undefined
  readonly socketGroup: string | undefined
  /** What whoever may open the socket is. */
  readonly socketRole: Role
  /** Further sockets, each with a role of its own. */
  readonly listenSockets: readonly ListenSocket[]
  /** Where HTTPS is served; undefined: nowhere. */
  readonly https: HttpsConfig | undefined
  readonly policy: Omit<PolicyRules, 'forbiddenPaths' | 'delivery'>
  readonly state: string
  /** Undefined: DOCKER_HOST, then the system's socket. */
  readonly engine: string | undefined
  /** Folders for files of secrets, the first of which that is in memory is taken. */
  readonly secretsFolders: readonly string[]
  readonly logLevel: string
  /** Requests a second of one caller, but those of the owner's socket. */
  readonly requestRate: number
  readonly ingress: IngressConfig
  /** From one look at what services use that scale by themselves to the next. */
  readonly autoscaleMs: number
  readonly acme: AcmeConfig
  /** Touch nothing until told: observe, plan and show alone. */
  readonly hold: boolean
  readonly history: HistoryLimits
}

export interface ListenSocket {
  readonly path: string
  readonly role: Role
  readonly group: string | undefined
}

export interface HttpsConfig {
  readonly host: string
  readonly port: number
  /** Paths of PEM files. */
  readonly certificate: string
  readonly key: string
  /** Undefined: client certificates are not asked for. */
  readonly clientAuthority: string | undefined
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly config: Config }
  /** `file`: a backup, or `-` for standard input. */
  | { readonly kind: 'restore'; readonly config: Config; readonly file: string }
  | { readonly kind: 'rebuild'; readonly config: Config }
  | { readonly kind: 'fill-secrets'; readonly config: Config }

/** Of the series that the tests run (Debian 12). */
const INGRESS_IMAGE = 'haproxy:2.6'

const AUTOSCALE_SECONDS = 15

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const HELP = `Usage: evenkeeld [options]

The Evenkeel daemon: owns container stacks on this machine and keeps them as declared.

Options:
  --socket PATH         Unix socket to listen on           [EVENKEEL_SOCKET]
  --socket-owner USER   user that owns the socket (mode 0660)
  --socket-group GROUP  group that may use the socket: its members control
                        every container of the Engine
  --socket-role ROLE    what callers on the socket are [owner]
  --listen-socket PATH=ROLE[:GROUP]
                        a further socket, whose callers have that role:
                        ${ROLE_NAMES.slice(0, 4).join(', ')},
                        ${ROLE_NAMES.slice(4).join(', ')}
  --listen HOST:PORT    serve HTTPS there, to callers with a token or a client
                        certificate (evenkeel system tls init)
  --tls-cert FILE, --tls-key FILE, --tls-client-ca FILE
                        PEM files [tls/server.crt, tls/server.key and
                        tls/ca.crt in the folder of the state]
  --request-rate N      requests a second that one account may make, 20 times as
                        many at once; of one address, four times that; the
                        owner's socket has no limit        [${REQUESTS_PER_SECOND}]
  --state DIR           folder of the state, mode 0700     [EVENKEEL_STATE]
  --secrets DIR         folder in memory (tmpfs) for files of secrets
                        [/run/evenkeel-secrets, /dev/shm/evenkeel-secrets]
  --engine URL          Docker Engine: unix:///path, tcp://host:port
                                                           [EVENKEEL_ENGINE, DOCKER_HOST]
  --hold                touch nothing until evenkeel resume --all: observe,
                        plan and show alone                [EVENKEEL_HOLD]
  --ingress-image IMAGE image with HAProxy 2.6 or newer, for the container that
                        serves routes and ports of start-first services; none:
                        there is to be no such container [${INGRESS_IMAGE}]
  --ingress-http HOST:PORT
                        where it serves routes by host and path [0.0.0.0:80]
  --autoscale-every N   seconds between looks at what services use that scale by
                        themselves (x-evenkeel.scale)      [${AUTOSCALE_SECONDS}]
  --ingress-https HOST:PORT
                        where it serves those with tls     [0.0.0.0:443]
                                                           [EVENKEEL_INGRESS_HTTPS]
  --acme AUTHORITY      who is asked for certificates: staging or production (both
                        Let's Encrypt; no browser trusts what staging gives), or
                        the URL of a directory [staging]   [EVENKEEL_ACME]
  --acme-terms agreed   you agree to its terms of service: without it, it is
                        asked for nothing                  [EVENKEEL_ACME_TERMS]
  --acme-email ADDRESS  where it writes to                 [EVENKEEL_ACME_EMAIL]
  --acme-ca FILE        PEM of who vouches for its server, where that is not
                        known to all                       [EVENKEEL_ACME_CA]
  --acme-dns-hook FILE  a program that is run with the words set NAME VALUE, then
                        clear NAME VALUE, to prove hosts by TXT records of the
                        DNS in the place of HTTP               [EVENKEEL_ACME_DNS_HOOK]
  --log-level LEVEL     ${LEVELS.join(', ')}
  --keep-events N       events kept, of all stacks         [${HISTORY.events}]
  --keep-event-days N   and for how long                   [${HISTORY.eventDays}]
  --keep-deployments N  deployments kept of each stack     [${HISTORY.deployments}]
  --keep-deployment-days N
                        and for how long                   [${HISTORY.deploymentDays}]
  --keep-log-mib N      MiB of logs of removed containers, of each stack
                                                           [${HISTORY.logMib}]
  --keep-log-days N     and for how long                   [${HISTORY.logDays}]
  --config FILE         the same as YAML: socket, socketOwner, socketGroup,
                        socketRole, listenSockets (a list), listen, tlsCert,
                        tlsKey, tlsClientCa, state, secrets, engine, logLevel,
                        ingressImage, ingressHttp, ingressHttps, acme, acmeTerms,
                        acmeEmail, acmeCa, acmeDnsHook,
                        keepEvents, keepEventDays, keepDeployments,
                        keepDeploymentDays, keepLogMib, keepLogDays, requestRate,
                        autoscaleEvery; and policy (see SECURITY.md)
  --restore FILE        put a backup (evenkeel system backup; - is standard
                        input) in the place of the state, and end
  --rebuild             make a new state in the place of a damaged one, from the
                        labels of the Engine's containers, and end
  --fill-secrets        write the files of secrets, which a boot has emptied, and
                        end: to be run before the Engine starts containers
  --version             print the version
  --help                print this

Defaults for root: /run/evenkeel/evenkeel.sock and /var/lib/evenkeel; for others
the folders of XDG_RUNTIME_DIR and XDG_STATE_HOME.
`

const LIMIT_KEYS = [
  'requestRate',
  'autoscaleEvery',
  'keepEvents',
  'keepEventDays',
  'keepDeployments',
  'keepDeploymentDays',
  'keepLogMib',
  'keepLogDays',
] as const
const PATH_KEYS = ['socket', 'state', 'secrets', 'tlsCert', 'tlsKey', 'tlsClientCa', 'acmeCa', 'acmeDnsHook'] as const
const KEYS = [
  ...PATH_KEYS,
  'socketOwner',
  'socketGroup',
  'socketRole',
  'listen',
  'engine',
  'ingressImage',
  'ingressHttp',
  'ingressHttps',
  'acme',
  'acmeTerms',
  'acmeEmail',
  'logLevel',
  ...LIMIT_KEYS,
] as const
type Key = (typeof KEYS)[number]
type LimitKey = (typeof LIMIT_KEYS)[number]

export async function readConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): Promise<Invocation> {
  const { values } = parse(argv)
  if (values.help === true) return { kind: 'help' }
  if (values.version === true) return { kind: 'version' }
  const { texts: file, policy, listenSockets } = await readFile(values.config)
  const pick = (key: Key, flag: string | undefined, variable?: string): string | undefined =>
    flag ?? (variable === undefined ? undefined : environment[variable] || undefined) ?? file[key]
  const logLevel = pick('logLevel', values['log-level']) ?? 'info'
  if (!LEVELS.includes(logLevel))
    throw new Problem('bad-request', `there is no log level ${logLevel}`, { hint: `one of ${LEVELS.join(', ')}` })
  const limit = (key: LimitKey, flag: string | undefined, fallback: number): number => {
    const value = pick(key, flag)
    return value === undefined ? fallback : limitOf(key, value)
  }
  const state = resolve(pick('state', values.state, 'EVENKEEL_STATE') ?? defaultState(environment, uid))
  const listen = pick('listen', values.listen, 'EVENKEEL_LISTEN')
  const inTls = (name: string) => join(state, 'tls', name)
  const config: Config = Object.freeze({
    socketRole: roleOf(pick('socketRole', values['socket-role']) ?? 'owner'),
    listenSockets: Object.freeze((values['listen-socket'] ?? listenSockets).map(listenSocketOf)),
    https:
      listen === undefined
        ? undefined
        : Object.freeze({
            ...listenAddress(listen),
            certificate: pick('tlsCert', values['tls-cert']) ?? inTls('server.crt'),
            key: pick('tlsKey', values['tls-key']) ?? inTls('server.key'),
            // Own certificates come with an own authority; for those of others it is to be named.
            clientAuthority:
              pick('tlsClientCa', values['tls-client-ca']) ??
              (pick('tlsCert', values['tls-cert']) === undefined ? inTls('ca.crt') : undefined),
          }),
    policy: Object.freeze(policy),
    socket: resolve(pick('socket', values.socket, 'EVENKEEL_SOCKET') ?? defaultSocket(environment, uid)),
    socketOwner: pick('socketOwner', values['socket-owner']),
    socketGroup: pick('socketGroup', values['socket-group']),
    state,
    secretsFolders: Object.freeze(secretsFolders(pick('secrets', values.secrets), environment, uid)),
    engine: pick('engine', values.engine, 'EVENKEEL_ENGINE'),
    logLevel,
    requestRate: limit('requestRate', values['request-rate'], REQUESTS_PER_SECOND),
    autoscaleMs: limit('autoscaleEvery', values['autoscale-every'], AUTOSCALE_SECONDS) * 1000,
    ingress: Object.freeze({
      image: ingressImageOf(pick('ingressImage', values['ingress-image'])),
      http: ingressAddress(pick('ingressHttp', values['ingress-http']) ?? '0.0.0.0:80'),
      https: ingressAddress(pick('ingressHttps', values['ingress-https'], 'EVENKEEL_INGRESS_HTTPS') ?? '0.0.0.0:443'),
    }),
    acme: acmeConfigOf({
      authority: pick('acme', values.acme, 'EVENKEEL_ACME'),
      email: pick('acmeEmail', values['acme-email'], 'EVENKEEL_ACME_EMAIL'),
      terms: pick('acmeTerms', values['acme-terms'], 'EVENKEEL_ACME_TERMS'),
      authorityCertificate: pick('acmeCa', values['acme-ca'], 'EVENKEEL_ACME_CA'),
      dnsHook: pick('acmeDnsHook', values['acme-dns-hook'], 'EVENKEEL_ACME_DNS_HOOK'),
    }),
    hold: values.hold === true || isYes('EVENKEEL_HOLD', environment.EVENKEEL_HOLD),
    history: Object.freeze({
      events: limit('keepEvents', values['keep-events'], HISTORY.events),
      eventDays: limit('keepEventDays', values['keep-event-days'], HISTORY.eventDays),
      deployments: limit('keepDeployments', values['keep-deployments'], HISTORY.deployments),
      deploymentDays: limit('keepDeploymentDays', values['keep-deployment-days'], HISTORY.deploymentDays),
      logMib: limit('keepLogMib', values['keep-log-mib'], HISTORY.logMib),
      logDays: limit('keepLogDays', values['keep-log-days'], HISTORY.logDays),
    }),
  })
  if (values.restore !== undefined && values.rebuild === true)
    throw new Problem('bad-request', '--restore and --rebuild exclude each other', { hint: 'with a backup: --restore' })
  if (values.restore !== undefined) return { kind: 'restore', config, file: values.restore }
  if (values['fill-secrets'] === true) return { kind: 'fill-secrets', config }
  return { kind: values.rebuild === true ? 'rebuild' : 'run', config }
}

/** A whole number from 1 to 100 million: more would be no bound. */
function limitOf(key: LimitKey, text: string): number {
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value >= 1 && value <= 100_000_000) return value
  throw new Problem('bad-request', `${key} is to be a whole number from 1 to 100000000, not ${text}`)
}

/** `/run` is in memory on most machines, `/dev/shm` nearly everywhere. Not below the socket's folder, which a service loses as it ends. */
function secretsFolders(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): string[] {
  if (given !== undefined) return [resolve(given)]
  if (uid === undefined || uid === 0) return ['/run/evenkeel-secrets', '/dev/shm/evenkeel-secrets']
  const runtime = environment.XDG_RUNTIME_DIR || undefined
  return [...(runtime === undefined ? [] : [`${runtime}/evenkeel-secrets`]), `/dev/shm/evenkeel-secrets-${uid}`]
}

function roleOf(text: string): Role {
  const role = ROLE_NAMES.find((name) => name === text)
  if (role !== undefined) return role
  throw new Problem('bad-request', `there is no role ${text}`, { hint: `one of ${ROLE_NAMES.join(', ')}` })
}

/** `PATH=ROLE[:GROUP]`: a path may have a `=`, a role has none. */
function listenSocketOf(text: string): ListenSocket {
  const found = /^(\/.*)=([^=:]+)(?::([^=:]+))?$/.exec(text)
  if (found === null)
    throw new Problem('bad-request', `${text} is no PATH=ROLE[:GROUP]`, {
      hint: 'such as /run/evenkeel/viewer.sock=viewer:staff',
    })
  return { path: found[1]!, role: roleOf(found[2]!), group: found[3] }
}

const ingressImageOf = (image = INGRESS_IMAGE): string | undefined => (image === 'none' ? undefined : image)

function ingressAddress(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const port = Number(found?.[3])
  if (found === null || port < 1 || port > 65_535)
    throw new Problem('bad-request', `${text} is no ADDRESS:PORT for the ingress`, {
      hint: 'such as 0.0.0.0:80 or [::]:80',
    })
  return Object.freeze({ host: (found[1] ?? found[2])!, port })
}

function listenAddress(text: string): { host: string; port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text)
  const port = Number(found?.[3])
  if (found === null || port > 65_535)
    throw new Problem('bad-request', `${text} is no HOST:PORT to listen on`, {
      hint: 'such as 0.0.0.0:7443 or [::]:7443; it is HTTPS, without a word for it',
    })
  return { host: (found[1] ?? found[2])!, port }
}

function isYes(variable: string, value: string | undefined): boolean {
  if (value === undefined || /^(|0|no|false)$/i.test(value)) return false
  if (/^(1|yes|true)$/i.test(value)) return true
  throw new Problem('bad-request', `${variable} is "${value}"`, { hint: 'say true or false' })
}

function parse(argv: readonly string[]) {
  try {
    const text = { type: 'string' } as const
    return parseArgs({
      args: [...argv],
      options: {
        socket: text,
        'socket-owner': text,
        'socket-group': text,
        'socket-role': text,
        'listen-socket': { type: 'string', multiple: true },
        listen: text,
        'tls-cert': text,
        'tls-key': text,
        'tls-client-ca': text,
        state: text,
        secrets: text,
        'fill-secrets': { type: 'boolean' },
        engine: text,
        'ingress-image': text,
        'ingress-http': text,
        'ingress-https': text,
        acme: text,
        'acme-terms': text,
        'acme-email': text,
        'acme-ca': text,
        'acme-dns-hook': text,
        'log-level': text,
        'keep-events': text,
        'keep-event-days': text,
        'keep-deployments': text,
        'keep-deployment-days': text,
        'keep-log-mib': text,
        'keep-log-days': text,
        'request-rate': text,
        'autoscale-every': text,
        restore: text,
        rebuild: { type: 'boolean' },
        config: text,
        hold: { type: 'boolean' },
        version: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Problem('bad-request', error instanceof Error ? error.message.split('\n')[0]! : String(error), {
      hint: 'see evenkeeld --help',
    })
  }
}

interface FileConfig {
  readonly texts: Partial<Record<Key, string>>
  readonly policy: Config['policy']
  readonly listenSockets: readonly string[]
}

async function readFile(path: string | undefined): Promise<FileConfig> {
  if (path === undefined) return { texts: {}, policy: policyRules({}, ''), listenSockets: [] }
  const { policy = {}, listenSockets = [], ...rest } = await readMapping(path)
  if (!Array.isArray(listenSockets) || !listenSockets.every((entry) => typeof entry === 'string'))
    throw new Problem('bad-request', `${path}: listenSockets is to be a list of PATH=ROLE`)
  return { texts: textsOf(rest, path), policy: policyRules(policy, path), listenSockets }
}

async function readMapping(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Problem('bad-request', `the config file ${path} cannot be read: ${(error as Error).message}`)
  }
  const { parse: parseYaml } = await import('yaml')
  let value: unknown
  try {
    value = parseYaml(text) ?? {}
  } catch (cause) {
    throw new Problem(
      'bad-request',
      `the config file ${path} is not valid YAML: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem('bad-request', `the config file ${path} is not a mapping of keys to values`)
  }
  return value as Record<string, unknown>
}

function textsOf(value: Readonly<Record<string, unknown>>, path: string): Partial<Record<Key, string>> {
  for (const [key, entry] of Object.entries(value)) {
    if (!KEYS.includes(key as Key)) {
      throw new Problem('bad-request', `${path}: there is no key ${key}`, {
        hint: `known keys: ${[...KEYS, 'listenSockets', 'policy'].join(', ')}`,
      })
    }
    if (LIMIT_KEYS.includes(key as LimitKey) && typeof entry === 'number') continue
    if (typeof entry !== 'string') throw new Problem('bad-request', `${path}: ${key} is to be text`)
    if (PATH_KEYS.includes(key as (typeof PATH_KEYS)[number]) && !isAbsolute(entry)) {
      throw new Problem('bad-request', `${path}: ${key} is to be an absolute path`)
    }
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)]))
}
