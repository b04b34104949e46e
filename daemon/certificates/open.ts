/** Makes what has certificates for the ingress, and the use cases around them. */
import type { EncryptedHost } from '../ingress/table.ts'
import type { Store } from '../store/store.ts'
import type { AcmeConfig } from './acme-config.ts'
import { AcmeIssuer } from './acme-issuer.ts'
import { CertificateControl } from './certificate-control.ts'
import type { CertificateVault } from './certificate-vault.ts'
import { type ChallengeAnswers, overDns, overHttp } from './challenges.ts'
import type { Issuer } from './issuer.ts'
import { CertificateKeeper } from './keeper.ts'

interface HttpsIngress extends ChallengeAnswers {
  readonly changes: { subscribe(listener: () => void): unknown }
  encryptedHosts(): readonly EncryptedHost[]
  serveCertificates(): Promise<void>
}

interface Surroundings {
  readonly config: AcmeConfig
  readonly vault: CertificateVault
  readonly store: Store
  /** Undefined where there is none: nothing is served then, and so nobody is asked for anything. */
  readonly ingress: HttpsIngress | undefined
  readonly clock: ConstructorParameters<typeof CertificateKeeper>[0]['clock']
  readonly log: ConstructorParameters<typeof CertificateKeeper>[0]['log']
}

export interface OpenedCertificates {
  readonly control: CertificateControl
  /** Until the signal ends it. */
  keep(signal: AbortSignal): Promise<void>
}

export function openCertificates({ config, vault, store, ingress, clock, log }: Surroundings): OpenedCertificates {
  const hosts = (): readonly EncryptedHost[] => ingress?.encryptedHosts() ?? []
  const serve = async (): Promise<void> => ingress?.serveCertificates()
  const issuer = (answers: ChallengeAnswers): Issuer =>
    new AcmeIssuer({
      config,
      vault,
      way: config.dnsHook === undefined ? overHttp(answers) : overDns(config.dnsHook),
      clock,
      log,
    })
  const keeper = new CertificateKeeper({
    vault,
    store,
    issuer: ingress === undefined || !config.isAgreed ? { whyNot: NOT_AGREED } : issuer(ingress),
    hosts,
    serve,
    isHeld: () => store.holds.all().some(({ stack }) => stack === undefined),
    clock,
    log,
  })
  ingress?.changes.subscribe(() => keeper.wake())
  return {
    control: new CertificateControl({ vault, store, keeper, hosts, serve, now: () => clock.now() }),
    keep: (signal) => keeper.run(signal),
  }
}

const NOT_AGREED =
  'no authority is asked before somebody agrees to its terms: evenkeeld --acme-terms agreed; see also --acme and --acme-email'
