/** The composition root: the one file that makes everything and hands it on. */
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { Channel } from '../protocol/feed.ts'
import { Problem } from '../protocol/problems.ts'
import { API_VERSION } from '../protocol/version.ts'
import { AccessControl } from './access/access-control.ts'
import { Gate } from './access/gate.ts'
import { InvitationControl } from './access/invitation-control.ts'
import { LabelControl } from './access/label-control.ts'
import { Lockouts } from './access/lockouts.ts'
import { Origins } from './access/origin.ts'
import { ACCOUNTS_OF_A_SOURCE, RateLimits, rateOf } from './access/rate-limits.ts'
import { realPath } from './access/real-path.ts'
import { RightsReader } from './access/rights.ts'
import { RoleControl } from './access/role-control.ts'
import { StrangerNotes } from './access/stranger-notes.ts'
import { TeamControl } from './access/team-control.ts'
import { ImageBuilder } from './build/builder.ts'
import { BundleStore } from './build/bundle-store.ts'
import { ContextStore } from './build/context-store.ts'
import { SshLoans } from './build/ssh-loans.ts'
import { CertificateVault } from './certificates/certificate-vault.ts'
import { openCertificates } from './certificates/open.ts'
import { type Config, HELP, type HttpsConfig, readConfig } from './config.ts'
import { engineAddress } from './engine/address.ts'
import { connectEngine } from './engine/connect.ts'
import { knownHoles } from './engine/known-holes.ts'
import type { Engine } from './engine/types.ts'
import { followAccess } from './http/follow-access.ts'
import { followEvents } from './http/follow-events.ts'
import { followJob } from './http/follow-job.ts'
import { followLogs } from './http/follow-logs.ts'
import { followProgress } from './http/follow-progress.ts'
import { followStats } from './http/follow-stats.ts'
import { followWait } from './http/follow-wait.ts'
import { Listeners, type TlsListener } from './http/listeners.ts'
import { serveAttach } from './http/serve-attach.ts'
import { serveCopyIn, serveCopyOut } from './http/serve-copy.ts'
import { serveExec } from './http/serve-exec.ts'
import { serveLoan } from './http/serve-loan.ts'
import { createServer } from './http/server.ts'
import { serveUpgrades } from './http/upgrades.ts'
import { infoOf } from './info.ts'
import { openIngress } from './ingress/open.ts'
import { JobControl } from './jobs/job-control.ts'
import { systemClock } from './reconcile/clock.ts'
import { ContainerFiles } from './reconcile/container-files.ts'
import { ContainerWaiter } from './reconcile/container-waiter.ts'
import type { Core } from './reconcile/core.ts'
import { DesiredReader } from './reconcile/desired-reader.ts'
import { Endings } from './reconcile/endings.ts'
import { EngineWatch } from './reconcile/engine-watch.ts'
import { EventRecorder } from './reconcile/event-recorder.ts'
import { FileStore } from './reconcile/files.ts'
import { HoldControl } from './reconcile/hold-control.ts'
import { ListSettling } from './reconcile/list-settling.ts'
import { Observer } from './reconcile/observer.ts'
import { OneOffs } from './reconcile/one-offs.ts'
import { ProbeWatch } from './reconcile/probe-watch.ts'
import type { ProgressItem } from './reconcile/progress.ts'
import { SecretControl } from './reconcile/secret-control.ts'
import { StackContainers } from './reconcile/stack-containers.ts'
import { StackControl } from './reconcile/stack-control.ts'
import { Supervisor } from './reconcile/supervisor.ts'
import { TrafficControl } from './reconcile/traffic-control.ts'
import { restAfter } from './rest.ts'
import { Autoscaler } from './scaling/autoscaler.ts'
import { secretsKey } from './secrets/key.ts'
import { inMemory, MemoryFolder } from './secrets/memory-folder.ts'
import { Redactor } from './secrets/redactor.ts'
import { Vault } from './secrets/vault.ts'
import { tellServiceManager } from './service-manager.ts'
import { ModelPolicy } from './stack/model-policy.ts'
import { backUp, emptyBackupFolder } from './storage/backup.ts'
import { ImageGarbage } from './storage/image-garbage.ts'
import { keepHistory } from './storage/keep-history.ts'
import { VolumeControl } from './storage/volume-control.ts'
import { sweepHelpers } from './storage/volume-helper.ts'
import { openStore, type Store } from './store/store.ts'
import { KeptLogs } from './streams/kept-logs.ts'
import { LogHub } from './streams/log-hub.ts'
import { StatsHub } from './streams/stats-hub.ts'

declare const EVENKEEL_VERSION: string

/** Calls that callers wait for get this long to end when the daemon does. */
const CLOSE_MS = 5000

/** How late what runs out may be noticed in what is live. What is revoked is noticed at once. */
const RECHECK_MS = 1000

async function main(): Promise<void> {
  const invocation = await readConfig(process.argv.slice(2), process.env, process.getuid?.())
  if (invocation.kind === 'help') process.stdout.write(HELP)
  else if (invocation.kind === 'version') process.stdout.write(`evenkeeld ${EVENKEEL_VERSION}\n`)
  else if (invocation.kind === 'restore') await restoreState(invocation.config, invocation.file)
  else if (invocation.kind === 'rebuild') await rebuildState(invocation.config)
  else if (invocation.kind === 'fill-secrets') fillSecrets(invocation.config)
  else if (invocation.kind === 'run') await run(invocation.config)
}

async function restoreState(config: Config, file: string): Promise<void> {
  const { restore, restoreReport } = await import('./storage/restore.ts')
  process.stdout.write(restoreReport(await restore(config.state, file, systemClock.now())))
}

async function rebuildState(config: Config): Promise<void> {
  const { rebuild, rebuildReport } = await import('./storage/rebuild.ts')
  const engine = connectEngine(engineAddress(config.engine, process.env))
  try {
    process.stdout.write(rebuildReport(await rebuild(config.state, engine, systemClock.now())))
  } finally {
    await engine.close()
  }
}

function fillSecrets(config: Config): void {
  const store = openStore(config.state)
  try {
    process.stdout.write(`Wrote ${vaultOf(config, store, new Redactor()).fill()} secret(s).\n`)
  } finally {
    store.close()
  }
}

/** Read, or made, when first needed. */
function secretsKeyOf(config: Config): () => Buffer {
  let key: Buffer | undefined
  return () => {
    key ??= secretsKey(config.state, process.env)
    return key
  }
}

function vaultOf(config: Config, store: Store, redactor: Redactor, key = secretsKeyOf(config)): Vault {
  let files: MemoryFolder | undefined
  return new Vault({
    store,
    redactor,
    key,
    files: () => {
      const root = files === undefined ? inMemory(config.secretsFolders) : undefined
      if (root !== undefined) files = new MemoryFolder(root, store.instance)
      return files
    },
    now: () => systemClock.now(),
  })
}

async function run(config: Config): Promise<void> {
  const redactor = new Redactor()
  const { redact } = redactor
  const out = { write: (line: string) => process.stdout.write(redact(line)) }
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, out)
  const startedAt = new Date()
  const store = openStore(config.state, redact)
  const key = secretsKeyOf(config)
  const vault = vaultOf(config, store, redactor, key)
  try {
    vault.fill()
  } catch (err) {
    log.error({ err }, 'not all secrets are there for containers')
  }
  if (config.hold)
    store.transaction(() =>
      store.holds.add({ stack: undefined, since: startedAt.toISOString(), by: 'evenkeeld --hold' }),
    )
  await emptyBackupFolder(config.state)
  const clock = systemClock
  const engine = connectEngine(engineAddress(config.engine, process.env))
  const watch = new EngineWatch({ engine, store, clock, log })
  const contexts = new ContextStore(config.state)
  const bundles = new BundleStore(config.state, contexts)
  const recorder = new EventRecorder(store.events)
  const settling = new ListSettling(engine)
  const kept = new KeptLogs({
    folder: config.state,
    engine,
    limits: { bytes: config.history.logMib * 1024 ** 2, days: config.history.logDays },
    now: () => clock.now(),
    log,
  })
  const certificateVault = new CertificateVault({ store, key, now: () => clock.now(), log })
  const ingress = openIngress({
    config: config.ingress,
    engine,
    store,
    state: config.state,
    uid: process.getuid?.(),
    certificateOf: (host) => certificateVault.pemOf(host),
    clock,
    log,
  })
  const certificates = openCertificates({
    config: config.acme,
    vault: certificateVault,
    store,
    ingress: ingress.https,
    clock,
    log,
  })
  const probes = new ProbeWatch({ engine, clock, ingress, recorder, log })
  const core: Core = {
    ingress,
    probes,
    engine,
    store,
    clock,
    contexts,
    bundles,
    secrets: vault,
    recorder,
    log,
    settling,
    files: new FileStore(config.state),
    builder: new ImageBuilder(engine, contexts),
    waiter: new ContainerWaiter(engine, watch, clock),
    logs: kept,
    observer: new Observer(engine, store, settling, setImmediate),
    desired: new DesiredReader(store, ingress.reach),
    endings: new Endings(store, clock),
    progress: new Channel<ProgressItem>(),
    credentials: new Map(),
    sshLoans: new SshLoans(),
    underWay: new Map(),
    frozen: new Set(),
  }
  restAfter(core.progress, globalThis.gc)
  const supervisor = new Supervisor(core, watch)
  const control = new StackControl(core, supervisor)
  const jobs = new JobControl(core)
  const containers = new StackContainers(core)
  const hub = new LogHub(engine)
  const statsHub = new StatsHub(engine)
  const holds = new HoldControl(core, supervisor)
  const volumes = new VolumeControl(core)
  const origins = new Origins()
  const now = () => clock.now()
  const rights = new RightsReader(store)
  const gate = new Gate({
    store,
    rights,
    now,
    lockouts: new Lockouts(),
    rates: {
      account: new RateLimits(rateOf(config.requestRate)),
      source: new RateLimits(rateOf(config.requestRate * ACCOUNTS_OF_A_SOURCE)),
    },
    strangers: new StrangerNotes(),
    policy: new ModelPolicy(
      {
        ...config.policy,
        forbiddenPaths: forbiddenPaths(config, engine.address),
        delivery: [core.files.folder, bundles.folder, ...config.secretsFolders],
      },
      realPath,
    ),
    stackOf: {
      deployment: (id) => store.deployments.find(id)?.stack,
      job: (id) => jobs.stackOf(id),
      volume: (name) => volumes.stackOf(name),
    },
  })
  const files = new ContainerFiles(engine)
  const ruling = { store, rights, now, changed: () => gate.recheck() }
  const admit: Parameters<typeof createServer>[0]['admit'] = ({ socket, headers }, { name, permission }, target) =>
    gate.admit({ origin: origins.of(socket), headers, action: name }, permission, target)
  const watchRights: Parameters<typeof serveUpgrades>[0]['watch'] = (caller, { permission }, target, end) =>
    gate.watch(caller, permission, target, end)
  const note: Gate['note'] = (who, what) => gate.note(who, what)
  const server = createServer({
    control,
    jobs,
    containers,
    holds,
    traffic: new TrafficControl(core),
    contexts,
    bundles,
    files,
    oneOffs: new OneOffs(core),
    volumes,
    garbage: new ImageGarbage(core),
    secrets: new SecretControl(store, vault, control),
    certificates: certificates.control,
    redact,
    backup: () => backUp(store, config.state, EVENKEEL_VERSION),
    engine,
    log,
    admit,
    note,
    watch: watchRights,
    access: new AccessControl(ruling),
    roles: new RoleControl(ruling),
    teams: new TeamControl(ruling),
    invitations: new InvitationControl(ruling),
    labels: new LabelControl(ruling),
    audit: { find: (query) => store.audit.find(query), verify: () => store.audit.verify(setImmediate) },
    version: EVENKEEL_VERSION,
    apiVersion: API_VERSION,
    info: () => infoOf({ store, engine, config, startedAt, version: EVENKEEL_VERSION }),
  })
  const upgrades = serveUpgrades({
    admit,
    note,
    watch: watchRights,
    log,
    redact,
    streams: {
      progress: ({ params, socket }) =>
        followProgress(params.id!, (id) => control.deployment(id), core.progress, socket),
      jobProgress: ({ params, query, socket }) => followJob(jobs.find(params.id!), query, socket),
      events: ({ query, socket, caller }) =>
        followEvents(query, store.events, recorder.events, clock.now(), socket, (stack) => caller.may('read', stack)),
      access: ({ params, query, socket }) => followAccess(core, ingress.access, params.stack!, query, socket),
      stats: ({ params, query, socket }) =>
        followStats(core, containers, { watch, hub: statsHub }, params.stack!, query, socket),
      wait: ({ params, query, socket }) => followWait(core, containers, params.stack!, query, socket),
      logs: ({ params, query, socket }) => followLogs(core, { watch, hub, kept }, params.stack!, query, socket),
    },
    sessions: {
      exec: ({ params, socket, caller }) => serveExec(core, params.stack!, socket, caller),
      attach: ({ params, socket, caller }) => serveAttach(core, params.stack!, socket, caller),
      copyOut: ({ params, socket, caller }) =>
        serveCopyOut(files, { stack: params.stack!, container: params.container! }, socket, caller),
      copyIn: ({ params, socket, caller }) =>
        serveCopyIn(files, { stack: params.stack!, container: params.container! }, socket, caller),
    },
    loans: { sshAgents: ({ socket, frames }) => serveLoan(core.sshLoans, socket, frames) },
  })
  await server.ready()
  const listeners = new Listeners((request, response) => server.routing(request, response), upgrades, origins)
  await listeners.socket({
    origin: { kind: 'socket', path: config.socket, role: config.socketRole, name: 'local socket' },
    owner: { user: config.socketOwner, group: config.socketGroup },
  })
  for (const { path, role, group } of config.listenSockets) {
    const owner = { user: config.socketOwner, group }
    await listeners.socket({ origin: { kind: 'socket', path, role, name: `socket ${path}` }, owner })
  }
  if (config.https !== undefined) {
    const port = await listeners.tls(readTls(config.https))
    log.info({ host: config.https.host, port }, 'HTTPS is served')
  }

  const stop = new AbortController()
  const rechecking = setInterval(() => gate.recheck(), RECHECK_MS).unref()
  const watching = watch.run(stop.signal)
  supervisor.start()
  const keeping = keepHistory({ store, contexts, bundles, clock, log }, config.history, stop.signal)
  const isRemembered = (stack: string) =>
    store.stacks.find(stack) !== undefined || store.deployments.stacks().includes(stack)
  const autoscaler = new Autoscaler({
    ingress,
    engine,
    store,
    clock,
    recorder,
    log,
    everyMs: config.autoscaleMs,
    scale: (stack, request, caller) => control.scale(stack, request, caller),
  })
  const scaling = autoscaler.run(stop.signal)
  const keepingLogs = kept.keepWithinLimits(isRemembered, clock, stop.signal)
  // Upon each connection: a helper that a killed daemon left is seen as soon as the Engine is.
  watch.states.subscribe((state) => {
    if (state === 'connected') warnOfHoles(engine, log)
    if (state === 'connected')
      sweepHelpers(engine, store.instance, startedAt).catch((err) =>
        log.warn({ err }, 'helpers of volumes stay for now'),
      )
  })
  ingress.follow(watch)
  const keepingCertificates = certificates.keep(stop.signal)
  await tellServiceManager('READY=1', process.env, log)
  log.info(
    { socket: config.socket, state: config.state, engine: engine.address },
    `evenkeeld ${EVENKEEL_VERSION} is ready`,
  )
  for (const { stack, since } of store.holds.all())
    log.warn({ stack, since }, `${stack ?? 'the whole daemon'} is held: nothing of it is touched until it is resumed`)

  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => resolve(name))
  })
  log.info({ signal }, 'ending; stacks go on running')
  const told = tellServiceManager('STOPPING=1', process.env, log)
  setTimeout(() => process.exit(1), CLOSE_MS).unref()
  clearInterval(rechecking)
  upgrades.close()
  stop.abort()
  probes.stop()
  const closing = [listeners.close(), server.close()]
  await Promise.all([
    supervisor.stop(),
    jobs.stop(),
    watching,
    keeping,
    keepingLogs,
    scaling,
    keepingCertificates,
    told,
    ...closing,
  ])
  recorder.flush()
  await engine.close()
  store.close()
}

/** Once for each connection: an Engine that comes back may be another one. */
function warnOfHoles(engine: Engine, log: Logger): void {
  engine.version().then(
    ({ version, runc }) => {
      for (const hole of knownHoles({ Engine: version, runc })) log.warn(hole)
    },
    (err) => log.warn({ err }, 'which version the Engine has is not known'),
  )
}

/** Who reaches these has the Engine or the daemon, and with either of them the host. */
function forbiddenPaths(config: Config, engineAddress: string): string[] {
  const engineSocket = engineAddress.startsWith('unix://') ? [engineAddress.slice('unix://'.length)] : []
  return [
    ...new Set([
      '/var/run/docker.sock',
      '/run/containerd/containerd.sock',
      ...engineSocket,
      config.socket,
      ...config.listenSockets.map(({ path }) => path),
      config.state,
      ...config.secretsFolders,
    ]),
  ]
}

function readTls({ host, port, certificate, key, clientAuthority }: HttpsConfig): TlsListener {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw new Problem('bad-request', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, {
        hint: 'make an authority and certificates: evenkeel system tls init',
        cause: error,
      })
    }
  }
  return {
    host,
    port,
    certificate: read(certificate),
    key: read(key),
    clientAuthority: clientAuthority === undefined ? undefined : read(clientAuthority),
  }
}

main().catch((error: unknown) => {
  const problem = error instanceof Problem ? error : undefined
  process.stderr.write(`evenkeeld: ${problem?.message ?? (error instanceof Error ? error.stack : String(error))}\n`)
  if (problem?.hint !== undefined) process.stderr.write(`  ${problem.hint}\n`)
  process.exit(1)
})
