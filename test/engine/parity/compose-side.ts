/** Docker Compose's half: the stack as `docker compose create` makes it. */
import { execFile } from 'node:child_process'
import type { Case } from './cases.ts'
import { CASES_FOLDER } from './cases.ts'

/** Undefined where it made the stack, else why it did not. */
export function composeCreate(
  testCase: Case,
  project: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const command = testCase.files.length > 0 ? ['up', '--detach'] : ['create']
  const args = ['compose', '--progress', 'quiet', '--project-name', project, '--file', testCase.file, ...command]
  return new Promise((resolve) => {
    execFile('docker', args, { env: environment, cwd: CASES_FOLDER, timeout: 60_000 }, (error, _stdout, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message)
    })
  })
}
