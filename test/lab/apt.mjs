// Debian's and Ubuntu's own packages, for what the lab needs and the machine does not have.
import { readFileSync } from 'node:fs'
import { findCommand, run } from './commands.mjs'

export function canInstallPackages() {
  return process.getuid?.() === 0 && isDebianLike() && findCommand('apt-get') !== undefined
}

/** As root. */
export async function installPackages(packages, { log = () => {} } = {}) {
  const apt = (...args) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 600_000,
    })
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages)
  log(`installing ${packages.join(', ')} with apt-get`)
  try {
    await install()
  } catch {
    // Either the package lists are missing or they name files that are gone; the second try reports what remains.
    log('refreshing the package lists with apt-get update')
    await apt('update')
    await install()
  }
}

function isDebianLike() {
  try {
    const release = readFileSync('/etc/os-release', 'utf8')
    return /^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(release)
  } catch {
    return false // no such file: not Debian
  }
}
