/** How far files are on their way to the daemon: on a terminal a line that changes, otherwise one for each that took a while. */
import { formatBytes } from '../../../protocol/bytes.ts'
import type { UploadReport } from '../../api.ts'
import type { Progress } from '../output.ts'

/** What is smaller is there before anybody has read of it. */
const WORTH_BYTES = 1_000_000
const EVERY_MS = 100

export function uploadReport(progress: Progress, write: (text: string) => void, now = Date.now): UploadReport {
  let shownAtMs = 0
  return (name, sentBytes, bytes) => {
    if (bytes < WORTH_BYTES || progress === 'quiet') return
    const isDone = sentBytes === bytes
    if (progress === 'json') {
      if (isDone) write(`${JSON.stringify({ id: name, status: 'Sent', bytes })}\n`)
    } else if (isDone) {
      write(`${progress === 'tty' ? '\r\u001b[2K' : ''} ${name}  Sent ${formatBytes(bytes)}\n`)
    } else if (progress === 'tty' && now() - shownAtMs >= EVERY_MS) {
      shownAtMs = now()
      write(`\r\u001b[2K ${name}  Sending ${formatBytes(sentBytes)} of ${formatBytes(bytes)}`)
    }
  }
}
