/** The use cases: a request is checked, written down, and its stack's loop woken. */
import { randomUUID } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'
import type { Container } from '../../protocol/resources/container.ts'
import type { Accepted, CancelRequest, Deployment, DeploymentKind } from '../../protocol/resources/deployment.ts'
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
  type TrialDecision,
  UpOptions,
  type UpRequest,
} from '../../protocol/resources/stack.ts'
import type { Trial } from '../../protocol/resources/trial.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import { effectiveModel } from '../stack/effective-model.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { TrialRow } from '../store/trials.ts'
import { decideAdoption } from './adopt.ts'
import { applyRequest } from './apply-request.ts'
import { mustNotBeOnTrial } from './apply-trial.ts'
import { cancelDeployment } from './cancel.ts'
import { bundleRefs, Candidates } from './candidates.ts'
import type { Caller, ContainerDetail, Control } from './control.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { definitionLost } from './desired-reader.ts'
import { mustNotBeHeld } from './held.ts'
import { mustFind, mustFindRevision } from './must-find.ts'
import { namesOf } from './names.ts'
import { previewDrift, previewRequest } from './plan-preview.ts'
import { toAuth } from './registry-auth.ts'
import { type ChangeRequest, isWholeStack, type StackRequest } from './requests.ts'
import { prepareRollback, rollbackCandidate } from './rollback.ts'
import { declaredParts, listContainers, listStacks, rowOf, showStack } from './stack-queries.ts'
import type { StackState } from './stack-state.ts'
import { stoppedBy } from './stopped-by.ts'
import type { Supervisor } from './supervisor.ts'
import { revisionOfRow, trialAt } from './views.ts'
import { mustBeWithinPolicy } from './within-policy.ts'

export class StackControl implements Control {
  readonly #core: Core
  readonly #supervisor: Supervisor
  readonly #candidates: Candidates

  constructor(core: Core, supervisor: Supervisor) {
    this.#core = core
    this.#candidates = new Candidates(core)
    this.#supervisor = supervisor
  }

  async up(stack: string, request: UpRequest, caller: Caller): Promise<Accepted> {
    mustNotBeHeld(this.#core.store, stack)
    await this.#candidates.mustBeFree(stack, request)
    const { store } = this.#core
    const agents = this.#core.sshLoans.agentsOf(request.ssh)
    const files = [
      ...request.files.map((file) => this.#core.files.put(file)),
      ...(await this.#candidates.place(request.bundles)),
    ]
    for (const id of Object.values(request.contexts)) {
      if (!(await this.#core.contexts.has(id))) {
        throw new Problem('bad-request', 'a build context of this request was not uploaded', {
          hint: 'upload it first: PUT /v1/contexts/:id',
        })
      }
    }
    const model = await this.#candidates.checked(stack, request, files, caller)
    const { revision, accepted, stored, known } = store.transaction(() => {
      // Once more: a hold may have come while the request was read.
      mustNotBeHeld(store, stack)
      const candidate = this.#candidates.revisionOf(stack, { ...request, files, model, author: caller.name })
      const known = store.revisions.find(stack, candidate.number) !== undefined
      if (!known) store.revisions.add(candidate)
      const stored: ChangeRequest = {
        kind: 'up',
        revision: candidate.number,
        options: request.options,
        disabled: request.disabledServices,
        ...(isTried(store.trials.find(stack), candidate.number) && { images: 'tried' }),
      }
      // Refused now rather than later: a service that the file does not have.
      applyRequest(stack, this.#state(stack), stored, () => candidate.model, this.#now())
      const kind = request.options.trial?.strategy ?? (request.options.start === 'start' ? 'up' : 'create')
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
    await this.#candidates.mustBeFree(stack, request)
    const files = [...request.files.map((file) => this.#core.files.refOf(file)), ...bundleRefs(request.bundles)]
    const model = await this.#candidates.checked(stack, request, files, caller)
    const candidate = this.#candidates.revisionOf(stack, { ...request, files, model, author: '' })
    const stored: ChangeRequest & { kind: 'up' } = {
      kind: 'up',
      revision: candidate.number,
      options: request.options,
      disabled: request.disabledServices,
      ...(isTried(this.#core.store.trials.find(stack), candidate.number) && { images: 'tried' }),
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
      this.#row(stack)
      for (const part of declaredParts(this.#core, stack))
        await mustBeWithinPolicy(caller, part, this.#core.engine, deadline())
    }
    return this.#accept(stack, { kind: 'scale', options }, caller)
  }

  async rollback(stack: string, request: RollbackRequest, caller: Caller): Promise<Accepted> {
    const { store } = this.#core
    mustNotBeHeld(store, stack)
    mustNotBeOnTrial(store.trials.find(stack))
    const signal = deadline()
    const { to, pins, options } = await prepareRollback(this.#core, stack, request, signal)
    // What an administrator declared once is not for everybody to bring back.
    await mustBeWithinPolicy(caller, to, this.#core.engine, signal)
    const { deployment, stored, changed } = store.transaction(() => {
      // What came while the images were looked for.
      mustNotBeHeld(store, stack)
      mustNotBeOnTrial(store.trials.find(stack))
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

  async promote(stack: string, options: TrialDecision, caller: Caller): Promise<Accepted> {
    const { store } = this.#core
    const tried = store.revisions.find(stack, store.trials.find(stack)?.revision ?? 0)
    // What an administrator put on trial is not for everybody to have everywhere.
    if (tried !== undefined) await mustBeWithinPolicy(caller, tried, this.#core.engine, deadline())
    return this.#accept(stack, { kind: 'promote', options }, caller)
  }

  async abort(stack: string, options: TrialDecision, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'abort', options }, caller)
  }

  cancel(stack: string, request: CancelRequest, caller: Caller): Accepted {
    return cancelDeployment(this.#core, this.#supervisor, stack, request, caller)
  }

  async kill(stack: string, options: KillOptions, caller: Caller): Promise<Accepted> {
    return this.#accept(stack, { kind: 'kill', options, stops: await stoppedBy(this.#core, stack, options) }, caller)
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
    await this.#candidates.mayAdopt(stack, request)
    const files = request.files.map((file) => this.#core.files.put(file))
    const candidate = await this.#candidates.adoptedRevision(stack, request, files, caller)
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
    await this.#candidates.mayAdopt(stack, request)
    const files = request.files.map((file) => this.#core.files.refOf(file))
    const candidate = await this.#candidates.adoptedRevision(stack, request, files, { ...caller, name: '' })
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
    mustNotBeOnTrial(store.trials.find(stack))
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

  stacks(): Promise<StackSummary[]> {
    return listStacks(this.#core)
  }

  stack(stack: string): Promise<Stack> {
    return showStack(this.#core, stack)
  }

  containers(stack: string, detail: ContainerDetail): Promise<Container[]> {
    return listContainers(this.#core, stack, detail)
  }

  trial(stack: string): Trial | undefined {
    return trialAt(this.#core.store, stack)
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
    return revisionOfRow(store, mustFindRevision(store, stack, number), current, 'model')
  }

  deployments(stack: string, limit: number, revision?: number): Deployment[] {
    for (const progress of this.#core.underWay.values()) progress.flush()
    return this.#core.store.deployments.list(stack, limit, revision)
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

  #row(stack: string) {
    return rowOf(this.#core, stack)
  }

  #state(stack: string): StackState | undefined {
    const { store } = this.#core
    const row = store.stacks.find(stack)
    if (row === undefined) return undefined
    return { stack: row, services: store.stacks.services(stack), trial: store.trials.find(stack) }
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

/** Its images are those that its replicas have, whatever their tags mean by now. */
const isTried = (trial: TrialRow | undefined, revision: number): boolean => trial?.revision === revision
