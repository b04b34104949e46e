/** What a request declares: checked, within what its caller may ask for, and as the revision that it would become. */
import { createHash } from 'node:crypto'
import { serviceOfContext } from '../../protocol/build.ts'
import { Problem } from '../../protocol/problems.ts'
import type { AdoptRequest, UpRequest } from '../../protocol/resources/stack.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import { canonical } from '../stack/explain.ts'
import { COMPOSE, OURS } from '../stack/labels.ts'
import type { FileRef, RevisionRow } from '../store/revisions.ts'
import { mustBeAdoptable } from './adopt.ts'
import type { Caller } from './control.ts'
import type { Core } from './core.ts'
import { deadline } from './deadline.ts'
import { secretsOf } from './secret-control.ts'
import { mustBeWithinPolicy } from './within-policy.ts'

export class Candidates {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** A name that another folder, machine or tool uses is not silently taken over. */
  async mustBeFree(stack: string, request: UpRequest): Promise<void> {
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

  mayAdopt(stack: string, request: AdoptRequest): Promise<void> {
    if (request.model.name !== stack) {
      throw new Problem('bad-request', `the model is named ${request.model.name}, not ${stack}`)
    }
    const services = new Set(Object.keys(request.model.services))
    return mustBeAdoptable(this.#core, stack, services, request.takeOver ? 'take' : 'refuse', deadline())
  }

  /** Bound files that the client sent, where containers can mount them. */
  async place(sent: UpRequest['bundles']): Promise<FileRef[]> {
    const { engine, bundles } = this.#core
    if (Object.keys(sent).length > 0 && !engine.address.startsWith('unix:')) {
      throw new Problem('unsupported', 'files of a client are bound only where the daemon runs beside its Engine', {
        hint: 'use configs or a volume instead of relative bind mounts',
      })
    }
    for (const bundle of Object.values(sent)) await bundles.place(bundle)
    return bundleRefs(sent)
  }

  async adoptedRevision(
    stack: string,
    request: AdoptRequest,
    files: readonly FileRef[],
    caller: Caller,
  ): Promise<RevisionRow> {
    const model = await this.checked(stack, { ...request, contexts: {} }, files, caller)
    return this.revisionOf(stack, { ...request, contexts: {}, files, model, author: caller.name })
  }

  /** The model, checked, and within what the caller may ask for. The language is loaded when first needed. */
  async checked(
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
  revisionOf(
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
    const tried = store.revisions.find(stack, store.trials.find(stack)?.revision ?? 0)
    if (tried?.digest === digest) return tried
    return {
      stack,
      // A rebuilt state has no revisions, but knows the number of the last one.
      number: Math.max(latest?.number ?? 0, store.stacks.find(stack)?.revision ?? 0) + 1,
      createdAt: this.#core.clock.now().toISOString(),
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
}

export const bundleRefs = (sent: UpRequest['bundles']): FileRef[] =>
  Object.entries(sent).map(([name, { id, kind }]) => ({
    kind: 'bundle',
    name,
    digest: id,
    delivery: kind,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  }))

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
export interface CheckedModel {
  readonly digest: string
  readonly model: Model
}
