import { rmSync } from 'node:fs'
import { Problem } from '../../../../protocol/problems.ts'
import { command } from '../../command.ts'
import { mustBeRootOnSystemd, ourUnit, systemctl } from '../../systemd.ts'
import { SECRETS_UNIT, SECRETS_UNIT_PATH, UNIT, UNIT_PATH } from '../../systemd-unit.ts'

export default command({
  name: 'system uninstall',
  describe: 'Take back what `system install` did. Stacks go on running, and the state stays',
  options: {},
  async run({ output }, _, words) {
    if (words.length > 0) throw new Problem('bad-request', 'this takes no words', { hint: 'see its --help' })
    mustBeRootOnSystemd(process.getuid?.())
    if (ourUnit() === undefined)
      throw new Problem('conflict', `there is no ${UNIT_PATH}: nothing was installed`, {
        hint: 'evenkeel system install',
      })
    await systemctl('disable', '--now', UNIT)
    if (ourUnit(SECRETS_UNIT_PATH) !== undefined) {
      await systemctl('disable', SECRETS_UNIT)
      rmSync(SECRETS_UNIT_PATH)
    }
    rmSync(UNIT_PATH)
    await systemctl('daemon-reload')
    output.line(`Stopped and removed ${UNIT}. Stacks go on running.`)
    output.line('The state stays: /var/lib/evenkeel. Remove that folder yourself if you want it gone.')
    return 0
  },
})
