/** What a caller may ask the Engine for, where their role does not let them ask for anything. */
import { type Finding, Problem } from '../../protocol/problems.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import type { ContainerInspect } from '../engine/types.ts'
import { hostReachOf } from './container-reach.ts'
import { imageOf } from './policy-images.ts'
import type { PolicyRules } from './policy-rules.ts'
import { hostVolumesOf, violationsOf } from './policy-violations.ts'

/** Violations in words; and in an answer, whatever a file has. */
const SHOWN = 20
const FINDINGS_LIMIT = 100

export class ModelPolicy {
  readonly #rules: PolicyRules
  readonly #realPath: (path: string) => string

  /** `realPath` resolves links of what there is of a path; it is the Engine's file system that counts. */
  constructor(rules: PolicyRules, realPath: (path: string) => string) {
    this.#rules = rules
    this.#realPath = realPath
  }

  /**
   * Throws what the model must not ask for, all of it, by key and rule. It is to be canonical, or keys are overlooked. `sent`:
   * paths that it binds and that are none of this machine, for what is mounted there came with it.
   */
  check(model: Model, sent: ReadonlySet<string> = new Set()): void {
    this.#refuse(violationsOf(model, this.#rules, this.#realPath, sent))
  }

  /** The same for volumes that are there already: by name, the project that each was made for. */
  checkVolumes(model: Model, present: ReadonlyMap<string, string | undefined>): void {
    this.#refuse(hostVolumesOf(model, present, this.#rules))
  }

  /** The same for a name that an image is to have. */
  checkImage(path: string, image: string): void {
    const findings: Finding[] = []
    imageOf(path, image, this.#rules, (path, rule, message) => findings.push({ path, message: `${message} [${rule}]` }))
    this.#refuse(findings)
  }

  /** A command with all rights of root on the host. */
  refusePrivilegedExec(): never {
    throw new Problem('policy-violation', 'exec.privileged: a privileged command is not allowed [privileged]')
  }

  /** The same for a container that is to be entered or read: somebody else may have declared it. */
  checkContainer(container: ContainerInspect): void {
    const findings = hostReachOf(container, this.#rules, this.#realPath)
    const [first] = findings
    if (first === undefined) return
    const name = container.Name.replace(/^\//, '')
    throw new Problem(
      'policy-violation',
      `${name} has more of the host than you may: ${first.path}: ${first.message}`,
      {
        hint: 'an administrator may do it, or allow it in the policy of the daemon (see SECURITY.md)',
        findings: findings.slice(0, FINDINGS_LIMIT),
      },
    )
  }

  #refuse(findings: readonly Finding[]): void {
    if (findings.length === 0) return
    const lines = findings.slice(0, SHOWN).map(({ path, message }) => `${path}: ${message}`)
    if (findings.length > SHOWN) lines.push(`and ${findings.length - SHOWN} more`)
    throw new Problem('policy-violation', lines.join('\n'), {
      hint: 'an administrator may bring it up, or allow it in the policy of the daemon (see SECURITY.md)',
      findings: findings.slice(0, FINDINGS_LIMIT),
    })
  }
}
