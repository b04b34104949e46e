/** `x-evenkeel.ingress` of a service: what each key may say, and the page that one of them names. */
import type { LoadContext } from './context.ts'
import { isMap, type PolicyFinding, unknownKeys } from './policy-finding.ts'
import { locate, type Project } from './project.ts'
import { parseDuration, parseSize } from './units.ts'

const OF_HTTP = ['max_body', 'timeout', 'error_page'] as const
const KEYS = [...OF_HTTP, 'proxy_protocol']
/** HAProxy holds it in one of its buffers of 16 KiB, with the head of the answer. */
const PAGE_BYTES = 14 * 1024
const LONGEST_MS = 24 * 3600 * 1000

export function ingressFindings(
  ingress: unknown,
  served: { readonly http: boolean; readonly tcp: boolean },
): PolicyFinding[] {
  const path = ['ingress']
  if (!isMap(ingress)) return [{ message: 'ingress is to be a mapping', path, hint: 'Such as {max_body: 10m}.' }]
  const found = unknownKeys(ingress, KEYS, path)
  const { max_body, timeout, error_page, proxy_protocol } = ingress
  const add = (key: string, message: string, hint?: string): void => {
    found.push({ message, path: [...path, key], hint })
  }
  if (max_body !== undefined && !isSize(max_body)) add('max_body', 'max_body is to be a size', 'Such as 10m.')
  const timeoutMs = typeof timeout === 'string' ? (parseDuration(timeout) ?? 0) / 1e6 : 0
  if (timeout !== undefined && !(timeoutMs >= 1 && timeoutMs <= LONGEST_MS))
    add('timeout', 'timeout is to be a duration of at most a day', 'Such as 30s.')
  if (error_page !== undefined && !isPage(error_page))
    add('error_page', 'error_page is to be the path of a file', 'Such as ./unavailable.html, or {content: "<h1>..."}.')
  if (isMap(error_page) && bytesOf(String(error_page.content)) > PAGE_BYTES)
    add('error_page', `The page is larger than ${PAGE_BYTES / 1024} KiB`, 'Let it load what is large from elsewhere.')
  if (proxy_protocol !== undefined && typeof proxy_protocol !== 'boolean')
    add('proxy_protocol', 'proxy_protocol is to be true or false')
  for (const key of OF_HTTP)
    if (ingress[key] !== undefined && !served.http)
      add(
        key,
        `${key} is of HTTP, and the ingress serves none of this service`,
        'Give it routes, or ports with app_protocol: http.',
      )
  if (proxy_protocol === true && !served.tcp)
    add(
      'proxy_protocol',
      'proxy_protocol is of TCP ports, and this service has none',
      'With HTTP, X-Forwarded-For says who asks.',
    )
  return found
}

/** Puts the pages that services name by path in the place of the paths: they belong to the revision, as configs do. */
export function readErrorPages(project: Project, { source, budget, findings }: LoadContext): void {
  for (const [name, service] of Object.entries(project.model.services)) {
    const ingress = service['x-evenkeel']?.ingress
    if (typeof ingress?.error_page !== 'string') continue
    const path = ['services', name, 'x-evenkeel', 'ingress', 'error_page']
    const at = locate(project.root, path)
    const content = source.read(ingress.error_page, at.at)
    if (content === undefined) {
      findings.add(`The error_page ${ingress.error_page} is not there`, at, { path })
      continue
    }
    budget.spendText(content.length, at.at)
    if (bytesOf(content) > PAGE_BYTES)
      findings.add(`The error_page ${ingress.error_page} is larger than ${PAGE_BYTES / 1024} KiB`, at, {
        path,
        hint: 'Let it load what is large from elsewhere.',
      })
    else ingress.error_page = { content }
  }
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

function isSize(value: unknown): boolean {
  const bytes = typeof value === 'number' ? value : typeof value === 'string' ? parseSize(value) : undefined
  return bytes !== undefined && Number.isSafeInteger(bytes) && bytes > 0
}

const isPage = (value: unknown): boolean =>
  isMap(value)
    ? typeof value.content === 'string' && Object.keys(value).length === 1
    : typeof value === 'string' && value !== ''
