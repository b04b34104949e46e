/** The routes about certificates of hosts. */
import { type CertificateRequest, HostName } from '../../protocol/resources/certificate.ts'
import type { RouteName } from '../../protocol/routes.ts'
import type { CertificateControl } from '../certificates/certificate-control.ts'
import { checked } from './checked.ts'
import type { Handler, Input } from './handler.ts'

export function certificateRoutes(certificates: Pick<CertificateControl, 'list' | 'import' | 'remove'>) {
  const hostOf = ({ params }: Input): string => checked(HostName, params.host, 'the host')
  return {
    certificates: ({ caller }) => ({
      certificates: certificates
        .list()
        .filter(({ usedBy }) => caller.may('system.read') || usedBy.some(({ stack }) => caller.may('read', stack)))
        .map((one) => ({ ...one, usedBy: one.usedBy.filter(({ stack }) => caller.may('read', stack)) })),
    }),
    putCertificate: (input) => certificates.import(hostOf(input), input.body as CertificateRequest, input.caller.name),
    removeCertificate: async (input) => {
      const host = hostOf(input)
      await certificates.remove(host)
      return { host }
    },
  } satisfies Partial<Record<RouteName, Handler>>
}
