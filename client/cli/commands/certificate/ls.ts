import type { Certificate } from '../../../../protocol/resources/certificate.ts'
import { command } from '../../command.ts'
import { table } from '../../render/table.ts'

export default command({
  name: 'certificate ls',
  aliases: ['certificate list'],
  describe: 'List certificates of hosts that are served over HTTPS, and what keeps others from having one',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['table', 'json'], default: 'table' },
  },
  async run({ api, output, warn }, { format }) {
    const { certificates } = await api.call('certificates')
    if (format === 'json') for (const certificate of certificates) output.line(JSON.stringify(certificate))
    else {
      output.line(
        table(
          ['HOST', 'STATE', 'ISSUER', 'NOT AFTER', 'NEXT', 'USED BY'],
          certificates.map(({ host, state, issuer, notAfter, nextAt, usedBy }) => [
            host,
            state,
            issuer ?? '',
            notAfter ?? '',
            nextAt ?? '',
            usedBy.map(({ stack, service }) => `${stack}/${service}`).join(', '),
          ]),
        ),
      )
      for (const words of certificates.flatMap(concernOf)) warn(words)
    }
    return 0
  },
})

const concernOf = ({ host, error }: Certificate): string[] => (error === undefined ? [] : [`${host}: ${error}`])
