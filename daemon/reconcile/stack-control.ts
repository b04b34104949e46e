/** The use cases: a request is checked, written down, and its stack's loop woken. */
import { createHash, randomUUID } from 'node:crypto'
import { serviceOfContext } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { Container, DriftField } from '../../protocol/resources/container.ts'
import type { Accepted, Deployment, DeploymentKind } from '../../protocol/resources/deployment.ts'
import type { ResolvedName } from '../../protocol/resources/name.ts'
import type { KillOptions, PauseOptions, RemoveOptions } from '../../protocol/resources/operations.ts'
import type { Plan } from '../../protocol/resources/plan.ts'
import type { Revision } from '../../protocol/resources/revision.ts'
import {
  type AdoptRequest,
  type DownOptions,
  type RollbackRequest,
  type ScaleRequest,
  type ServicesRequest,
  type Stack,
  type StackSummary,
  UpOptions,
  type UpRequest,
} from '../../protocol/resources/stack.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ContainerSummary } from '../engine/types.ts'
import { effectiveModel } from '../stack/effective-model.ts'
import { canonical } from '../stack/explain.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import { defined } from '../stack/mapping/resources.ts'
import type { FileRef, RevisionRow } from '../store/revisions.ts'
import { decideAdoption, mustBeAdoptable } from './adopt.ts'
import { applyRequest, type StackState } from './apply-request.ts'
import type { Caller, ContainerDetail, Control } from './control.ts'
import type { Core } from './core.ts'
import { crashLoops } from './crash-loops.ts'
import { deadline } from './deadline.ts'
import { definitionLost } from './desired-reader.ts'
import { driftOf } from './drift.ts'
import { mustNotBeHeld } from './held.ts'
import { namesOf } from './names.ts'
import { previewDrift, previewRequest } from './plan-preview.ts'
import { toAuth } from './registry-auth.ts'
import { type ChangeRequest, isWholeStack, type StackRequest } from './requests.ts'
import { prepareRollback, rollbackCandidate } from './rollback.ts'
import { secretsOf } from './secret-control.ts'
import { isEnding, isStopSignal } from './stop-signals.ts'
import type { Supervisor } from './supervisor.ts'
import { containerOf, mustFind, revisionOfRow, stackOfRow, summaryOf } from './views.ts'
import { mustBeWithinPolicy } from './within-policy.ts'

export class StackControl implements Control {
  readonly #core: Core
  readonly #supervisor: Supervisor

  constructor(core: Core, supervisor: Supervisor) {
    this.#core = core
    this.#supervisor = supervisor
  }

  async up(stack: string, request: UpRequest, caller: Caller): Promise<Accepted> {
    mustNotBeHeld(this.#core.store, stack)
    await this.#mayTake(stack, request)
    const { store } = this.#core
    const agents = this.#core.sshLoans.agentsOf(request.ssh)
    const files = [...request.files.map((file) => this.#core.files.put(file)), ...(await this.#placed(request.bundles))]
    for (const id of Object.values(request.contexts)) {
      if (!(await this.#core.contexts.has(id))) {
        throw new Problem('bad-request', 'a build context of this request was not uploaded', {
          hint: 'upload it first: PUT /v1/contexts/:id',
        })
      }
    }
    const model = await this.#checked(stack, request, files, caller)
    const { revision, accepted, stored, known } = store.transaction(() => {
      // Once more: a hold may have come while the request was read.
      mustNotBeHeld(store, stack)
      const candidate = this.#candidate(stack, { ...request, files, model, author: caller.name })
      const known = store.revisions.find(stack, candidate.number) !== undefined
      if (!known) store.revisions.add(candidate)
      const stored: ChangeRequest = {
        kind: 'up',
        revision: candidate.number,
        options: request.options,
        disabled: request.disabledServices,
      }
      // Refused now rather than later: a service that the file does not have.
      applyRequest(stack, this.#state(stack), stored, () => candidate.model, this.#now())
      const kind = request.options.start === 'start' ? 'up' : 'create'
      return {
        revision: candidate.number,
        accepted: this.#queue(stack, kind, stored, candidate.number, caller),
        stored,
        known,
      }
    })
    if (Object.keys(request.registryAuth).length > 0 || request.ssh !== undefined) {
      this.#core.credentials.set(accepted, { registryAuth: toAuth(request.registryAuth), agents })
    }
    this.#supervisor.requested(stack, accepted, stored)
    return { deployment: accepted, revision, changed: !known }
  }

  async plan(stack: string, request: UpRequest, caller: Caller): Promise<Plan> {
    await this.#mayTake(stack, request)
    const files = [...request.files.map((file) => this.#core.files.refOf(file)), ...bundleRefs(request.bundles)]
    const model = await this.#checked(stack, request, files, caller)
    const candidate = this.#candidate(stack, { ...request, files, model, author: '' })
    const stored = {
      kind: 'up' as const,
      revision: candidate.number,
      options: request.options,
      disabled: request.disabledServices,
    }
    return previewRequest(this.#core, this.#state(stack), stored, candidate, deadline())
  }

  drift(stack: string): Promise<Plan> {
    return previewDrift(this.#core, stack, deadline())
  }

  async down(stack: string, options: DownOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'down', options }, caller)
  }

  async start(stack: string, options: ServicesRequest, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'start', options }, caller)
  }

  async stop(stack: string, options: ServicesRequest, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'stop', options }, caller)
  }

  async restart(
    stack: string,
    options: ServicesRequest,
    caller: Caller,
    anew: readonly string[] = [],
  ): Promise<Accepted> {
    return this.#accept(stack, { kind: 'restart', options, ...(anew.length === 0 ? {} : { anew }) }, caller)
  }

  async scale(stack: string, options: ScaleRequest, caller: Caller): Promise<Accepted> {
    // More of what the caller could not have declared is refused as well.
    if (caller.policy !== undefined) {
      for (const part of this.#declaredParts(stack))
        await mustBeWithinPolicy(caller, part, this.#core.engine, deadline())
    }
    return this.#accept(stack, { kind: 'scale', options }, caller)
  }

  async rollback(stack: string, request: RollbackRequest, caller: Caller): Promise<Accepted> {
    const { store } = this.#core
    mustNotBeHeld(store, stack)
    const signal = deadline()
    const { to, pins, options } = await prepareRollback(this.#core, stack, request, signal)
    // What an administrator declared once is not for everybody to bring back.
    await mustBeWithinPolicy(caller, to, this.#core.engine, signal)
    const { deployment, stored, changed } = store.transaction(() => {
      // What came while the images were looked for.
      mustNotBeHeld(store, stack)
      const candidate = rollbackCandidate(this.#core, to, request.note, caller.name)
      const changed = candidate !== to
      if (changed) {
        store.revisions.add(candidate)
        for (const pin of pins) store.revisions.pin(stack, candidate.number, pin)
      }
      const stored = this.#rollbackRequest(stack, candidate, options)
      return { deployment: this.#queue(stack, 'rollback', stored, candidate.number, caller), stored, changed }
    })
    this.#supervisor.requested(stack, deployment, stored)
    return { deployment, revision: stored.revision, changed }
  }

  async planRollback(stack: string, request: RollbackRequest, caller: Caller): Promise<Plan> {
    const signal = deadline()
    const { to, pins, options } = await prepareRollback(this.#core, stack, request, signal)
    await mustBeWithinPolicy(caller, to, this.#core.engine, signal)
    const candidate = rollbackCandidate(this.#core, to, request.note, '')
    const stored = this.#rollbackRequest(stack, candidate, options)
    return previewRequest(this.#core, this.#state(stack), stored, candidate, signal, { pins })
  }

  #rollbackRequest(stack: string, { number }: RevisionRow, options: UpOptions) {
    const disabled = this.#core.store.stacks.find(stack)?.disabled ?? []
    return { kind: 'up' as const, revision: number, options, disabled, images: 'pinned' as const }
  }

  async kill(stack: string, options: KillOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'kill', options, stops: await this.#stoppedBy(stack, options) }, caller)
  }

  async pause(stack: string, options: PauseOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'pause', options }, caller)
  }

  async unpause(stack: string, options: PauseOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'unpause', options }, caller)
  }

  async remove(stack: string, options: RemoveOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'remove', options }, caller)
  }

  async adopt(stack: string, request: AdoptRequest, caller: Caller): Promise<Accepted> {
    const { store } = this.#core
    mustNotBeHeld(store, stack)
    await this.#mayAdopt(stack, request)
    const files = request.files.map((file) => this.#core.files.put(file))
    const candidate = await this.#adoptionCandidate(stack, request, files, caller)
    const stored: StackRequest = { kind: 'adopt', revision: candidate.number, disabled: request.disabledServices }
    const known = store.revisions.find(stack, candidate.number) !== undefined
    const deployment = store.transaction(() => {
      mustNotBeHeld(store, stack)
      if (!known) store.revisions.add(candidate)
      return this.#queue(stack, 'adopt', stored, candidate.number, caller)
    })
    this.#supervisor.requested(stack, deployment, stored)
    return { deployment, revision: candidate.number, changed: !known }
  }

  async planAdopted(stack: string, request: AdoptRequest, caller: Caller): Promise<Plan> {
    await this.#mayAdopt(stack, request)
    const files = request.files.map((file) => this.#core.files.refOf(file))
    const candidate = await this.#adoptionCandidate(stack, request, files, { ...caller, name: '' })
    const signal = deadline()
    const adoption = await decideAdoption(this.#core, candidate, request.disabledServices, signal)
    const up = {
      kind: 'up' as const,
      revision: candidate.number,
      options: UpOptions.parse({}),
      disabled: request.disabledServices,
    }
    return previewRequest(this.#core, adoption.state, up, candidate, signal, { adopted: adoption.adopted })
  }

  async eject(stack: string, caller: Caller): Promise<Accepted> {
    const { store } = this.#core
    const { revision } = this.#row(stack)
    const stored: StackRequest = { kind: 'eject' }
    const deployment = store.transaction(() => this.#queue(stack, 'eject', stored, revision, caller))
    this.#supervisor.requested(stack, deployment, stored)
    return { deployment, changed: true }
  }

  model(stack: string): Model {
    const { store } = this.#core
    const { revision } = this.#row(stack)
    return effectiveModel(
      revision,
      store.stacks.services(stack),
      (number) => store.revisions.find(stack, number)!.model,
    )
  }

  async stacks(): Promise<StackSummary[]> {
    const { store } = this.#core
    const containers = await this.#ours()
    const crashing = await crashLoops(this.#core, containers ?? [], deadline(), 'alone')
    return store.stacks
      .all()
      .filter((row) => row.presence === 'present' || row.condition !== 'absent')
      .map((row) => summaryOf(store, row, containers, crashing))
  }

  async stack(stack: string): Promise<Stack> {
    const { store } = this.#core
    const row = this.#row(stack)
    const containers = await this.#ours(stack)
    return stackOfRow(store, row, containers, await crashLoops(this.#core, containers ?? [], deadline(), 'alone'))
  }

  async containers(stack: string, { drift, lastLines }: ContainerDetail): Promise<Container[]> {
    const { store, observer } = this.#core
    const signal = deadline()
    const services = new Set(store.stacks.services(stack).map((state) => state.service))
    const adopted = new Map(store.adopted.of(stack).map((one) => [one.id, one]))
    const summaries = await observer.containers(stack, signal)
    if (summaries.length === 0) this.#row(stack)
    const [drifted, crashing] = await Promise.all([
      drift === 'show' ? driftOf(this.#core, stack, summaries, signal) : NO_DRIFT,
      crashLoops(this.#core, summaries, signal, lastLines === 'show' ? 'with last lines' : 'alone'),
    ])
    return summaries
      .map((summary) => ({
        ...containerOf(summary, stack, { instance: store.instance, services, adopted }),
        ...defined({ drift: drifted.get(summary.Id), crashLoop: crashing.get(summary.Id) }),
      }))
      .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : a.replica - b.replica))
  }

  names(stack: string): Promise<ResolvedName[]> {
    return namesOf(this.#core, stack)
  }

  revisions(stack: string, limit: number): Revision[] {
    const { store } = this.#core
    const rows = store.revisions.list(stack, limit)
    // One that was ejected has a history still.
    const current = store.stacks.find(stack)?.revision ?? (rows.length > 0 ? 0 : this.#row(stack).revision)
    return rows.map((row) => revisionOfRow(store, row, current, 'summary'))
  }

  revision(stack: string, number: number): Revision {
    const { store } = this.#core
    const current = store.stacks.find(stack)?.revision ?? 0
    const row = mustFind(
      store.revisions.find(stack, number),
      'revision-not-found',
      `stack ${stack} has no revision ${number}`,
      `see: evenkeel history ${stack}`,
    )
    return revisionOfRow(store, row, current, 'model')
  }

  deployments(stack: string, limit: number): Deployment[] {
    for (const progress of this.#core.underWay.values()) progress.flush()
    return this.#core.store.deployments.list(stack, limit)
  }

  deployment(id: string): Deployment {
    this.#core.underWay.get(id)?.flush()
    return mustFind(this.#core.store.deployments.find(id), 'deployment-not-found', `there is no deployment ${id}`)
  }

  async deploymentWithin(id: string, waitMs: number): Promise<Deployment> {
    let ended = (): void => {}
    const end = new Promise<void>((resolve) => {
      ended = resolve
    })
    const unsubscribe = this.#core.progress.subscribe((item) => {
      if (item.deployment === id && item.type === 'ended') ended()
    })
    const timer = setTimeout(ended, waitMs)
    try {
      const now = this.deployment(id)
      if (now.state !== 'queued' && now.state !== 'running') return now
      await end
      return this.deployment(id)
    } finally {
      clearTimeout(timer)
      unsubscribe()
    }
  }

  /** Services that this signal is meant to stop: by its name, or because it is their own stop signal. */
  async #stoppedBy(stack: string, { signal, services }: KillOptions): Promise<string[] | 'all'> {
    // A request that waits before this one may bring services that nobody can look at yet.
    if (isEnding(signal)) return 'all'
    const { store, engine, observer } = this.#core
    const known = store.stacks.services(stack).map((state) => state.service)
    const meant = services.length === 0 ? known : known.filter((service) => services.includes(service))
    if (meant.length === 0) return meant
    const until = deadline()
    const running = (await observer.containers(stack, until)).filter(({ State }) => State === 'running')
    const stopped = await Promise.all(
      meant.map(async (service) => {
        const one = running.find(({ Labels }) => Labels[COMPOSE.service] === service)
        if (one === undefined) return []
        return isStopSignal(signal, await engine.containers.inspect(one.Id, { signal: until })) ? [service] : []
      }),
    )
    return stopped.flat()
  }

  #row(stack: string) {
    return mustFind(
      this.#core.store.stacks.find(stack),
      'stack-not-found',
      `there is no stack ${stack}`,
      'see: evenkeel ls',
    )
  }

  #state(stack: string): StackState | undefined {
    const { store } = this.#core
    const row = store.stacks.find(stack)
    return row === undefined ? undefined : { stack: row, services: store.stacks.services(stack) }
  }

  /** Undefined where the Engine does not answer: what we know ourselves is still worth showing. */
  async #ours(stack?: string): Promise<ContainerSummary[] | undefined> {
    const { engine, observer } = this.#core
    const signal = deadline()
    // By Compose's label: adopted containers have none of ours.
    const label = [COMPOSE.project]
    try {
      return await (stack === undefined
        ? engine.containers.list({ all: true, filters: { label } }, { signal })
        : observer.containers(stack, signal))
    } catch (error) {
      if (error instanceof Problem && error.code === 'engine-unreachable') return undefined
      throw error
    }
  }

  #mayAdopt(stack: string, request: AdoptRequest): Promise<void> {
    if (request.model.name !== stack) {
      throw new Problem('bad-request', `the model is named ${request.model.name}, not ${stack}`)
    }
    const services = new Set(Object.keys(request.model.services))
    return mustBeAdoptable(this.#core, stack, services, request.takeOver ? 'take' : 'refuse', deadline())
  }

  async #adoptionCandidate(
    stack: string,
    request: AdoptRequest,
    files: readonly FileRef[],
    caller: Caller,
  ): Promise<RevisionRow> {
    const model = await this.#checked(stack, { ...request, contexts: {} }, files, caller)
    return this.#candidate(stack, { ...request, contexts: {}, files, model, author: caller.name })
  }

  /** Each revision that a service is at, with the services that are. */
  #declaredParts(stack: string): Pick<RevisionRow, 'model' | 'files'>[] {
    const { store } = this.#core
    this.#row(stack)
    const states = store.stacks.services(stack)
    return [...new Set(states.map(({ revision }) => revision))].flatMap((number) => {
      const row = store.revisions.find(stack, number)
      if (row === undefined) return []
      const own = states.filter(({ revision }) => revision === number).map(({ service }) => service)
      const services = Object.entries(row.model.services).filter(([name]) => own.includes(name))
      return [{ model: { ...row.model, services: Object.fromEntries(services) }, files: row.files }]
    })
  }

  /** Bound files that the client sent, where containers can mount them. */
  async #placed(sent: UpRequest['bundles']): Promise<FileRef[]> {
    const { engine, bundles } = this.#core
    if (Object.keys(sent).length > 0 && !engine.address.startsWith('unix:')) {
      throw new Problem('unsupported', 'files of a client are bound only where the daemon runs beside its Engine', {
        hint: 'use configs or a volume instead of relative bind mounts',
      })
    }
    for (const bundle of Object.values(sent)) await bundles.place(bundle)
    return bundleRefs(sent)
  }

  /** A name that another folder, machine or tool uses is not silently taken over. */
  async #mayTake(stack: string, request: UpRequest): Promise<void> {
    if (request.model.name !== stack) {
      throw new Problem('bad-request', `the model is named ${request.model.name}, not ${stack}`)
    }
    if (request.options.takeOver) return
    const { store, observer } = this.#core
    const row = store.stacks.find(stack)
    if (row?.presence === 'present') {
      const known = store.revisions.find(stack, row.revision)?.source
      if (known === undefined) return
      const { workingDir, host } = request.source
      if (known.workingDir === workingDir && known.host === host) return
      throw new Problem('stack-owned-elsewhere', `stack ${stack} is in use from ${known.workingDir} on ${known.host}`, {
        hint: 'give yours another name (-p NAME), or take this one over with --take-over',
      })
    }
    const foreign = (await observer.containers(stack, deadline())).filter(
      (container) =>
        container.Labels[OURS.instance] !== store.instance &&
        request.model.services[container.Labels[COMPOSE.service] ?? ''] !== undefined,
    )
    if (foreign.length === 0) return
    throw new Problem(
      'stack-owned-elsewhere',
      `project ${stack} has ${foreign.length} container(s) that another tool made`,
      {
        hint: 'give yours another name (-p NAME), or replace them with --take-over',
      },
    )
  }

  /** The model, checked, and within what the caller may ask for. The language is loaded when first needed. */
  async #checked(
    stack: string,
    request: Pick<UpRequest, 'model' | 'source' | 'contexts'>,
    files: readonly FileRef[],
    caller: Caller,
  ): Promise<CheckedModel> {
    const checked = await this.#read(stack, request, files)
    await mustBeWithinPolicy(caller, { model: checked.model, files }, this.#core.engine, deadline())
    this.#core.secrets.mustHave(stack, secretsOf(checked.model))
    return checked
  }

  /** One that is declared already was checked then. */
  async #read(
    stack: string,
    request: Pick<UpRequest, 'model' | 'source' | 'contexts'>,
    files: readonly FileRef[],
  ): Promise<CheckedModel> {
    const latest = this.#core.store.revisions.find(stack, this.#core.store.revisions.latestNumber(stack))
    const contexts = contextsOf(request.contexts, request.model, latest)
    const digest = createHash('sha256')
      .update(canonical({ model: request.model, files, contexts, source: request.source }))
      .digest('hex')
    const current = this.#current(stack)
    if (current?.digest === digest) return { digest, model: current.model }
    const { checkModel } = await import('./check-model.ts')
    return { digest, model: checkModel(request.model, request.source.workingDir) }
  }

  /** The present revision where it says the same, else the next one. */
  #candidate(
    stack: string,
    request: Pick<UpRequest, 'note' | 'source' | 'contexts'> & {
      readonly model: CheckedModel
      readonly files: readonly FileRef[]
      readonly author: string
    },
  ): RevisionRow {
    const { store } = this.#core
    const latest = store.revisions.find(stack, store.revisions.latestNumber(stack))
    const { digest, model } = request.model
    const current = this.#current(stack)
    if (current?.digest === digest) return current
    return {
      stack,
      // A rebuilt state has no revisions, but knows the number of the last one.
      number: Math.max(latest?.number ?? 0, store.stacks.find(stack)?.revision ?? 0) + 1,
      createdAt: this.#now(),
      author: request.author,
      note: request.note,
      source: request.source,
      digest,
      model,
      files: request.files,
      contexts: contextsOf(request.contexts, model, latest),
    }
  }

  #current(stack: string): RevisionRow | undefined {
    const { store } = this.#core
    const row = store.stacks.find(stack)
    return store.revisions.find(stack, row?.revision ?? store.revisions.latestNumber(stack))
  }

  #accept(stack: string, request: ChangeRequest, caller: Caller): Accepted {
    const { store } = this.#core
    const deployment = store.transaction(() => {
      mustNotBeHeld(store, stack)
      const before = this.#state(stack)
      const applied = applyRequest(
        stack,
        before,
        request,
        (number) => {
          const revision = store.revisions.find(stack, number)
          if (revision === undefined) throw definitionLost(stack, number)
          return revision.model
        },
        this.#now(),
      )
      return this.#queue(stack, request.kind, request, applied.stack.revision, caller)
    })
    this.#supervisor.requested(stack, deployment, request)
    return { deployment, changed: true }
  }

  /** Older requests over the whole stack that wait have lost their point. */
  #queue(stack: string, kind: DeploymentKind, request: StackRequest, revision: number, caller: Caller): string {
    const { store } = this.#core
    const at = this.#now()
    if (isWholeStack(request)) {
      for (const open of store.deployments.open(stack)) {
        if (open.state !== 'queued' || open.kind === 'heal' || !isWholeStack(open.request as StackRequest)) continue
        const error = new Problem('superseded', 'a newer request took the place of this one').toDetails()
        store.deployments.end(open.id, { state: 'superseded', at, error, warnings: [] })
        this.#core.credentials.delete(open.id)
        this.#core.progress.publish({ deployment: open.id, type: 'ended' })
      }
    }
    const id = randomUUID()
    store.deployments.add({
      id,
      stack,
      kind,
      revision,
      state: 'queued',
      requestedBy: caller.name,
      request,
      createdAt: at,
    })
    return id
  }

  #now(): string {
    return this.#core.clock.now().toISOString()
  }
}

const bundleRefs = (sent: UpRequest['bundles']): FileRef[] =>
  Object.entries(sent).map(([name, { id, kind }]) => ({
    kind: 'bundle',
    name,
    digest: id,
    delivery: kind,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  }))

const NO_DRIFT: ReadonlyMap<string, DriftField[]> = new Map()

/** A context that was not sent again stands as it was, for as long as its build section does. */
function contextsOf(
  sent: UpRequest['contexts'],
  model: Model,
  latest: RevisionRow | undefined,
): Record<string, string> {
  const contexts = { ...sent }
  for (const [key, id] of Object.entries(latest?.contexts ?? {})) {
    const service = serviceOfContext(key)
    const same = canonical(latest?.model.services[service]?.build) === canonical(model.services[service]?.build)
    if (same && contexts[key] === undefined) contexts[key] = id
  }
  return contexts
}

/** A model that the stack language has read, and the digest of what was sent. */
interface CheckedModel {
  readonly digest: string
  readonly model: Model
}
