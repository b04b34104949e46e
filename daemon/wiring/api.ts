import { setImmediate } from 'node:timers/promises'
import { API_VERSION } from '../../protocol/version.ts'
import { AccessControl } from '../access/access-control.ts'
import type { Gate } from '../access/gate.ts'
import { InvitationControl } from '../access/invitation-control.ts'
import { LabelControl } from '../access/label-control.ts'
import { Origins } from '../access/origin.ts'
import { RightsReader } from '../access/rights.ts'
import { RoleControl } from '../access/role-control.ts'
import { TeamControl } from '../access/team-control.ts'
import type { Config } from '../config.ts'
import { followAccess } from '../http/follow-access.ts'
import { followEvents } from '../http/follow-events.ts'
import { followJob } from '../http/follow-job.ts'
import { followLogs } from '../http/follow-logs.ts'
import { followProgress } from '../http/follow-progress.ts'
import { followStats } from '../http/follow-stats.ts'
import { followWait } from '../http/follow-wait.ts'
import { Listeners } from '../http/listeners.ts'
import { serveAttach } from '../http/serve-attach.ts'
import { serveCopyIn, serveCopyOut } from '../http/serve-copy.ts'
import { serveExec } from '../http/serve-exec.ts'
import { serveLoan } from '../http/serve-loan.ts'
import { createServer } from '../http/server.ts'
import { readTls } from '../http/tls-files.ts'
import { serveUpgrades, type Upgrades } from '../http/upgrades.ts'
import { infoOf } from '../info.ts'
import { JobControl } from '../jobs/job-control.ts'
import { ContainerFiles } from '../reconcile/container-files.ts'
import { HoldControl } from '../reconcile/hold-control.ts'
import { OneOffs } from '../reconcile/one-offs.ts'
import { SecretControl } from '../reconcile/secret-control.ts'
import { StackContainers } from '../reconcile/stack-containers.ts'
import type { StackControl } from '../reconcile/stack-control.ts'
import type { Supervisor } from '../reconcile/supervisor.ts'
import { TrafficControl } from '../reconcile/traffic-control.ts'
import { backUp } from '../storage/backup.ts'
import { ImageGarbage } from '../storage/image-garbage.ts'
import { VolumeControl } from '../storage/volume-control.ts'
import { LogHub } from '../streams/log-hub.ts'
import { StatsHub } from '../streams/stats-hub.ts'
import type { OpenedCore } from './core.ts'
import { openGate } from './gate.ts'
import type { State } from './state.ts'

interface Surroundings extends OpenedCore {
  readonly state: State
  readonly supervisor: Supervisor
  readonly control: StackControl
  readonly version: string
  readonly startedAt: Date
}

export interface OpenedApi {
  readonly gate: Gate
  readonly jobs: JobControl
  /** Takes callers in, from then on. */
  listen(): Promise<void>
  /** Ends what is live: streams and sessions. */
  endStreams(): void
  /** Lets calls that callers wait for end, and takes in no more. */
  close(): Promise<void>
}

/** The API over the use cases: what is asked over HTTP, what is upgraded from it, and who may. */
export async function openApi(config: Config, surroundings: Surroundings): Promise<OpenedApi> {
  const { core, state, control } = surroundings
  const { store, engine, clock } = core
  const jobs = new JobControl(core)
  const volumes = new VolumeControl(core)
  const origins = new Origins()
  const rights = new RightsReader(store)
  const gate = openGate(config, {
    core,
    rights,
    stackOf: {
      deployment: (id) => store.deployments.find(id)?.stack,
      job: (id) => jobs.stackOf(id),
      volume: (name) => volumes.stackOf(name),
    },
  })
  const guard: Guard = {
    admit: ({ socket, headers }, { name, permission }, target) =>
      gate.admit({ origin: origins.of(socket), headers, action: name }, permission, target),
    watch: (caller, { permission }, target, end) => gate.watch(caller, permission, target, end),
    note: (who, what) => gate.note(who, what),
  }
  const ruling = { store, rights, now: () => clock.now(), changed: () => gate.recheck() }
  const { log } = state
  const server = createServer({
    ...guard,
    control,
    jobs,
    volumes,
    containers: new StackContainers(core),
    holds: new HoldControl(core, surroundings.supervisor),
    traffic: new TrafficControl(core),
    contexts: core.contexts,
    bundles: core.bundles,
    files: new ContainerFiles(core),
    oneOffs: new OneOffs(core),
    garbage: new ImageGarbage(core),
    secrets: new SecretControl(store, state.vault, control),
    certificates: surroundings.certificates.control,
    redact: state.redact,
    backup: () => backUp(store, config.state, surroundings.version),
    engine,
    log,
    access: new AccessControl(ruling),
    roles: new RoleControl(ruling),
    teams: new TeamControl(ruling),
    invitations: new InvitationControl(ruling),
    labels: new LabelControl(ruling),
    audit: { find: (query) => store.audit.find(query), verify: () => store.audit.verify(setImmediate) },
    version: surroundings.version,
    apiVersion: API_VERSION,
    info: () => infoOf({ store, engine, config, startedAt: surroundings.startedAt, version: surroundings.version }),
  })
  const upgrades = openUpgrades(guard, jobs, surroundings)
  await server.ready()
  const listeners = new Listeners((request, response) => server.routing(request, response), upgrades, origins)
  return {
    gate,
    jobs,
    listen: () => listen(config, listeners, log),
    endStreams: () => upgrades.close(),
    close: async () => {
      await Promise.all([listeners.close(), server.close()])
    },
  }
}

type Guard = Pick<Parameters<typeof serveUpgrades>[0], 'admit' | 'watch' | 'note'>

function openUpgrades(
  guard: Guard,
  jobs: JobControl,
  { core, state, control, watch, ingress, kept }: Surroundings,
): Upgrades {
  const containers = new StackContainers(core)
  const files = new ContainerFiles(core)
  const hub = new LogHub(core.engine)
  const statsHub = new StatsHub(core.engine)
  const { store, recorder, clock } = core
  return serveUpgrades({
    ...guard,
    log: state.log,
    redact: state.redact,
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
      copyOut: ({ params, socket, caller }) => serveCopyOut(files, params.stack!, socket, caller),
      copyIn: ({ params, socket, caller }) => serveCopyIn(files, params.stack!, socket, caller),
    },
    loans: { sshAgents: ({ socket, frames }) => serveLoan(core.sshLoans, socket, frames) },
  })
}

async function listen(config: Config, listeners: Listeners, log: State['log']): Promise<void> {
  await listeners.socket({
    origin: { kind: 'socket', path: config.socket, role: config.socketRole, name: 'local socket' },
    owner: { user: config.socketOwner, group: config.socketGroup },
  })
  for (const { path, role, group } of config.listenSockets) {
    const owner = { user: config.socketOwner, group }
    await listeners.socket({ origin: { kind: 'socket', path, role, name: `socket ${path}` }, owner })
  }
  if (config.https === undefined) return
  const port = await listeners.tls(readTls(config.https))
  log.info({ host: config.https.host, port }, 'HTTPS is served')
}
