/** A deployment as a report: how it ended, each step with its time, and what came through the ingress meanwhile. */
import type { Deployment, ServiceTraffic } from '../../../protocol/resources/deployment.ts'
import { ago, table, tookOf } from './table.ts'

export function renderDeployment(deployment: Deployment, now: Date): string {
  const { id, kind, state, requestedBy, steps, warnings, error, traffic = [] } = deployment
  const when = ago(deployment.startedAt ?? deployment.createdAt, now)
  const took = tookOf(deployment)
  const parts = [`${id.slice(0, 8)}: ${kind} by ${requestedBy}, ${when}: ${state}${took === '' ? '' : ` in ${took}`}`]
  if (error !== undefined) parts.push(error.detail, ...(error.hint === undefined ? [] : [`  ${error.hint}`]))
  for (const warning of warnings) parts.push(`warning: ${warning}`)
  if (steps.length > 0)
    parts.push(
      table(
        ['STEP', 'STATE', 'TOOK', 'WHY'],
        steps.map((step) => [step.object, step.label, tookOf(step), step.reason]),
      ),
    )
  if (traffic.length > 0)
    parts.push(table(['SERVICE', 'THROUGH THE INGRESS', 'FAILED', 'SLOW', 'RETRIES'], traffic.map(trafficCells)))
  return parts.join('\n')
}

function trafficCells({ service, protocol, seen, failed, status5xx, unreached, cut, slow, retries }: ServiceTraffic) {
  const how = [
    status5xx ? `${status5xx} answered with 5xx` : '',
    unreached ? `${unreached} brought to no container` : '',
    cut ? `${cut} cut` : '',
  ].filter((words) => words !== '')
  return [
    service,
    `${seen} ${protocol === 'http' ? 'request(s)' : 'connection(s)'}`,
    how.length === 0 ? String(failed) : `${failed} (${how.join(', ')})`,
    slow === undefined ? '' : String(slow),
    String(retries),
  ]
}
