/** Labels of stacks, by which grants reach them: whoever gives or takes one gives or takes rights. */
import { type Grant, reaches } from '../../protocol/access.ts'
import { Problem } from '../../protocol/problems.ts'
import type { StackLabels } from '../../protocol/resources/label.ts'
import type { Store } from '../store/store.ts'
import { ACCESS_LIMIT, type AccessCollaborators } from './access-control.ts'
import type { Admitted } from './gate.ts'
import { mustHold } from './ruling.ts'

/** Of one stack. */
const LABELS_LIMIT = 50

export interface LabelCollaborators extends Omit<AccessCollaborators, 'store'> {
  readonly store: AccessCollaborators['store'] & Pick<Store, 'labels'>
}

export class LabelControl {
  readonly #with: LabelCollaborators

  constructor(collaborators: LabelCollaborators) {
    this.#with = collaborators
  }

  list(stack: string): StackLabels {
    return { stack, labels: this.#with.store.labels.of(stack) }
  }

  put(stack: string, label: string, value: string, caller: Admitted): StackLabels {
    const { labels } = this.#with.store
    const before = labels.of(stack)
    const after = { ...before, [label]: value }
    if (Object.keys(after).length > LABELS_LIMIT)
      throw new Problem('conflict', `stack ${stack} has ${LABELS_LIMIT} labels already`)
    if (Object.keys(before).length === 0 && labels.stacks() >= ACCESS_LIMIT)
      throw new Problem('conflict', `${ACCESS_LIMIT} stacks have labels already`)
    return this.#change(stack, before, after, () => labels.put(stack, label, value), caller)
  }

  /** Of one that is not there, nothing. */
  remove(stack: string, label: string, caller: Admitted): StackLabels {
    const { labels } = this.#with.store
    const before = labels.of(stack)
    const { [label]: _, ...after } = before
    return this.#change(stack, before, after, () => labels.remove(stack, label), caller)
  }

  #change(
    name: string,
    before: Readonly<Record<string, string>>,
    after: Readonly<Record<string, string>>,
    write: () => void,
    caller: Admitted,
  ): StackLabels {
    const { store, changed } = this.#with
    for (const grant of this.#byLabel()) {
      const had = grant.stacks.some((pattern) => reaches(pattern, { name, labels: before }))
      const has = grant.stacks.some((pattern) => reaches(pattern, { name, labels: after }))
      if (had !== has) mustHold(caller, [{ ...grant, stacks: [name] }])
    }
    store.transaction(write)
    changed()
    return this.list(name)
  }

  /** What is given to anybody on stacks of some label. A token that is as its user reaches no further than the user does. */
  #byLabel(): Grant[] {
    const { access, teams, invitations } = this.#with.store
    const given: { readonly role?: string | undefined; readonly stacks?: readonly string[] | undefined }[] = [
      ...access.users(),
      ...access.tokens(),
      ...teams.all(),
      ...invitations.all(),
    ]
    return given.flatMap(({ role, stacks }) =>
      role === undefined || stacks?.some((pattern) => pattern.includes('=')) !== true
        ? []
        : [this.#with.rights.grant(role, stacks)],
    )
  }
}
