/** What happens to a service that is no container, as the progress of containers is told. */
import type { Output } from '../output.ts'

export function serviceLine({ progress }: Pick<Output, 'progress'>): (service: string, text: string) => void {
  switch (progress) {
    case 'quiet':
      return () => {}
    case 'json':
      return (id, status) => void process.stderr.write(`${JSON.stringify({ id, status })}\n`)
    case 'tty':
    case 'plain':
      return (service, text) => void process.stderr.write(` ${service}  ${text}\n`)
  }
}
